package wallet

import (
	"errors"
	"math"
	"testing"

	"github.com/tyler-smith/go-bip39"
)

// bip39Entropy and bip39Words are a pair of the BIP-39 reference vectors.
var bip39Entropy = [32]byte{
	0x68, 0xa7, 0x9e, 0xac, 0xa2, 0x32, 0x48, 0x73, 0xea, 0xcc, 0x50, 0xcb, 0x9c, 0x6e, 0xca, 0x8c,
	0xc6, 0x8e, 0xa5, 0xd9, 0x36, 0xf9, 0x87, 0x87, 0xc6, 0x0c, 0x7e, 0xbc, 0x74, 0xe6, 0xce, 0x7c,
}

const bip39Words = "hamster diagram private dutch cause delay private meat slide toddler razor book " +
	"happy fancy gospel tennis maple dilemma loan word shrug inflict delay length"

func TestWordsAreBIP39(t *testing.T) {
	if words := FromEntropy(bip39Entropy).Words(); words != bip39Words {
		t.Errorf("got %q", words)
	}
}

// The keys of a wallet may never change: whoever restores a backup must find them. Each is derived here from its path
// in full, and the DID is pinned.
func TestDerivationPathsAreStable(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	at := func(numbers ...uint32) [32]byte {
		return masterNode(bip39.NewSeed(bip39Words, "")).descend(numbers...).key
	}
	keys := []struct {
		name string
		got  PrivateKey
		want [32]byte
	}{
		{"account", w.Account(), at(19024, 0, 0)},
		{"channel 0", w.Channel(0), at(19024, 1, 0, 0)},
		{"channel 70000", w.Channel(70000), at(19024, 1, 1, 4464)},
		{"last channel", w.Channel(math.MaxUint32), at(19024, 1, 0xffff, 0xffff)},
		{"meter", w.Meter(), at(19024, 2, 0)},
		{"NATS", w.NATS(), at(19024, 4, 0)},
	}
	for _, key := range keys {
		if want := NewPrivateKey(key.want).Public(); key.got.Public() != want {
			t.Errorf("%s: got %s, want %s", key.name, key.got.Public(), want)
		}
	}
	if w.NoiseStatic() != at(19024, 3, 0) || w.TickSeed() != at(19024, 5, 0) {
		t.Error("Noise static or tick seed moved")
	}
	if w.DID().String() != "did:joule:z6MkjG6YMiu4PtEmLZhHr4m2HZsp97s5LMN6PaSPWgQAuZAh" {
		t.Errorf("got %s", w.DID())
	}
	if w.DID() != DIDOf(w.Account().Public()) {
		t.Error("the DID is not that of the account key")
	}
}

func TestEveryDerivedSecretIsDifferent(t *testing.T) {
	w := FromEntropy([32]byte{7})
	seen := map[PublicKey]string{}
	add := func(name string, key PublicKey) {
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s are the same key", name, other)
		}
		seen[key] = name
	}
	add("account", w.Account().Public())
	add("meter", w.Meter().Public())
	add("NATS", w.NATS().Public())
	add("Noise", NewPrivateKey(w.NoiseStatic()).Public())
	add("ticks", NewPrivateKey(w.TickSeed()).Public())
	for _, index := range []uint32{0, 1, 0xffff, 0x10000, 0x10001, 1 << 31, 1<<31 + 1, math.MaxUint32} {
		add("channel", w.Channel(index).Public())
	}
	add("other wallet", FromEntropy([32]byte{8}).Account().Public())
}

func TestGenerateIsFreshEachTime(t *testing.T) {
	if a, b := Generate(), Generate(); a.DID() == b.DID() {
		t.Errorf("two wallets are both %s", a.DID())
	}
}

func TestI8_BindingIsGoodForOneKeyPurposeIndexAndNetwork(t *testing.T) {
	w := FromEntropy([32]byte{1})
	network := NetworkID{1}
	channel := w.Channel(3).Public()
	good := w.Bind(network, PurposeChannel, 3, channel)
	account := w.Account().Public()
	if err := good.Verify(account, network); err != nil {
		t.Fatal(err)
	}
	if err := good.Verify(account, NetworkID{2}); !errors.Is(err, ErrSignature) {
		t.Errorf("other network: got %v", err)
	}
	if err := good.Verify(FromEntropy([32]byte{2}).Account().Public(), network); !errors.Is(err, ErrSignature) {
		t.Errorf("other account: got %v", err)
	}
	changes := map[string]func(*Binding){
		"DID":     func(b *Binding) { b.DID = FromEntropy([32]byte{2}).DID() },
		"purpose": func(b *Binding) { b.Purpose = PurposeMeter },
		"index":   func(b *Binding) { b.Index = 4 },
		"key":     func(b *Binding) { b.Key = w.Channel(4).Public() },
	}
	for name, change := range changes {
		changed := good
		change(&changed)
		if err := changed.Verify(account, network); !errors.Is(err, ErrSignature) {
			t.Errorf("other %s: got %v", name, err)
		}
	}
}
