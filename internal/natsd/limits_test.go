package natsd_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
)

// everybody may connect, and do nothing.
func everybody(natsd.Client) (natsd.Permissions, error) { return natsd.Permissions{}, nil }

// eventually dials until the server has noticed that others are gone.
func eventually(t *testing.T, url string, key natsd.Key) *nats.Conn {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := natsd.Dial(url, natsd.DialOptions{Key: key})
		if err == nil {
			t.Cleanup(conn.Close)
			return conn
		}
		if !errors.Is(err, natsd.ErrRefused) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestAKeyHasNoMoreConnectionsThanItMay(t *testing.T) {
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: everybody, ClientsPerKeyMax: 2})
	key := newKey(t)
	first := dial(t, s.ClientURL(), natsd.DialOptions{Key: key})
	dial(t, s.ClientURL(), natsd.DialOptions{Key: key})
	if _, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: key}); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("the third of a key: %v, want ErrRefused", err)
	}
	dial(t, s.ClientURL(), natsd.DialOptions{Key: newKey(t)}) // others are not concerned
	first.Close()
	eventually(t, s.ClientURL(), key)
}

func TestAnAddressHasNoMoreConnectionsThanItMay(t *testing.T) {
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: everybody, ClientsPerAddressMax: 3})
	var conns []*nats.Conn
	for range 3 {
		conns = append(conns, dial(t, s.ClientURL(), natsd.DialOptions{Key: newKey(t)}))
	}
	if _, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: newKey(t)}); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("the fourth of an address: %v, want ErrRefused", err)
	}
	if conn, err := s.Dial(natsd.DialOptions{Key: newKey(t)}); err != nil {
		t.Errorf("in process, where addresses mean nothing: %v", err)
	} else {
		conn.Close()
	}
	conns[1].Close()
	eventually(t, s.ClientURL(), newKey(t))
}

func TestAProofThatIsTooLongIsRefused(t *testing.T) {
	proofs := make(chan string, 10)
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: func(c natsd.Client) (natsd.Permissions, error) {
		proofs <- c.Proof
		return natsd.Permissions{}, nil
	}})
	key := newKey(t)
	key.Proof = "who it is"
	dial(t, s.ClientURL(), natsd.DialOptions{Key: key})
	if got := await(t, proofs); got != key.Proof {
		t.Errorf("the policy is told %q, not %q", got, key.Proof)
	}
	key.Proof = string(make([]byte, natsd.ProofMax+1))
	if _, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: key}); err == nil {
		t.Error("a proof of more than ProofMax bytes is taken")
	}
}
