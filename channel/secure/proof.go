package secure

import (
	"fmt"

	"github.com/flynn/noise"

	"joulepay/wallet"
)

// proofSize is the size of a proof in bytes: version (1), account key (32), DID (32), signature (64). The Noise key that the
// signature covers is the one of the handshake, and is not repeated.
const proofSize = 1 + wallet.PublicKeySize + wallet.PublicKeySize + wallet.SignatureSize

const proofVersion = 1

// Identity is what an end proves of itself: the Noise key of a wallet, bound to the wallet's DID on one network. It never
// prints its secret.
type Identity struct {
	did     wallet.DID
	network wallet.NetworkID
	proof   []byte
	static  func() noise.DHKey // behind a function, as the keys of package wallet
}

// NewIdentity makes the identity of a wallet's owner on a network. It signs once, for all handshakes.
func NewIdentity(w *wallet.Wallet, network wallet.NetworkID) Identity {
	key := keyPair(w.NoiseStatic())
	binding := w.Bind(network, wallet.PurposeNoiseStatic, 0, [32]byte(key.Public))
	return Identity{
		did: w.DID(), network: network, proof: encodeProof(w.Account().Public(), binding),
		static: func() noise.DHKey { return key },
	}
}

// DID names the owner.
func (i Identity) DID() wallet.DID { return i.did }

func encodeProof(account wallet.PublicKey, b wallet.Binding) []byte {
	p := make([]byte, 0, proofSize)
	p = append(p, proofVersion)
	p = append(p, account[:]...)
	p = append(p, b.DID[:]...)
	return append(p, b.Signature[:]...)
}

// readProof reads a proof about the Noise key that a handshake authenticated. It returns ErrProof unless the key is bound to
// the DID on this network, by the account key that the proof names. Whether that key is the DID's is for Admit.
func readProof(b []byte, static []byte, network wallet.NetworkID) (Peer, error) {
	if len(b) != proofSize || len(static) != keySize {
		return Peer{}, fmt.Errorf("%w: %d bytes", ErrProof, len(b))
	}
	if b[0] != proofVersion {
		return Peer{}, fmt.Errorf("%w: version %d", ErrProof, b[0])
	}
	b = b[1:]
	account, err := wallet.ParsePublicKey(b[:wallet.PublicKeySize])
	if err != nil {
		return Peer{}, fmt.Errorf("%w: account key: %w", ErrProof, err)
	}
	b = b[wallet.PublicKeySize:]
	named, err := wallet.ParsePublicKey(b[:wallet.PublicKeySize])
	if err != nil {
		return Peer{}, fmt.Errorf("%w: DID: %w", ErrProof, err)
	}
	binding := wallet.Binding{
		DID: wallet.DIDOf(named), Purpose: wallet.PurposeNoiseStatic, Key: [32]byte(static),
		Signature: wallet.Signature(b[wallet.PublicKeySize:]),
	}
	if err := binding.Verify(account, network); err != nil {
		return Peer{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return Peer{DID: binding.DID, Account: account, Static: binding.Key}, nil
}
