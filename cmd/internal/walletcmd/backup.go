package walletcmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

// wordsFileMode is that of a file with words: whoever reads it has the keys.
const wordsFileMode = 0o600

// backedUp is what wallet backup says on standard output when the words went to a file. It never holds the words.
type backedUp struct {
	Name  string        `json:"name"`
	DID   wallet.DID    `json:"did"`
	File  string        `json:"file"`
	Paths []wallet.Path `json:"paths"`
}

// notChannels says what the words are not. Who reads it in time exports channels, too.
func notChannels(program string) []string {
	lines := []string{
		"The words restore the keys: DID, account, and every derived key. They do not restore channels: what was signed in",
		"an open channel is in the store alone.",
	}
	if program == "ledger" {
		return lines
	}
	return append(lines, fmt.Sprintf("Keep the newest `%s channels export FILE` beside them, which only this wallet opens.", program))
}

func backupCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "backup", Short: "Show the 24 words from which all keys can be restored",
		Long: "Show the 24 words (BIP-39) from which all keys of a wallet can be restored, once, on the terminal only; or write them\n" +
			"to a new file of mode 0600 with --out. Whoever has the words has the keys, without any password.\n" +
			strings.Join(notChannels(program), "\n"),
		Example: "  " + program + " wallet backup\n  " + program + " wallet backup --out /media/safe/words",
	}
	selection := AddFlags(app, command)
	var out string
	command.Flags().StringVar(&out, "out", "", "new `FILE` for the words, instead of the terminal")
	cli.OnlyTyped(command, "out")
	command.RunE = func(*cobra.Command, []string) error { return selection.backUp(program, out) }
	return command
}

func (s *Selection) backUp(program, out string) error {
	if out == "" && (!s.app.OnTerminal() || s.app.JSON()) {
		return cli.Fail("run it on a terminal without --json, or name a file: `{command} --out FILE`", "%w", cli.ErrNoScreen)
	}
	w, err := s.Open()
	if err != nil {
		return err
	}
	if out == "" {
		return s.app.Reveal(s.sheet(w, program)...)
	}
	file, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("write the words: %w", err)
	}
	if err := writeWords(file, w.Words()); err != nil {
		return err
	}
	for _, line := range notChannels(program) {
		s.app.Note("%s", line)
	}
	result := backedUp{Name: s.name, DID: w.DID(), File: file, Paths: wallet.Paths()}
	return s.app.Print(result, func(p *cli.Printer) {
		p.Line("the 24 words of wallet %s, %s, are in %s: move it to a safe place", s.name, w.DID(), file)
		p.Table([]string{"PATH (SLIP-0010)", "KEY"}, pathRows())
	})
}

// sheet is what is shown on the terminal: the words in four columns, and what they are good for.
func (s *Selection) sheet(w *wallet.Wallet, program string) []string {
	lines := []string{fmt.Sprintf("The 24 words of wallet %s, %s:", s.name, w.DID()), ""}
	words := strings.Fields(w.Words())
	const columns = 4
	for row := range len(words) / columns {
		var line strings.Builder
		for column := range columns {
			n := row*columns + column
			fmt.Fprintf(&line, "  %2d %-9s", n+1, words[n])
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	lines = append(lines, "", "Write them down on paper, in this order, and show them to nobody. They are not shown again by anything but this command.", "")
	lines = append(lines, notChannels(program)...)
	lines = append(lines, "", "SLIP-0010 paths, with an empty BIP-39 passphrase:")
	for _, row := range pathRows() {
		lines = append(lines, fmt.Sprintf("  %-26s %s", row[0], row[1]))
	}
	return lines
}

func pathRows() [][]string {
	var rows [][]string
	for _, path := range wallet.Paths() {
		rows = append(rows, []string{path.Path, path.For})
	}
	return rows
}

// writeWords writes a new file, whole and durable before anybody relies on it.
func writeWords(path, words string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, wordsFileMode)
	if err != nil {
		return fmt.Errorf("write the words: %w", err)
	}
	_, err = file.WriteString(words + "\n")
	if err := errors.Join(err, file.Chmod(wordsFileMode), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the words: %w", errors.Join(err, os.Remove(path)))
	}
	return syncDirectory(filepath.Dir(path))
}
