package claimcmd

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// listValidDefault is for how long a list is signed: who verifies late asks for it again.
const listValidDefault = "30d"

func statusCommand(app *cli.App, program string) *cobra.Command {
	group := &cobra.Command{
		Use: "status", Short: "Keep the lists on which claims are revoked or suspended",
		Example: "  " + program + " claim status create 2026 --url https://charging.example/v1/status-lists/2026\n" +
			"  " + program + " claim status show 2026",
	}
	group.AddCommand(createListCommand(app, program), showListCommand(app, program), renewListCommand(app, program))
	return group
}

func createListCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "create LIST", Short: "Make an empty list", Args: cobra.ExactArgs(1),
		Long: "Make an empty list, in a file of that name below --data or at a path. Its URL stands in every claim on it, so it\n" +
			"must not change; a server of the API hosts the lists below its --data under /v1/status-lists/NAME.",
		Example: "  " + program + " claim status create 2026 --url https://charging.example/v1/status-lists/2026",
	}
	var url, purpose, valid string
	var size int
	command.Flags().StringVar(&url, "url", "", "where the list is hosted")
	cli.ChoiceVar(command.Flags(), &purpose, "purpose", string(credential.PurposeRevocation), "what a set bit means",
		string(credential.PurposeRevocation), string(credential.PurposeSuspension))
	command.Flags().StringVar(&valid, "valid", listValidDefault, "for how long it is signed, such as 30d")
	command.Flags().IntVar(&size, "size", status.SizeMin, "how many claims it has room for")
	cli.OnlyTyped(command, "url", "purpose", "valid", "size")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(_ *cobra.Command, args []string) error {
		if url == "" {
			return cli.Usage("`{command} "+args[0]+" --url https://HOST/v1/status-lists/"+filepath.Base(args[0])+"`", "--url is needed")
		}
		path, err := listPath(app, args[0])
		if err != nil {
			return err
		}
		w, err := selected.Open()
		if err != nil {
			return err
		}
		from := time.Now().UTC().Truncate(time.Second)
		until, err := lifeAfter(from, valid)
		if err != nil {
			return err
		}
		file, err := status.Create(path, credential.SignerOf(w), status.Settings{
			URL: url, Purpose: credential.Purpose(purpose), Size: size, ValidFrom: from, ValidUntil: until,
		})
		if err != nil {
			return err
		}
		return printList(app, path, file)
	}
	return command
}

// shownList is the result of the commands on lists.
type shownList struct {
	status.Summary
	Credential string `json:"credential"`
	File       string `json:"file"`
}

// printList shows a list and closes it.
func printList(app *cli.App, path string, file *status.File) error {
	shown := shownList{file.Summary(), file.Credential(), path}
	if err := file.Close(); err != nil {
		return err
	}
	return app.Print(shown, func(p *cli.Printer) {
		p.Fields("list", shown.URL, "issuer", shown.Issuer, "purpose", string(shown.Purpose))
		p.Line("%d claims of at most %d, %d of them set", shown.Allocated, shown.Size, shown.Set)
		p.Fields("signed", shown.ValidFrom.Format(time.RFC3339), "until", shown.ValidUntil.Format(time.RFC3339), "file", shown.File)
	})
}

func showListCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "show LIST", Short: "Show what a list is", Args: cobra.ExactArgs(1),
		Example: "  " + program + " claim status show 2026",
	}
	command.RunE = func(_ *cobra.Command, args []string) error {
		path, err := listPath(app, args[0])
		if err != nil {
			return err
		}
		file, err := status.Open(path)
		if err != nil {
			return err
		}
		return printList(app, path, file)
	}
	return command
}

func renewListCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "renew LIST", Short: "Sign a list anew before it ends", Args: cobra.ExactArgs(1),
		Example: "  " + program + " claim status renew 2026 --valid 30d",
	}
	var valid string
	command.Flags().StringVar(&valid, "valid", listValidDefault, "for how long it is signed, such as 30d")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(_ *cobra.Command, args []string) error {
		return changeList(app, selected, args[0], valid, func(file *status.File, by credential.Signer, from, until time.Time) error {
			return file.Renew(by, from, until)
		})
	}
	return command
}

// changeList opens a list, changes it, and shows it.
func changeList(app *cli.App, selected *walletcmd.Selection, name, valid string,
	change func(*status.File, credential.Signer, time.Time, time.Time) error,
) error {
	from := time.Now().UTC().Truncate(time.Second)
	until, err := lifeAfter(from, valid)
	if err != nil {
		return err
	}
	path, err := listPath(app, name)
	if err != nil {
		return err
	}
	w, err := selected.Open()
	if err != nil {
		return err
	}
	file, err := status.Open(path)
	if err != nil {
		return err
	}
	if err := change(file, credential.SignerOf(w), from, until); err != nil {
		return errors.Join(err, file.Close())
	}
	return printList(app, path, file)
}

func revokeCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "revoke FILE", Short: "Revoke or suspend a claim of one's own", Args: cobra.ExactArgs(1),
		Long: "Set the bit of a claim on the list that it was issued with, and sign the list anew. What the list means, its purpose\n" +
			"says: revoked is for ever, suspended until --lift. Verifiers notice when they fetch the list the next time.",
		Example: "  " + program + " claim revoke calibration.jwt --status-list 2026",
	}
	var list, valid string
	var lift bool
	command.Flags().StringVar(&list, "status-list", "", "the list: its name below --data, or a file")
	command.Flags().StringVar(&valid, "valid", listValidDefault, "for how long the list is signed, such as 30d")
	command.Flags().BoolVar(&lift, "lift", false, "end a suspension")
	cli.OnlyTyped(command, "status-list", "lift")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		if list == "" {
			return cli.Usage("name the list that it was issued with: `{command} --status-list LIST`", "--status-list is needed")
		}
		compact, err := readFile(command, args[0], credential.SizeMax)
		if err != nil {
			return err
		}
		parsed, err := credential.Parse(compact)
		if err != nil {
			return err
		}
		return changeList(app, selected, list, valid, func(file *status.File, by credential.Signer, from, until time.Time) error {
			entry, err := entryOn(file.Summary(), credential.Credential(parsed), by)
			if err == nil && lift && entry.Purpose == credential.PurposeRevocation {
				return cli.Usage("issue a new claim: `"+program+" claim issue`", "a revocation is for ever")
			}
			if err != nil {
				return err
			}
			return file.Set(by, entry, !lift, from, until)
		})
	}
	return command
}

// entryOn finds the entry of a claim on a list of its issuer.
func entryOn(list status.Summary, c credential.Credential, by credential.Signer) (credential.StatusEntry, error) {
	if c.Issuer != by.DID {
		return credential.StatusEntry{}, cli.Fail("its issuer revokes it: "+c.Issuer.String(), "%w: the claim is of %s", status.ErrOwner, c.Issuer)
	}
	for _, entry := range c.Status {
		if entry.List == list.URL && entry.Purpose == list.Purpose {
			return entry, nil
		}
	}
	return credential.StatusEntry{}, cli.Fail("`{program} claim verify --json FILE` shows its lists", "%w: the claim is not on %s", status.ErrList, list.URL)
}
