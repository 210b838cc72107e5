package wallet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var cheap = WithCost(TestCost())

func createForTest(t *testing.T) (string, *Wallet) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wallet.json")
	w, err := Create(path, testPassword, cheap, CreatedAt(testCreated))
	if err != nil {
		t.Fatal(err)
	}
	return path, w
}

func TestCreateThenOpenGivesTheSameWallet(t *testing.T) {
	path, w := createForTest(t)
	opened, err := Open(path, testPassword)
	if err != nil || opened.Words() != w.Words() {
		t.Fatalf("got %v", err)
	}
	info, err := Inspect(path)
	if err != nil || info != (FileInfo{DID: w.DID(), Created: testCreated, Protected: true}) {
		t.Errorf("got %+v, %v", info, err)
	}
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("mode %04o, want 0600", mode)
	}
	if names := namesIn(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory holds %v", names)
	}
}

func TestCreateInsecureNeedsNoPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.json")
	w, err := CreateInsecure(path)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := Open(path, nil); err != nil || opened.DID() != w.DID() {
		t.Errorf("got %v", err)
	}
	if info, err := Inspect(path); err != nil || info.Protected || !info.Created.IsZero() {
		t.Errorf("got %+v, %v", info, err)
	}
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("mode %04o, want 0600", mode)
	}
}

func TestCreateRefusesAnEmptyPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.json")
	for _, password := range [][]byte{nil, {}} {
		if w, err := Create(path, password, cheap); !errors.Is(err, ErrNoPassword) || w != nil {
			t.Errorf("got %v, want ErrNoPassword", err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestAFileIsNeverOverwritten(t *testing.T) {
	path, w := createForTest(t)
	attempts := map[string]func() error{
		"create":   func() error { _, err := Create(path, testPassword, cheap); return err },
		"insecure": func() error { _, err := CreateInsecure(path); return err },
		"save":     func() error { return w.Save(path, testPassword, cheap) },
	}
	before := read(t, path)
	for name, attempt := range attempts {
		err := attempt()
		if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want ErrExists that names the file", name, err)
		}
	}
	if read(t, path) != before {
		t.Error("the file changed")
	}
	if names := namesIn(t, filepath.Dir(path)); len(names) != 1 {
		t.Errorf("the directory holds %v", names)
	}
}

func TestADanglingLinkIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallet.json")
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, testPassword, cheap); !errors.Is(err, ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
}

func TestLoosePermissionsAreRefusedByName(t *testing.T) {
	path, _ := createForTest(t)
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o610, 0o602, 0o644, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, openErr := Open(path, testPassword)
		_, inspectErr := Inspect(path)
		for _, err := range []error{openErr, inspectErr} {
			if !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), path) {
				t.Errorf("mode %04o: got %v, want ErrPermissions that names the file", mode, err)
			}
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, testPassword); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestOpenErrorsNameTheFile(t *testing.T) {
	path, _ := createForTest(t)
	if _, err := Open(path, []byte("wrong")); !errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want ErrPassword that names the file", err)
	}
	missing := path + ".missing"
	if _, err := Open(missing, testPassword); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want fs.ErrNotExist that names the file", err)
	}
	garbage := path + ".garbage"
	if err := os.WriteFile(garbage, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, read := range []func() error{
		func() error { _, err := Open(garbage, testPassword); return err },
		func() error { _, err := Inspect(garbage); return err },
	} {
		if err := read(); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), garbage) {
			t.Errorf("got %v, want ErrKeyFile that names the file", err)
		}
	}
}

func TestI9_OnlyRegularFilesOfBoundedLengthAreRead(t *testing.T) {
	directory := t.TempDir()
	pipe := filepath.Join(directory, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(directory, "long")
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(long, 1<<40); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, directory, long} {
		if _, err := Open(path, testPassword); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: got %v, want ErrKeyFile", path, err)
		}
	}
}

func TestCreateInAMissingDirectoryLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "wallet.json")
	if w, err := Create(path, testPassword, cheap); !errors.Is(err, fs.ErrNotExist) || w != nil {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func namesIn(t *testing.T, directory string) []string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
