package wallet

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestRotationChangesTheAccountKeyAlone(t *testing.T) {
	w := FromEntropy(bip39Entropy)
	next := w.At(1)
	if next.DID() != w.DID() || next.Words() != w.Words() || next.Channel(7).Public() != w.Channel(7).Public() || next.NATS().Public() != w.NATS().Public() {
		t.Error("more than the account key changed")
	}
	if next.Account().Public() == w.Account().Public() || next.At(0).Account().Public() != w.Account().Public() || w.Rotation() != 0 || next.Rotation() != 1 {
		t.Error("the account key did not change, or does not come back")
	}
	if next.Account().Public() != NewPrivateKey(w.derive(PurposeAccount, 1)).Public() {
		t.Error("not the key of the documented path")
	}
	if n, ok := w.FindRotation(w.At(12).Account().Public()); !ok || n != 12 {
		t.Errorf("found rotation %d, %t", n, ok)
	}
	if _, ok := w.FindRotation(w.Channel(0).Public()); ok {
		t.Error("a channel key is found among the account's")
	}
	b := next.Bind(NetworkID{1}, PurposeNATS, 0, next.NATS().Public())
	if b.DID != w.DID() || b.Verify(next.Account().Public(), NetworkID{1}) != nil || b.Verify(w.Account().Public(), NetworkID{1}) == nil {
		t.Error("bindings are not signed by the current key")
	}
}

func TestKeyFileRemembersItsRotation(t *testing.T) {
	for name, password := range map[string][]byte{"protected": testPassword, "unprotected": nil} {
		path := filepath.Join(t.TempDir(), "wallet.json")
		w := FromEntropy(bip39Entropy)
		data := sealForTest(t, w, password)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := SaveRotation(path, password, 0, true); err != nil {
			t.Fatal(name, err)
		}
		if info, err := Inspect(path); err != nil || !info.Rotating || info.Rotation != 0 || !info.Created.Equal(testCreated) || info.Protected != (password != nil) {
			t.Errorf("%s: %+v %v", name, info, err)
		}
		if opened, err := Open(path, password); err != nil || opened.Account().Public() != w.Account().Public() {
			t.Error(name, err)
		}
		if err := SaveRotation(path, password, 3, false); err != nil {
			t.Fatal(name, err)
		}
		opened, err := Open(path, password)
		if err != nil || opened.Rotation() != 3 || opened.DID() != w.DID() || opened.Account().Public() != w.At(3).Account().Public() {
			t.Error(name, err)
		}
		if err := SaveRotation(path, password, 2, false); !errors.Is(err, ErrRotation) {
			t.Errorf("%s: back to an older key: %v", name, err)
		}
		if err := SaveRotation(path, password, RotationMax+1, false); !errors.Is(err, ErrRotation) {
			t.Errorf("%s: beyond the bound: %v", name, err)
		}
		if err := SaveRotation(path, []byte("wrong"), 4, false); err == nil {
			t.Errorf("%s: a wrong password", name)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".wallet-*")); len(left) != 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != keyFileMode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}
