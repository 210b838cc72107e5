package walletcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

// Command gives the group "wallet", the same for every program.
func Command(app *cli.App, program string) *cobra.Command {
	group := &cobra.Command{
		Use: "wallet", Short: "Make, show, back up and restore wallets: the keys of this machine or company",
		Example: "  " + program + " wallet create\n  " + program + " wallet list",
	}
	group.AddCommand(createCommand(app, program), listCommand(app, program), showCommand(app, program),
		backupCommand(app, program), restoreCommand(app, program))
	return group
}

// Protections of a key file.
const (
	ProtectedByPassword  = "password"  // a person or a credential store knows it
	ProtectedByGenerated = "generated" // it lies beside the key file
	Unprotected          = "none"
)

// Summary is what a key file says of a wallet without a password.
type Summary struct {
	Name         string     `json:"name"`
	DID          wallet.DID `json:"did"`
	DIDKey       string     `json:"did_key"`
	Protection   string     `json:"protection"`
	Created      *time.Time `json:"created,omitempty"`
	Rotation     uint32     `json:"rotation"`           // how often the account key was rotated
	Rotating     bool       `json:"rotating,omitempty"` // a rotation was begun: `wallet rotate` finishes it
	File         string     `json:"file"`
	PasswordFile string     `json:"password_file,omitempty"` // only when generated
}

func (s *Selection) summary(path string, info wallet.FileInfo) Summary {
	sum := Summary{Name: s.name, DID: info.DID, DIDKey: info.DID.DIDKey(), Protection: ProtectedByPassword, File: path,
		Rotation: info.Rotation, Rotating: info.Rotating}
	if !info.Created.IsZero() {
		sum.Created = &info.Created
	}
	if !info.Protected {
		sum.Protection = Unprotected
	} else if beside, err := s.path(passwordSuffix); err == nil {
		if _, err := os.Stat(beside); err == nil {
			sum.Protection, sum.PasswordFile = ProtectedByGenerated, beside
		}
	}
	return sum
}

func (sum Summary) print(p *cli.Printer) {
	p.Fields("wallet", sum.Name, "DID", sum.DID.String(), "twin", sum.DIDKey, "created", sum.created(),
		"rotated", sum.rotated(), "password", protectionText[sum.Protection], "file", sum.File)
}

var protectionText = map[string]string{
	ProtectedByPassword: "yes", ProtectedByGenerated: "generated, beside the wallet", Unprotected: "none",
}

func (sum Summary) rotated() string {
	switch {
	case sum.Rotating:
		return fmt.Sprintf("%d times, and the next was begun: `wallet rotate` finishes it", sum.Rotation)
	case sum.Rotation == 1:
		return "once"
	}
	return fmt.Sprintf("%d times", sum.Rotation)
}

func (sum Summary) created() string {
	if sum.Created == nil {
		return "unknown"
	}
	return sum.Created.Format(time.RFC3339)
}

func createCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "create", Short: "Make a new wallet",
		Long: "Make a new wallet, with a fresh DID and keys, in an encrypted file below --data.\n" +
			"The password comes from --password-file, or is asked for on a terminal; without either it is generated\n" +
			"and kept beside the wallet, which protects a copy of the wallet alone, not of both files.",
		Example: "  " + program + " wallet create\n" +
			"  " + program + " wallet create --wallet depot-1 --password-file /run/credentials/wallet",
	}
	selection := AddCreateFlags(app, command)
	command.RunE = func(*cobra.Command, []string) error {
		password, err := selection.newPassword()
		if err != nil {
			return err
		}
		if _, err := selection.create(password); err != nil {
			return err
		}
		sum, err := selection.Inspect()
		if err != nil {
			return err
		}
		return app.Print(sum, sum.print)
	}
	return command
}

// newPassword asks for the password of a new wallet where somebody can answer. An empty answer, and none, gives nil.
func (s *Selection) newPassword() ([]byte, error) {
	if s.passwordFile != "" || s.insecure {
		return nil, nil
	}
	password, err := s.app.NewPassword("password for the new wallet " + s.name + " (empty: generate one): ")
	if errors.Is(err, cli.ErrNoTerminal) || err == nil && len(password) == 0 {
		return nil, nil
	}
	return password, err
}

func showCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "show", Short: "Show the DID of a wallet, and how it is kept",
		Example: "  " + program + " wallet show\n  " + program + " wallet show --wallet depot-1 --json",
	}
	selection := &Selection{app: app}
	command.Flags().StringVar(&selection.name, "wallet", DefaultName, "name of the wallet to show")
	command.RunE = func(*cobra.Command, []string) error {
		sum, err := selection.Inspect()
		if err != nil {
			return err
		}
		return app.Print(sum, sum.print)
	}
	return command
}

// listed is a wallet, or why its file cannot be used.
type listed struct {
	Name string `json:"name"`
	*Summary
	Problem string `json:"problem,omitempty"`
}

func listCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List the wallets below --data", Example: "  " + program + " wallet list",
	}
	command.RunE = func(*cobra.Command, []string) error {
		wallets, err := list(app)
		if err != nil {
			return err
		}
		object := struct {
			Wallets []listed `json:"wallets"`
		}{wallets}
		return app.Print(object, func(p *cli.Printer) { printList(p, wallets, program) })
	}
	return command
}

// list gives the wallets by name. One that cannot be used does not hide the others.
func list(app *cli.App) ([]listed, error) {
	wallets := []listed{}
	entries, err := os.ReadDir(filepath.Join(app.Data(), directory))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the wallets: %w", err)
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), keyFileSuffix)
		if !ok || !nameSyntax.MatchString(name) {
			continue
		}
		selection := Named(app, name)
		sum, err := selection.Inspect()
		if err != nil {
			wallets = append(wallets, listed{Name: name, Problem: err.Error()})
			continue
		}
		wallets = append(wallets, listed{Name: name, Summary: &sum})
	}
	return wallets, nil
}

func printList(p *cli.Printer, wallets []listed, program string) {
	if len(wallets) == 0 {
		p.Line("no wallet yet; make one: %s wallet create", program)
		return
	}
	var rows [][]string
	for _, w := range wallets {
		if w.Problem != "" {
			rows = append(rows, []string{w.Name, w.Problem, "", ""})
			continue
		}
		rows = append(rows, []string{w.Name, w.DID.String(), w.created(), protectionText[w.Protection]})
	}
	p.Table([]string{"WALLET", "DID", "CREATED", "PASSWORD"}, rows)
}
