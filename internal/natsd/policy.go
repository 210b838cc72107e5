package natsd

import (
	"encoding/base64"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// KeySize is the size of an Ed25519 public key in bytes, the only kind that NATS knows.
const KeySize = 32

// ProofMax bounds the proof of a client, in bytes: a binding of its key to a DID, in base64, needs 200.
const ProofMax = 512

// Client is who wants to connect: it has proven that it holds the key.
type Client struct {
	Key       [KeySize]byte
	Proof     string // what it says of the key, at most ProofMax bytes; nobody but the policy has looked at it
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

// Verify checks the signature of a nonce that this server chose. It gives an error, or nil. What exactly was signed
// is between Verify and the Sign of the client's Key. It is called from many goroutines.
type Verify func(key [KeySize]byte, nonce, signature []byte) error

// authenticator checks the key that a client names against the nonce that it signed, and asks the policy.
type authenticator struct {
	verify Verify
	policy Policy
	census *census
}

// Check implements server.Authentication.
func (a authenticator) Check(c server.ClientAuthentication) bool {
	options := c.GetOpts()
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(options.Nkey))
	if err != nil || len(raw) != KeySize {
		return false
	}
	client := Client{Key: [KeySize]byte(raw)}
	signature, err := base64.RawURLEncoding.DecodeString(options.Sig)
	if err != nil || len(options.Token) > ProofMax || a.verify(client.Key, c.GetNonce(), signature) != nil {
		return false
	}
	client.Proof = options.Token
	if remote := c.RemoteAddress(); remote != nil {
		client.Address = remote.String()
		client.InProcess = remote.Network() == "pipe"
	}
	permissions, err := a.policy(client)
	if err != nil || !client.InProcess && a.census.enter(c.GetID(), client) != nil {
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

// Key proves at a server that a connection holds a key. The zero value is no key. It keeps no secret itself: whoever
// owns the key signs, in the form that Verify on the server's side expects.
type Key struct {
	Public [KeySize]byte
	Sign   func(nonce []byte) (signature []byte)
	Proof  string // tells the server's policy whose key it is; not secret, and may be empty
}

// isZero tells whether this is no key.
func (k Key) isZero() bool { return k.Sign == nil }
