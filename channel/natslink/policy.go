package natslink

import (
	"encoding/base64"
	"errors"
	"fmt"

	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// ErrStationProof says that a connection claims the subjects of a station and does not show that they are its own.
var ErrStationProof = errors.New("natslink: the connection's key is not bound to the station's DID")

const (
	stationProofVersion = 1
	stationProofSize    = 1 + wallet.PublicKeySize + wallet.PublicKeySize + wallet.SignatureSize
)

// StationKey identifies the connection of a station: with its key for brokers, bound to its DID by its account key, for no
// network, as it connects before it knows one. A broker with the Policy of this package gives it the station's subjects.
func StationKey(w *wallet.Wallet) natsd.Key {
	key := ConnectKey(w.NATS())
	binding := w.Bind(wallet.NetworkID{}, wallet.PurposeNATS, 0, key.Public)
	account := w.Account().Public()
	proof := append([]byte{stationProofVersion}, account[:]...)
	proof = append(append(proof, binding.DID[:]...), binding.Signature[:]...)
	key.Proof = base64.RawURLEncoding.EncodeToString(proof)
	return key
}

// AccountKey says whether an account key is the current one of a DID.
type AccountKey func(wallet.DID, wallet.PublicKey) error

// InceptionOnly takes the key that named the DID, which is right until a key is rotated.
func InceptionOnly(did wallet.DID, account wallet.PublicKey) error {
	if account != did.InceptionKey() {
		return errors.New("not the key that named the DID")
	}
	return nil
}

// Policy gives a station, which proves its DID, the subjects of that DID, and everybody else those of a peer with the token of
// the key. It fails with ErrStationProof.
func Policy(current AccountKey) natsd.Policy {
	return func(c natsd.Client) (natsd.Permissions, error) {
		if c.Proof == "" {
			return PeerPermissions(TokenOf(c.Key)), nil
		}
		did, err := readStationProof(c, current)
		if err != nil {
			return natsd.Permissions{}, err
		}
		return StationPermissions(did), nil
	}
}

func readStationProof(c natsd.Client, current AccountKey) (wallet.DID, error) {
	proof, err := base64.RawURLEncoding.DecodeString(c.Proof)
	if err != nil || len(proof) != stationProofSize || proof[0] != stationProofVersion {
		return wallet.DID{}, fmt.Errorf("%w: malformed", ErrStationProof)
	}
	proof = proof[1:]
	account, accountErr := wallet.ParsePublicKey(proof[:wallet.PublicKeySize])
	proof = proof[wallet.PublicKeySize:]
	named, namedErr := wallet.ParsePublicKey(proof[:wallet.PublicKeySize])
	if err := errors.Join(accountErr, namedErr); err != nil {
		return wallet.DID{}, fmt.Errorf("%w: %w", ErrStationProof, err)
	}
	binding := wallet.Binding{
		DID: wallet.DIDOf(named), Purpose: wallet.PurposeNATS, Key: c.Key, Signature: wallet.Signature(proof[wallet.PublicKeySize:]),
	}
	if err := binding.Verify(account, wallet.NetworkID{}); err != nil {
		return wallet.DID{}, fmt.Errorf("%w: %w", ErrStationProof, err)
	}
	if err := current(binding.DID, account); err != nil {
		return wallet.DID{}, fmt.Errorf("%w: %w", ErrStationProof, err)
	}
	return binding.DID, nil
}
