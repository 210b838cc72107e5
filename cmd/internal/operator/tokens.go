package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/api"
)

// TokensUsage explains the flag --token-file of what serves an API.
const TokensUsage = "`FILE` of mode 0600 with operators' tokens, one a line: \"read TOKEN\" shows what is private away from loopback, \"operate TOKEN\" lets the node sign as well"

// OriginsUsage explains the flag --cors-origin of what serves an API.
const OriginsUsage = "origin of another site whose pages may use the API, such as https://board.example; again for more (default: none)"

// ReadTokens reads the tokens of operators from a file that nobody else can read; no file gives none.
func ReadTokens(path string) ([]api.Token, error) {
	text, err := readPrivate(path)
	if err != nil || path == "" {
		return nil, err
	}
	tokens, err := api.ParseTokens([]byte(text))
	if err != nil {
		return nil, cli.Fail("write lines such as: `(umask 077; echo operate $(head -c 24 /dev/urandom | base64) > "+path+")`", "%s: %v", path, err)
	}
	return tokens, nil
}

// readToken reads the one token that a client sends, with or without its scope before it; no file gives none.
func readToken(path string) (string, error) {
	tokens, err := ReadTokens(path)
	switch {
	case err != nil || path == "":
		return "", err
	case len(tokens) != 1:
		return "", cli.Fail("name a file with the one token that is to be sent", "%s holds %d tokens", path, len(tokens))
	}
	return tokens[0].Secret, nil
}

// readPrivate reads a file that only its owner can read.
func readPrivate(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the operator's token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", cli.Fail("`chmod 600 "+path+"` when nobody else can have read it; else write a new token",
			"the operator's token in %s can be read by others, mode %04o", path, info.Mode().Perm())
	}
	raw, err := readBounded(path, api.TokensSizeMax)
	if err != nil {
		return "", fmt.Errorf("read the operator's token: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// keysFile holds, in a node's directory, which writes were asked for under which idempotency keys.
const keysFile = "requests.db"

func (n *Node) keysPath() string { return filepath.Join(n.options.Dir, keysFile) }
