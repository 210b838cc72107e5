package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// ErrTokens is returned for a list of tokens that cannot be read.
var ErrTokens = errors.New("api: not a list of operators' tokens")

// Scope says what the bearer of a token may do.
type Scope string

// Scopes. Who may operate may read.
const (
	ScopeRead    Scope = "read"    // accounts, sessions, receipts and snapshots from elsewhere than loopback
	ScopeOperate Scope = "operate" // and let the node sign
)

// Bounds of tokens.
const (
	// tokensMax is more people and programs than operate one node.
	tokensMax = 64
	// tokenSizeMin and tokenSizeMax bound a token, in bytes: what is shorter can be guessed, and a request's head has no room
	// for what is longer.
	tokenSizeMin, tokenSizeMax = 16, 1024
	// TokensSizeMax bounds a list of tokens, in bytes.
	TokensSizeMax = tokensMax * (tokenSizeMax + 64)
)

// Token lets its bearer in.
type Token struct {
	Scope  Scope
	Secret string
}

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(string(t.Scope) + " [redacted]") }

// String keeps the secret out of every print.
func (t Token) String() string { return string(t.Scope) + " [redacted]" }

// ParseTokens reads a list of tokens, each on a line of its own behind its scope: "read …" or "operate …". A line with nothing
// before the token lets operate. What follows "#" at the beginning of a line says whose it is.
func ParseTokens(text []byte) ([]Token, error) {
	if len(text) > TokensSizeMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTokens, len(text), TokensSizeMax)
	}
	var tokens []Token
	for i, line := range bytes.Split(text, []byte("\n")) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		t := Token{ScopeOperate, fields[len(fields)-1]}
		if len(fields) == 2 {
			t.Scope = Scope(fields[0])
		}
		if err := t.check(); err != nil || len(fields) > 2 {
			return nil, fmt.Errorf("%w: line %d: want %q or %q, and a token", ErrTokens, i+1, ScopeRead, ScopeOperate)
		}
		tokens = append(tokens, t)
	}
	if len(tokens) == 0 || len(tokens) > tokensMax {
		return nil, fmt.Errorf("%w: %d tokens, want 1…%d", ErrTokens, len(tokens), tokensMax)
	}
	return tokens, nil
}

// check tells whether it is one that can be sent and cannot be guessed.
func (t Token) check() error {
	printable := strings.IndexFunc(t.Secret, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if t.Scope != ScopeRead && t.Scope != ScopeOperate || !printable || len(t.Secret) < tokenSizeMin || len(t.Secret) > tokenSizeMax {
		return fmt.Errorf("%w: a token has %d to %d printable characters and the scope %s or %s", ErrTokens, tokenSizeMin, tokenSizeMax, ScopeRead, ScopeOperate)
	}
	return nil
}

// keyring holds the tokens as hashes: those have one length, so that comparing takes one time whatever was sent.
type keyring []struct {
	scope Scope
	hash  [sha256.Size]byte
}

func newKeyring(tokens []Token) (keyring, error) {
	if len(tokens) > tokensMax {
		return nil, fmt.Errorf("%w: %d tokens, at most %d", ErrTokens, len(tokens), tokensMax)
	}
	keys := make(keyring, len(tokens))
	for i, t := range tokens {
		if err := t.check(); err != nil {
			return nil, err
		}
		keys[i].scope, keys[i].hash = t.Scope, sha256.Sum256([]byte(t.Secret))
	}
	return keys, nil
}

// scopeOf gives the scope of a token, or nothing. It compares with all of them, found or not.
func (k keyring) scopeOf(secret string) Scope {
	sent := sha256.Sum256([]byte(secret))
	var scope Scope
	for _, one := range k {
		if subtle.ConstantTimeCompare(sent[:], one.hash[:]) == 1 {
			scope = one.scope
		}
	}
	return scope
}
