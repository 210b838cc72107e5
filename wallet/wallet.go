// Package wallet owns what a machine is: its Ed25519 keys, the DID that names it, the signatures that it gives,
// and the encrypted file in which the keys rest. It leaves to others what is signed, where accounts live
// (settle) and what third parties attest about a DID (wallet/credential).
// It keeps invariant I8: every signature covers a domain tag and a network id, so it is good for one kind of
// message on one network, and nothing signs bytes that somebody else chose.
//
// Start with Create or Open for a wallet on disk, or Generate for one in memory; Sign and Verify for signatures.
//
// # Derivation
//
// 32 bytes of entropy are 24 English words of BIP-39; with an empty passphrase they give the seed of a SLIP-0010
// Ed25519 tree, in which every level is hardened:
//
//	m/19024'/0'/0'           account key; the last level counts rotations
//	m/19024'/1'/high'/low'   channel keys; upper and lower 16 bits of the channel index
//	m/19024'/2'/0'           the station's own meter key
//	m/19024'/3'/0'           X25519 secret of the Noise handshake
//	m/19024'/4'/0'           key for the NATS broker
//	m/19024'/5'/0'           seed of tick chains
//	m/19024'/6'/0'           key of what the wallet seals for itself
//	m/19024'/7'/a'/b'/c'/d'  entropy of the wallet that one operator knows: see Pairwise
//
// 19024 is "JP" in ASCII. Paths never change: a restored backup must find its keys.
package wallet

import (
	"crypto/rand"
	"fmt"
	"log/slog"

	"github.com/tyler-smith/go-bip39"
)

// EntropySize is the length in bytes of a wallet's secret, which 24 words of BIP-39 spell.
const EntropySize = 32

// purposeJoulepay is the first level of every path (BIP-43): "JP" in ASCII, a number that no BIP uses.
const purposeJoulepay = 'J'<<8 | 'P' // 19024

// Purpose says what a derived key is for. It is the second level of the path and a field of a Binding.
type Purpose byte

// Purposes. A number is never reused: keys that exist were derived with it.
const (
	PurposeAccount     Purpose = 0
	PurposeChannel     Purpose = 1
	PurposeMeter       Purpose = 2
	PurposeNoiseStatic Purpose = 3
	PurposeNATS        Purpose = 4
	PurposeTickSeed    Purpose = 5
)

// Wallet holds the secret from which all keys of one machine or company derive. It never prints, logs or encodes
// itself. It does not change, so it is safe for concurrent use. Make one with Generate, FromEntropy, Create or Open.
type Wallet struct {
	secret func() *walletSecret // behind a function, as in PrivateKey
}

type walletSecret struct {
	entropy   [EntropySize]byte
	words     string
	root      node // m/19024'
	inception PrivateKey
	account   PrivateKey
	rotation  uint32 // of account
}

// Generate makes a wallet of fresh entropy.
func Generate() *Wallet {
	var entropy [EntropySize]byte
	_, _ = rand.Read(entropy[:]) // never fails since Go 1.24
	return FromEntropy(entropy)
}

// FromEntropy gives the wallet of some entropy, always the same: BIP-39 words with an empty passphrase, their
// seed, and from it the Ed25519 tree of SLIP-0010. It costs 2048 rounds of PBKDF2, a few milliseconds.
func FromEntropy(entropy [EntropySize]byte) *Wallet {
	words, err := bip39.NewMnemonic(entropy[:])
	if err != nil {
		panic("wallet: BIP-39 refuses 32 bytes: " + err.Error())
	}
	return grown(bip39.NewSeed(words, ""), walletSecret{entropy: entropy, words: words})
}

// FromSeed gives the wallet of a seed of SLIP-0010, always the same. It has no words and cannot be backed up: it is for machines
// that only a simulation knows, by the thousands, for which the rounds of FromEntropy would be most of the work.
func FromSeed(seed [MasterSeedSize]byte) *Wallet { return grown(seed[:], walletSecret{}) }

// MasterSeedSize is the length in bytes of the seed that words of BIP-39 stand for.
const MasterSeedSize = 64

// grown derives what every wallet has from its seed.
func grown(seed []byte, secret walletSecret) *Wallet {
	secret.root = masterNode(seed).child(purposeJoulepay)
	secret.account = NewPrivateKey(secret.root.descend(uint32(PurposeAccount), 0).key)
	secret.inception = secret.account
	return &Wallet{secret: func() *walletSecret { return &secret }}
}

// DID names the wallet's owner: the DID of its first account key, however often that was rotated.
func (w *Wallet) DID() DID { return DIDOf(w.secret().inception.Public()) }

// Account gives the key that signs vertices, quotes and bindings: m/19024'/0'/n' after n rotations.
func (w *Wallet) Account() PrivateKey { return w.secret().account }

// Channel gives the key of one channel: m/19024'/1'/high'/low', the upper and lower 16 bits of the index.
// Each channel takes the next index, so that no key serves two.
func (w *Wallet) Channel(index uint32) PrivateKey {
	return NewPrivateKey(w.derive(PurposeChannel, index>>16, index&0xffff))
}

// Meter gives the key under which a station attests its own meter: m/19024'/2'/0'.
func (w *Wallet) Meter() PrivateKey { return NewPrivateKey(w.derive(PurposeMeter, 0)) }

// NoiseStatic gives the X25519 secret of the Noise handshake: m/19024'/3'/0'. X25519 clamps it on use.
func (w *Wallet) NoiseStatic() [32]byte { return w.derive(PurposeNoiseStatic, 0) }

// NATS gives the key that identifies a connection to the broker: m/19024'/4'/0'. It signs nonces under DomainConnect only.
func (w *Wallet) NATS() PrivateKey { return NewPrivateKey(w.derive(PurposeNATS, 0)) }

// TickSeed gives the secret from which the hash chains of ticks derive: m/19024'/5'/0'.
func (w *Wallet) TickSeed() [32]byte { return w.derive(PurposeTickSeed, 0) }

// Words gives the backup: 24 words of the English BIP-39 list, which are the secret itself. A wallet of FromSeed has none.
func (w *Wallet) Words() string { return w.secret().words }

func (w *Wallet) derive(purpose Purpose, numbers ...uint32) [32]byte {
	return w.secret().root.child(uint32(purpose)).descend(numbers...).key
}

// LogValue keeps the wallet's secret out of logs.
func (*Wallet) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format keeps the wallet's secret out of every fmt verb.
func (*Wallet) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText refuses, which keeps the wallet out of JSON and YAML.
func (*Wallet) MarshalText() ([]byte, error) { return nil, errSecret }

// MarshalBinary refuses, which keeps the wallet out of CBOR and gob.
func (*Wallet) MarshalBinary() ([]byte, error) { return nil, errSecret }
