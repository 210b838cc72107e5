package walletcmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

// wordsSizeMax bounds a file of words: 24 of at most 8 letters, with room for blanks.
const wordsSizeMax = 1024

// ErrWordsFile is returned for a file of words that others may read, or that is too long.
var ErrWordsFile = errors.New("not a usable file of words")

func restoreCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "restore", Short: "Make a wallet again from its 24 words",
		Long: "Make a wallet again from its 24 words, which are asked for on the terminal or read from --words FILE; never from an\n" +
			"argument, which other users of the machine could read. A wallet that exists is never overwritten.\n" +
			"The words do not restore channels: nothing is signed on a channel that the store does not know. Import the newest\n" +
			"export if there is one; else each channel is closed by the other side, or ends by itself when it expires, and what is\n" +
			"due to this wallet is paid to its account.",
		Example: "  " + program + " wallet restore\n  " + program + " wallet restore --words /media/safe/words --password-file /run/credentials/wallet",
	}
	selection := AddCreateFlags(app, command)
	var file string
	command.Flags().StringVar(&file, "words", "", "`FILE` that holds the 24 words, of mode 0600")
	cli.OnlyTyped(command, "words")
	command.RunE = func(*cobra.Command, []string) error { return selection.restore(program, file) }
	return command
}

func (s *Selection) restore(program, file string) error {
	if err := s.vacant(); err != nil {
		return err
	}
	w, err := s.askWords(file)
	if err != nil {
		return err
	}
	password, err := s.newPassword()
	if err != nil {
		return err
	}
	if err := s.keep(w, password); err != nil {
		return err
	}
	s.adviseOnChannels(program)
	sum, err := s.Inspect()
	if err != nil {
		return err
	}
	return s.app.Print(sum, sum.print)
}

// vacant returns wallet.ErrExists when there is a wallet of the name: before anybody types 24 words in vain.
func (s *Selection) vacant() error {
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return cli.Fail("choose another name: `{command} --wallet NAME`; `{program} wallet list` shows those that exist", "%w: %s", wallet.ErrExists, path)
	}
	return nil
}

func (s *Selection) askWords(file string) (*wallet.Wallet, error) {
	var text string
	var err error
	if file != "" {
		text, err = readWords(file)
	} else if text, err = s.app.Secret("the 24 words, in one line (they are not shown): "); errors.Is(err, cli.ErrNoTerminal) {
		return nil, cli.Fail("name the file that holds them: `{command} --words FILE`", "no words given, and no terminal to ask on")
	}
	if err != nil {
		return nil, err
	}
	w, err := wallet.FromWords(text)
	return w, cli.Hint(err, "compare them with what was written down, in order; each is in the English list of BIP-39")
}

// readWords reads a file that only its owner may read.
func readWords(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the words: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("read the words: %w", err)
	}
	if info.Mode().Perm()&othersAccess != 0 {
		return "", cli.Fail("if nobody else can have read it: `chmod 600 "+path+"`; else make a new wallet and move the money",
			"%w: %s has mode %04o, which lets others read it", ErrWordsFile, path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, wordsSizeMax+1))
	if err != nil {
		return "", fmt.Errorf("read the words: %w", err)
	}
	if len(data) > wordsSizeMax {
		return "", cli.Fail("put the 24 words alone into the file", "%w: %s is longer than %d bytes", ErrWordsFile, path, wordsSizeMax)
	}
	return string(data), nil
}

// keep saves a wallet under the selection's name, as create saves a new one.
func (s *Selection) keep(w *wallet.Wallet, password []byte) error {
	if _, err := s.app.Dir(directory); err != nil {
		return err
	}
	path, err := s.path(keyFileSuffix)
	if err != nil {
		return err
	}
	createdAt := wallet.CreatedAt(time.Now())
	s.app.SetDID(w.DID().String())
	if s.insecure {
		return w.SaveInsecure(path, createdAt)
	}
	generated := false
	if password == nil {
		if password, generated, err = s.createPassword(); err != nil {
			return err
		}
	}
	if err := w.Save(path, password, createdAt, s.cost()); err != nil {
		return err
	}
	s.app.Note("restored wallet %s, %s, in %s", s.name, w.DID(), path)
	if generated {
		return s.adviseOnPassword()
	}
	return nil
}

func (s *Selection) adviseOnChannels(program string) {
	s.app.Note("if its account key was ever rotated: `%s wallet rotate` finds the current one on the ledger, and rotates no further", program)
	if program == "ledger" {
		return
	}
	s.app.Note("channels were not restored: import the newest export, `%s channels import FILE`", program)
	s.app.Note("without one, the other side of each channel closes it, or it ends when it expires; nothing is signed on it before")
}
