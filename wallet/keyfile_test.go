package wallet

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	testPassword = []byte("correct horse")
	testCreated  = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
)

func sealForTest(t testing.TB, w *Wallet, password []byte) []byte {
	t.Helper()
	var cost *Cost
	if password != nil {
		c := TestCost()
		cost = &c
	}
	data, err := seal(w, password, cost, testCreated)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestKeyFileOpensWithItsPasswordOnly(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	data := sealForTest(t, w, testPassword)
	opened, err := open(data, testPassword)
	if err != nil || opened.Words() != w.Words() || opened.DID() != w.DID() {
		t.Fatalf("got %v", err)
	}
	for _, wrong := range []string{"correct hors", "correct horse ", "Correct horse"} {
		if opened, err := open(data, []byte(wrong)); !errors.Is(err, ErrPassword) || opened != nil {
			t.Errorf("password %q: got %v, want ErrPassword", wrong, err)
		}
	}
	if _, err := open(data, nil); !errors.Is(err, ErrNoPassword) {
		t.Errorf("no password: got %v, want ErrNoPassword", err)
	}
}

func TestUnprotectedKeyFileOpensWithoutPasswordOnly(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	data := sealForTest(t, w, nil)
	if opened, err := open(data, nil); err != nil || opened.DID() != w.DID() {
		t.Errorf("got %v", err)
	}
	// Somebody may have swapped the protected file for this one.
	if _, err := open(data, testPassword); !errors.Is(err, ErrNotProtected) {
		t.Errorf("got %v, want ErrNotProtected", err)
	}
}

// Anyone can seal a file that has no password, so its DID is believed only when its keys give it.
func TestKeyFileThatNamesAnotherDIDDoesNotOpen(t *testing.T) {
	w, other := FromEntropy(bip39Entropy), FromEntropy([32]byte{1})
	header := fileHeader{Version: keyFileVersion, DID: other.DID(), KDF: kdfNone, Cipher: cipherName, Nonce: make([]byte, 24)}
	raw, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	sealed := header.aead(nil).Seal(nil, header.Nonce, w.secret().entropy[:], associatedData(raw))
	data, err := json.Marshal(sealedFile{Header: raw, Sealed: sealed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(data, nil); !errors.Is(err, ErrKeyFile) {
		t.Errorf("got %v, want ErrKeyFile", err)
	}
}

func TestSealingTwiceSharesNoBytes(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	first, firstHeader, err1 := decodeKeyFile(sealForTest(t, w, testPassword))
	second, secondHeader, err2 := decodeKeyFile(sealForTest(t, w, testPassword))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first.Sealed, second.Sealed) || bytes.Equal(firstHeader.Nonce, secondHeader.Nonce) ||
		bytes.Equal(firstHeader.Salt, secondHeader.Salt) {
		t.Error("salt, nonce or sealed bytes repeat")
	}
}

func TestKeyFileHoldsNoSecretInTheClear(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	assertNoSecret(t, "the key file", string(sealForTest(t, w, testPassword)), bip39Entropy[:], w.Account().secret())
}

// Every field of the header is authenticated: to change one is not noticed as such, but nothing opens.
func TestKeyFileWithAChangedHeaderDoesNotOpen(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	data := string(sealForTest(t, w, testPassword))
	changes := map[string][2]string{
		"DID":     {w.DID().String(), FromEntropy([32]byte{1}).DID().String()},
		"created": {"2025-03-01", "2024-03-01"},
		"passes":  {`"passes":1`, `"passes":2`},
		"memory":  {`"memory_kib":8`, `"memory_kib":9`},
		"field":   {`"version":1`, `"Version":1`},
	}
	for name, change := range changes {
		changed := strings.Replace(data, change[0], change[1], 1)
		if changed == data {
			t.Fatalf("%s: nothing to change in %s", name, data)
		}
		if _, err := open([]byte(changed), testPassword); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: got %v, want ErrPassword", name, err)
		}
	}
}

func TestKeyFileSurvivesReformatting(t *testing.T) {
	var indented bytes.Buffer
	if err := json.Indent(&indented, sealForTest(t, FromEntropy(bip39Entropy), testPassword), "", "\t"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(indented.Bytes(), testPassword); err != nil {
		t.Error(err)
	}
}

func TestI9_AKeyFileWithADamagedByteDoesNotOpen(t *testing.T) {
	data := sealForTest(t, FromEntropy(bip39Entropy), testPassword)
	typed := []error{ErrPassword, ErrKeyFile, ErrVersion, ErrCost, ErrNoPassword, ErrNotProtected}
	rapid.Check(t, func(t *rapid.T) {
		damaged := bytes.Clone(data)
		at := rapid.IntRange(0, len(data)-2).Draw(t, "at") // the last byte is a newline
		damaged[at] ^= rapid.ByteRange(1, 255).Draw(t, "change")
		_, err := open(damaged, testPassword)
		if err == nil {
			if _, header, _ := decodeKeyFile(data); !sameMeaning(damaged, header) {
				t.Fatalf("opens with byte %d changed: %s", at, damaged)
			}
			return
		}
		for _, kind := range typed {
			if errors.Is(err, kind) {
				return
			}
		}
		t.Fatalf("untyped error %v", err)
	})
}

// sameMeaning tells whether a file says what it said: JSON takes "Sealed" for "sealed", and blanks for blanks.
func sameMeaning(data []byte, want fileHeader) bool {
	_, header, err := decodeKeyFile(data)
	a, _ := json.Marshal(header)
	b, _ := json.Marshal(want)
	return err == nil && bytes.Equal(a, b)
}

func TestI9_HostileKeyFilesAreRefusedBeforeAnyWork(t *testing.T) {
	good := string(sealForTest(t, FromEntropy(bip39Entropy), testPassword))
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	tests := []struct {
		name, data string
		want       error
	}{
		{"empty", "", ErrKeyFile},
		{"not JSON", "age-encryption.org/v1", ErrKeyFile},
		{"null", "null", ErrKeyFile},
		{"no header", `{"sealed":"AAAA"}`, ErrKeyFile},
		{"header of another type", `{"header":7,"sealed":"AAAA"}`, ErrKeyFile},
		{"two values", good + good, ErrKeyFile},
		{"too long", good + strings.Repeat(" ", keyFileSizeMax), ErrKeyFile},
		{"unknown field", with(`{"header"`, `{"hint":"x","header"`), ErrKeyFile},
		{"unknown header field", with(`"version":1`, `"version":1,"hint":"x"`), ErrKeyFile},
		{"next version", with(`"version":1`, `"version":2,"new":{}`), ErrVersion},
		{"no version", with(`"version":1,`, ``), ErrVersion},
		{"other key derivation", with(`"argon2id"`, `"scrypt"`), ErrKeyFile},
		{"password stripped", with(`"argon2id"`, `"none"`), ErrKeyFile},
		{"other cipher", with(`"xchacha20-poly1305"`, `"aes-256-gcm"`), ErrKeyFile},
		{"short nonce", with(`"nonce":"`, `"nonce":"AAAA","x":"`), ErrKeyFile},
		{"bad DID", with(`"did:joule:`, `"did:web:`), ErrKeyFile},
		{"short sealed bytes", with(`"sealed":"`, `"sealed":"AAAA`), ErrKeyFile},
		{"no passes", with(`"passes":1`, `"passes":0`), ErrCost},
		{"endless passes", with(`"passes":1`, `"passes":4294967295`), ErrCost},
		{"a terabyte", with(`"memory_kib":8`, `"memory_kib":1073741824`), ErrCost},
		{"just above the cap", with(`"memory_kib":8`, `"memory_kib":262145`), ErrCost},
		{"too little memory", with(`"memory_kib":8`, `"memory_kib":7`), ErrCost},
		{"no threads", with(`"threads":1`, `"threads":0`), ErrCost},
		{"many threads", with(`"threads":1`, `"threads":255`), ErrCost},
		{"number too large", with(`"passes":1`, `"passes":4294967296`), ErrKeyFile},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := decodeKeyFile([]byte(test.data)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestSealRefusesACostOutOfBounds(t *testing.T) {
	for _, cost := range []Cost{{}, {Passes: 17, MemoryKiB: 64, Threads: 1}, {Passes: 1, MemoryKiB: 8, Threads: 2}} {
		if _, err := seal(FromEntropy(bip39Entropy), testPassword, &cost, time.Time{}); !errors.Is(err, ErrCost) {
			t.Errorf("%+v: got %v, want ErrCost", cost, err)
		}
	}
	if err := DefaultCost().check(); err != nil {
		t.Errorf("the default: %v", err)
	}
	if largest := (Cost{costPassesMax, costMemoryKiBMax, costThreadsMax}); largest.check() != nil {
		t.Errorf("the largest: %v", largest.check())
	}
}

func FuzzDecodeKeyFile(f *testing.F) {
	w := FromEntropy(bip39Entropy)
	f.Add(sealForTest(f, w, testPassword))
	f.Add(sealForTest(f, w, nil))
	f.Add([]byte(`{"header":{"version":2}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, header, err := decodeKeyFile(data)
		if err != nil {
			if !errors.Is(err, ErrKeyFile) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrCost) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if header.Cost != nil && (header.Cost.MemoryKiB > costMemoryKiBMax || header.Cost.Passes > costPassesMax) {
			t.Fatalf("cost %+v", header.Cost)
		}
		encoded, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := decodeKeyFile(encoded)
		if err != nil || !bytes.Equal(again.Sealed, file.Sealed) ||
			!bytes.Equal(associatedData(again.Header), associatedData(file.Header)) {
			t.Fatalf("%q encodes to %q, which decodes to %v", data, encoded, err)
		}
	})
}
