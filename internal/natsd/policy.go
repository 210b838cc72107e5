package natsd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// Client is who wants to connect: it has proven that it holds the key.
type Client struct {
	Key       [ed25519.PublicKeySize]byte
	Address   string // remote host and port, or "pipe" in process
	InProcess bool
}

// Permissions are the subjects that a client may use, NATS wildcards allowed. An empty list allows none.
type Permissions struct {
	Publish   []string
	Subscribe []string
}

// Policy decides over a client whose key is proven. An error turns it away. It is called from many goroutines.
type Policy func(Client) (Permissions, error)

// authenticator checks the key that a client names against the nonce that it signed, and asks the policy.
type authenticator struct {
	policy Policy
}

// Check implements server.Authentication.
func (a authenticator) Check(c server.ClientAuthentication) bool {
	options := c.GetOpts()
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(options.Nkey))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(options.Sig)
	if err != nil || !ed25519.Verify(raw, c.GetNonce(), signature) {
		return false
	}
	client := Client{Key: [ed25519.PublicKeySize]byte(raw)}
	if remote := c.RemoteAddress(); remote != nil {
		client.Address = remote.String()
		client.InProcess = remote.Network() == "pipe"
	}
	permissions, err := a.policy(client)
	if err != nil {
		return false
	}
	c.RegisterUser(&server.User{
		Username: options.Nkey,
		Permissions: &server.Permissions{
			Publish:   allow(permissions.Publish),
			Subscribe: allow(permissions.Subscribe),
		},
	})
	return true
}

// allow turns a list into the server's form, in which an empty list would allow everything.
func allow(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}

// Key is an Ed25519 key that identifies a NATS connection and nothing else: it signs the nonces that a server
// chooses, which no other key may do (I8). The zero value is no key.
type Key struct {
	private ed25519.PrivateKey
}

// NewKey makes the key of an RFC 8032 seed.
func NewKey(seed [ed25519.SeedSize]byte) Key { return Key{private: ed25519.NewKeyFromSeed(seed[:])} }

// GenerateKey makes a random key.
func GenerateKey() Key {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails
	return NewKey(seed)
}

// Public gives the public half, all zero for no key.
func (k Key) Public() (public [ed25519.PublicKeySize]byte) {
	if !k.IsZero() {
		copy(public[:], k.private[ed25519.SeedSize:])
	}
	return public
}

// IsZero tells whether this is no key.
func (k Key) IsZero() bool { return len(k.private) == 0 }

// LogValue keeps the key out of logs.
func (Key) LogValue() slog.Value { return slog.StringValue("redacted") }

// Format keeps the key out of every fmt verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("redacted")) }
