package claimcmd

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// listsDirectory holds the lists of this party below --data. A server of the API publishes it.
const listsDirectory = "status-lists"

// readFile reads a file of at most limit bytes, or stdin for "-". What is longer is refused by whoever reads it.
func readFile(command *cobra.Command, name string, limit int) (string, error) {
	source := command.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("read the claim: %w", err)
		}
		defer func() { _ = file.Close() }() // read only: nothing to lose
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, int64(limit)+2)) // a line break, and one more
	if err != nil {
		return "", fmt.Errorf("read the claim: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// writeFile writes a new file. Claims are about somebody: others need not read them.
func writeFile(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return cli.Hint(fmt.Errorf("write the claim: %w", err), "choose a name that is free: `{command} --out FILE`")
	}
	_, err = file.WriteString(text + "\n")
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	return nil
}

// output writes a JWT to a file, or to stdout for people to pass on.
func output(app *cli.App, path, compact string, object any, human func(p *cli.Printer, more ...string)) error {
	if path == "" {
		return app.Print(object, func(p *cli.Printer) { p.Line("%s", compact) })
	}
	if err := writeFile(path, compact); err != nil {
		return err
	}
	return app.Print(object, func(p *cli.Printer) { human(p, "file", path) })
}

// parseDID reads the value of a flag.
func parseDID(flag, text string) (wallet.DID, error) {
	if text == "" {
		return wallet.DID{}, cli.Usage("a DID looks like did:joule:z6Mk…: `{command} --"+flag+" DID`", "--%s is needed", flag)
	}
	did, err := wallet.ParseDID(text)
	if err != nil {
		return did, fmt.Errorf("--%s: %w", flag, err)
	}
	return did, nil
}

func parseDIDs(flag string, texts []string) ([]wallet.DID, error) {
	var dids []wallet.DID
	for _, text := range texts {
		did, err := parseDID(flag, text)
		if err != nil {
			return nil, err
		}
		dids = append(dids, did)
	}
	return dids, nil
}

var lifeForm = regexp.MustCompile(`^([1-9][0-9]{0,3})(y|mo|d|h|m)$`)

// lifeAfter gives the end of a life such as 2y, 6mo, 30d, 12h or 15m.
func lifeAfter(from time.Time, text string) (time.Time, error) {
	parts := lifeForm.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, cli.Usage("for example --valid 2y, --valid 6mo, --valid 30d or --valid 12h", "--valid %q is no time", text)
	}
	n, _ := strconv.Atoi(parts[1]) // four digits
	switch parts[2] {
	case "y":
		return from.AddDate(n, 0, 0), nil
	case "mo":
		return from.AddDate(0, n, 0), nil
	case "d":
		return from.AddDate(0, 0, n), nil
	case "h":
		return from.Add(time.Duration(n) * time.Hour), nil
	}
	return from.Add(time.Duration(n) * time.Minute), nil
}

// members joins the members of a JSON file and those that were typed as name=value, which are text.
func members(command *cobra.Command, file string, typed []string) (map[string]any, error) {
	all := map[string]any{}
	if file != "" {
		raw, err := readFile(command, file, credential.SizeMax)
		if err != nil {
			return nil, err
		}
		if all, err = credential.ParseMembers([]byte(raw)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, pair := range typed {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, cli.Usage("for example --claim meterSerial=1EMH0012345678", "--claim %q is not name=value", pair)
		}
		if _, twice := all[name]; twice {
			return nil, cli.Usage("say it once, in --file or in --claim", "%s is claimed twice", name)
		}
		all[name] = value
	}
	return all, nil
}

// listPath gives the file of a list that is named by its path, or by its name below --data.
func listPath(app *cli.App, name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.Contains(name, ".") {
		return name, nil
	}
	directory, err := app.Dir(listsDirectory)
	if err != nil {
		return "", err
	}
	return status.Directory(directory).Path(name)
}

// textOf shows claims on one line.
func textOf(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil { // they were read from JSON
		return ""
	}
	return string(text)
}

// stdinOnce refuses a second "-": stdin is read once.
func stdinOnce(names []string) error {
	seen := false
	for _, name := range names {
		if name == "-" && seen {
			return cli.Usage("write the others to files", "stdin is named twice")
		}
		seen = seen || name == "-"
	}
	return nil
}
