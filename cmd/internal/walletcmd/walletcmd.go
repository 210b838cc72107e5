// Package walletcmd owns the wallets of commands: which one a command uses, how it is unlocked, and wallet create,
// list, show, backup and restore.
// It leaves key files to package wallet, and what the keys sign to the commands that ask for them.
// It keeps secrets off the command line: a password and words come from a file or a terminal, never from an argument,
// words go to a terminal or a private file only, and files that others can read are refused.
//
// A command calls AddFlags, and in its RunE Open, or OpenOrCreate when it is the first thing that people run.
package walletcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

// DefaultName is the wallet that commands use when none is named.
const DefaultName = "default"

// Errors of this package.
var (
	ErrNoWallet     = errors.New("no such wallet")
	ErrName         = errors.New("not a name for a wallet")
	ErrPasswordFile = errors.New("not a usable password file")
)

// nameSyntax keeps names inside their directory, and visible.
var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Selection is the wallet that a command works with, and the ways to unlock it.
type Selection struct {
	app          *cli.App
	name         string
	passwordFile string
	insecure     bool
	device       bool
	identity     identity
	own          bool // named by the program, not by a person: no typing error makes a new identity
}

// AddFlags adds --wallet and --password-file to a command.
func AddFlags(app *cli.App, command *cobra.Command) *Selection {
	s := &Selection{app: app}
	flags := command.Flags()
	flags.StringVar(&s.name, "wallet", DefaultName, "name of the wallet to use")
	flags.StringVar(&s.passwordFile, "password-file", "", "file that holds the wallet's password, of mode 0600")
	return s
}

// AddCreateFlags adds to AddFlags what only commands need that may make a wallet.
func AddCreateFlags(app *cli.App, command *cobra.Command) *Selection {
	s := AddFlags(app, command)
	command.Flags().BoolVar(&s.insecure, "insecure-no-password", false, "make the wallet without a password: whoever reads the file has the keys")
	command.Flags().BoolVar(&s.device, "device", false, "make the wallet for a small device: its password takes 9 MiB of memory to check, not 64")
	cli.OnlyTyped(command, "insecure-no-password", "device")
	return s
}

// Named selects a wallet that the program itself keeps, such as one of several parties in one process.
func Named(app *cli.App, name string) *Selection { return &Selection{app: app, name: name, own: true} }

// Open unlocks the wallet, and gives the face of it that --identity asks for. It returns ErrNoWallet when there is none of
// that name.
func (s *Selection) Open() (*wallet.Wallet, error) {
	w, err := s.open()
	if err != nil {
		return nil, err
	}
	return s.face(w), nil
}

func (s *Selection) open() (*wallet.Wallet, error) {
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return nil, err
	}
	info, err := wallet.Inspect(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.missing()
	}
	if err != nil {
		return nil, err
	}
	s.app.SetDID(info.DID.String())
	password, err := s.unlockPassword(info.Protected)
	if err != nil {
		return nil, err
	}
	return wallet.Open(path, password)
}

// OpenOrCreate unlocks the wallet, or makes it on the first run, without a terminal: then with a password from
// --password-file, else with a generated one that is kept beside it, which it says on stderr. Only the default wallet
// is made so: another name that does not exist is taken for a typing error.
func (s *Selection) OpenOrCreate() (w *wallet.Wallet, created bool, err error) {
	w, err = s.Open()
	if !errors.Is(err, ErrNoWallet) || s.name != DefaultName && !s.own {
		return w, false, err
	}
	w, err = s.create(nil)
	if errors.Is(err, wallet.ErrExists) { // another process was faster
		w, err = s.Open()
		return w, false, err
	}
	if err != nil {
		return nil, false, err
	}
	return s.face(w), true, nil
}

// SaveRotation writes into the key file which account key is the current one, and whether the next rotation was begun.
func (s *Selection) SaveRotation(rotation uint32, rotating bool) error {
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return err
	}
	info, err := wallet.Inspect(path)
	if err != nil {
		return err
	}
	password, err := s.unlockPassword(info.Protected)
	if err != nil {
		return err
	}
	return wallet.SaveRotation(path, password, rotation, rotating)
}

// Inspect gives what the key file says without a password.
func (s *Selection) Inspect() (Summary, error) {
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return Summary{}, err
	}
	info, err := wallet.Inspect(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Summary{}, s.missing()
	}
	if err != nil {
		return Summary{}, err
	}
	return s.summary(path, info), nil
}

// create makes a new wallet with this password; without one, with that of --password-file or a generated one.
// If we crash between the password and the wallet, the next run finds the password and uses it.
func (s *Selection) create(password []byte) (*wallet.Wallet, error) {
	if _, err := s.app.Dir(directory); err != nil {
		return nil, err
	}
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%w: %s", wallet.ErrExists, path)
	}
	createdAt := wallet.CreatedAt(time.Now())
	if s.insecure {
		w, err := wallet.CreateInsecure(path, createdAt)
		if err == nil {
			s.app.SetDID(w.DID().String())
			s.app.Note("made wallet %s, %s, without a password: whoever reads %s has its keys", s.name, w.DID(), path)
		}
		return w, err
	}
	generated := false
	if password == nil {
		if password, generated, err = s.createPassword(); err != nil {
			return nil, err
		}
	}
	w, err := wallet.Create(path, password, createdAt, s.cost())
	if err != nil {
		return nil, err
	}
	s.app.SetDID(w.DID().String())
	s.app.Note("made wallet %s, %s, in %s", s.name, w.DID(), path)
	if generated {
		return w, s.adviseOnPassword()
	}
	return w, nil
}

// cost is what a try of a new wallet's password takes.
func (s *Selection) cost() wallet.FileOption {
	if s.device {
		return wallet.WithCost(wallet.DeviceCost())
	}
	return wallet.WithCost(wallet.DefaultCost())
}

func (s *Selection) adviseOnPassword() error {
	path, err := s.path(passwordSuffix)
	if err != nil {
		return err
	}
	s.app.Note("its password was generated and lies in %s: move it to a credential store and name it with --password-file, "+
		"and never back up the two files together", path)
	return nil
}

const (
	directory      = "wallets"
	keyFileSuffix  = ".json"
	passwordSuffix = ".password"
)

func (s *Selection) path(suffix string) (string, error) {
	if !nameSyntax.MatchString(s.name) {
		return "", cli.Usage("take letters, digits, dots and dashes, for example `--wallet depot-1`", "%w: %q", ErrName, s.name)
	}
	return filepath.Join(s.app.Data(), directory, s.name+suffix), nil
}

func (s *Selection) missing() error {
	hint := "make it: `{program} wallet create`"
	if s.name != DefaultName {
		hint = "make it: `{program} wallet create --wallet " + s.name + "`, or see `{program} wallet list`"
	}
	return cli.Fail(hint, "%w: %s in %s", ErrNoWallet, s.name, filepath.Join(s.app.Data(), directory))
}
