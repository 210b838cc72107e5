package wallet

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/tyler-smith/go-bip39"
)

func TestWordsRestoreTheWallet(t *testing.T) {
	w := Generate()
	for name, text := range map[string]string{
		"as written": w.Words(), "in capitals": strings.ToUpper(w.Words()), "one a line": strings.ReplaceAll(w.Words(), " ", "\r\n") + "\n",
	} {
		again, err := FromWords(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.DID() != w.DID() || again.Channel(70_000).Public() != w.Channel(70_000).Public() {
			t.Errorf("%s: another wallet", name)
		}
	}
}

func TestI9_WordsThatSpellNoWalletAreRefusedAndNotRepeated(t *testing.T) {
	words := strings.Fields(bip39Words)
	swapped := append([]string{words[1], words[0]}, words[2:]...)
	mistyped := append([]string{"hamstar"}, words[1:]...)
	other := append([]string{"zoo"}, words[1:]...)
	short := bip39Words[:strings.LastIndex(bip39Words, " ")]
	twelve, err := bip39.NewMnemonic(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "one missing": short, "one more": bip39Words + " zoo", "two swapped": strings.Join(swapped, " "),
		"a word of no list": strings.Join(mistyped, " "), "another word": strings.Join(other, " "), "twelve": twelve,
		"a book": strings.Repeat("zoo ", 2000), "no text": "\xff\xfe" + bip39Words,
	} {
		_, err := FromWords(text)
		if !errors.Is(err, ErrWords) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, word := range append(words, "hamstar", "zoo") {
			for said := range strings.FieldsSeq(err.Error()) {
				if strings.Trim(said, ":,.") == word && word != "word" {
					t.Errorf("%s: the error repeats %q: %v", name, word, err)
				}
			}
		}
	}
}

func FuzzFromWords(f *testing.F) {
	f.Add(bip39Words)
	f.Add("  HAMSTER\tdiagram")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := FromWords(text)
		if err != nil {
			if !errors.Is(err, ErrWords) {
				t.Errorf("got %v", err)
			}
			return
		}
		if w.Words() != strings.Join(strings.Fields(strings.ToLower(text)), " ") {
			t.Error("other words come back")
		}
	})
}

func TestWhatAWalletSealsOnlyItUnsealsForThatUse(t *testing.T) {
	w := FromEntropy([32]byte{1})
	sealed := w.Seal("channels", []byte("header"), []byte("data"))
	restored, err := FromWords(w.Words())
	if err != nil {
		t.Fatal(err)
	}
	if data, err := restored.Unseal("channels", []byte("header"), sealed); err != nil || string(data) != "data" {
		t.Fatalf("got %q, %v", data, err)
	}
	try := func(name string, w *Wallet, use, header string, sealed []byte) {
		if _, err := w.Unseal(use, []byte(header), sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	try("another wallet", FromEntropy([32]byte{2}), "channels", "header", sealed)
	try("another use", w, "receipts", "header", sealed)
	try("another header", w, "channels", "head", sealed)
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1
		try("a changed byte", w, "channels", "header", changed)
		try("a cut", w, "channels", "header", sealed[:i])
	}
	again := w.Seal("channels", []byte("header"), []byte("data"))
	if string(sealed[:24]) == string(again[:24]) {
		t.Error("a nonce comes twice")
	}
}

// Paths never change: what was sealed, and whom an operator knows, must be found again.
func TestPathsOfSealingAndPairwiseWalletsAreStable(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	root := masterNode(bip39.NewSeed(bip39Words, ""))
	if w.derive(PurposeExport, 0) != root.descend(19024, 6, 0).key {
		t.Error("the key of exports moved")
	}
	operator := FromEntropy([32]byte{9}).DID()
	hash := [16]byte{0x9a, 0xe7, 0x5b, 0x42, 0x2a, 0x58, 0x79, 0x66, 0xa8, 0xb8, 0x0c, 0x0a, 0xb3, 0xee, 0xad, 0x75}
	numbers := make([]uint32, 4)
	for i := range numbers {
		numbers[i] = binary.BigEndian.Uint32(hash[4*i:]) & 0x7fffffff
	}
	want := FromEntropy(root.descend(append([]uint32{19024, 7}, numbers...)...).key)
	if got := w.Pairwise(operator); got.DID() != want.DID() {
		t.Errorf("the pairwise wallet moved: %s, want %s", got.DID(), want.DID())
	}
}

func TestPairwiseWalletsHaveNothingInCommon(t *testing.T) {
	w := Generate()
	a, b := w.Pairwise(Generate().DID()), w.Pairwise(Generate().DID())
	seen := map[PublicKey]bool{}
	for _, x := range []*Wallet{w, a, b} {
		for _, key := range []PublicKey{x.Account().Public(), x.Channel(1).Public(), x.NATS().Public(), NewPrivateKey(x.NoiseStatic()).Public(), x.Meter().Public()} {
			if seen[key] {
				t.Error("a key is in two wallets")
			}
			seen[key] = true
		}
	}
}
