package cli

import (
	"fmt"
	"os"
	"path/filepath"
)

// directoryMode keeps keys, claims and receipts from other users of the machine.
const directoryMode = 0o700

// Data gives the directory of all state, absolute. It may not exist yet: Dir makes it.
func (a *App) Data() string { return a.global.data }

// Dir gives a directory below Data, made when missing: app.Dir("wallets").
func (a *App) Dir(below ...string) (string, error) {
	path := filepath.Join(append([]string{a.Data()}, below...)...)
	if err := os.MkdirAll(path, directoryMode); err != nil {
		return "", fmt.Errorf("make the directory of state: %w", err)
	}
	return path, nil
}

// resolveData fills in the default of --data, as the XDG base directory specification places it, and makes it absolute.
func (a *App) resolveData() error {
	if a.global.data == "" {
		home := a.environ["XDG_DATA_HOME"]
		if !filepath.IsAbs(home) { // the specification: relative paths are to be ignored
			if a.environ["HOME"] == "" {
				return Usage("say where to keep state: `{command} --data DIR`", "there is no home directory")
			}
			home = filepath.Join(a.environ["HOME"], ".local", "share")
		}
		a.global.data = filepath.Join(home, "joulepay", a.Name())
	}
	absolute, err := filepath.Abs(a.global.data)
	if err != nil {
		return fmt.Errorf("resolve --data: %w", err)
	}
	a.global.data = absolute
	return nil
}
