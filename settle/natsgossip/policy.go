package natsgossip

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"joulepay/internal/natsd"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// ErrNodeProof says that a connection claims the subjects of a ledger's node and does not show that they are its own.
var ErrNodeProof = errors.New("natsgossip: the connection's key is not bound to a node of this ledger")

// nodeProofVersion is the first byte of a node's proof: version, DID, signature of the binding. Stations have another.
const (
	nodeProofVersion = 2
	nodeProofSize    = 1 + len(wallet.DID{}) + wallet.SignatureSize
)

const inboxTopic = "inbox."

// prefix begins all subjects of a network: 16 hexadecimal characters are enough to tell networks apart.
func prefix(n wallet.NetworkID) string { return "joule.ledger." + hex.EncodeToString(n[:8]) + "." }

// Inbox gives the beginning of the subjects on which answers come to a node, for natsd.DialOptions.
func Inbox(n wallet.NetworkID, key [natsd.KeySize]byte) string {
	return prefix(n) + inboxTopic + hex.EncodeToString(key[:])
}

// NodeKey adds to the key of a connection what shows a broker of this network that it belongs to the wallet's DID: a
// binding signed by its account key. A proof that somebody copies is good for nobody who does not hold the connection's key.
func NodeKey(w *wallet.Wallet, network wallet.NetworkID, key natsd.Key) natsd.Key {
	binding := w.Bind(network, wallet.PurposeNATS, 0, key.Public)
	raw := append([]byte{nodeProofVersion}, binding.DID[:]...)
	key.Proof = base64.RawURLEncoding.EncodeToString(append(raw, binding.Signature[:]...))
	return key
}

// Subjects gives what the bus of a witness uses, and no more; its inbox, which Policy adds, aside. The place may
// be Follower.
func Subjects(network wallet.NetworkID, place int) natsd.Permissions {
	p := natsd.Permissions{
		Publish:   []string{prefix(network) + "peer.*.*"},
		Subscribe: []string{prefix(network) + "vote.*"},
	}
	if place != Follower {
		number := strconv.Itoa(place)
		p.Publish = append(p.Publish, prefix(network)+"vote."+number, prefix(network)+inboxTopic+">")
		p.Subscribe = append(p.Subscribe, prefix(network)+"peer."+number+".*")
	}
	return p
}

// Policy gives the nodes of a network their subjects: the witnesses that its genesis names, and followers. Everybody else
// is for the other policy. log are the subjects that nodes publish to for the ordered log.
func Policy(network *proof.Network, followers []wallet.DID, log []string, other natsd.Policy) natsd.Policy {
	return func(c natsd.Client) (natsd.Permissions, error) {
		raw, err := base64.RawURLEncoding.DecodeString(c.Proof)
		if err != nil || len(raw) == 0 || raw[0] != nodeProofVersion {
			return other(c)
		}
		place, err := placeOf(network, followers, c.Key, raw)
		if err != nil {
			return natsd.Permissions{}, err
		}
		p := Subjects(network.ID, place)
		p.Publish = append(p.Publish, log...)
		p.Subscribe = append(p.Subscribe, Inbox(network.ID, c.Key)+".>")
		return p, nil
	}
}

// placeOf verifies a proof and gives the place of its witness, or Follower.
func placeOf(network *proof.Network, followers []wallet.DID, key [natsd.KeySize]byte, raw []byte) (int, error) {
	if len(raw) != nodeProofSize {
		return 0, fmt.Errorf("%w: %d bytes", ErrNodeProof, len(raw))
	}
	binding := wallet.Binding{DID: wallet.DID(raw[1 : 1+len(wallet.DID{})]), Purpose: wallet.PurposeNATS, Key: key,
		Signature: wallet.Signature(raw[1+len(wallet.DID{}):])}
	for i, w := range network.Genesis.Witnesses {
		if w.DID == binding.DID {
			return i, proven(binding, w.Key, network.ID)
		}
	}
	if slices.Contains(followers, binding.DID) {
		return Follower, proven(binding, binding.DID.InceptionKey(), network.ID)
	}
	return 0, fmt.Errorf("%w: %s is no witness, and not named as a follower", ErrNodeProof, binding.DID)
}

func proven(b wallet.Binding, account wallet.PublicKey, network wallet.NetworkID) error {
	if err := b.Verify(account, network); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNodeProof, b.DID, err)
	}
	return nil
}
