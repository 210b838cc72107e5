package natsd_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"joulepay/internal/natsd"
)

// onlyKey lets one key use the subjects below "mine.".
func onlyKey(key natsd.Key) natsd.Policy {
	return func(c natsd.Client) (natsd.Permissions, error) {
		if c.Key != key.Public() {
			return natsd.Permissions{}, errors.New("unknown key")
		}
		return natsd.Permissions{Publish: []string{"mine.>"}, Subscribe: []string{"mine.>"}}, nil
	}
}

func TestAPolicySeesProvenKeysOnly(t *testing.T) {
	key := natsd.GenerateKey()
	s := start(t, natsd.Options{Authorize: onlyKey(key)})
	conn := dial(t, s.ClientURL(), natsd.DialOptions{Key: key})
	sub := subscribe(t, conn, "mine.a")
	publish(t, conn, "mine.a", "hello")
	expect(t, sub, "hello")

	for name, stranger := range map[string]natsd.DialOptions{"another key": {Key: natsd.GenerateKey()}, "no key": {}} {
		if _, err := natsd.Dial(s.ClientURL(), stranger); !errors.Is(err, natsd.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}

	public := key.Public()
	name, err := nkeys.Encode(nkeys.PrefixByteUser, public[:])
	if err != nil {
		t.Fatal(err)
	}
	_, wrong, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	forgeries := map[string]func(nonce []byte) ([]byte, error){
		"signed by another key": func(nonce []byte) ([]byte, error) { return ed25519.Sign(wrong, nonce), nil },
		"an empty signature":    func([]byte) ([]byte, error) { return nil, nil },
		"a short signature":     func([]byte) ([]byte, error) { return []byte("short"), nil },
	}
	for what, sign := range forgeries {
		conn, err := nats.Connect(s.ClientURL(), nats.Nkey(string(name), sign))
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want an authorization error", what, err)
			conn.Close()
		}
	}
}

func TestAForbiddenSubjectIsReported(t *testing.T) {
	key := natsd.GenerateKey()
	s := start(t, natsd.Options{Authorize: onlyKey(key)})
	reports := make(chan error, 10)
	conn := dial(t, s.ClientURL(), natsd.DialOptions{Key: key, OnError: func(err error) { reports <- err }})
	publish(t, conn, "yours.a", "not allowed") // returns without an error, which is why the report matters
	if err := await(t, reports); !errors.Is(err, natsd.ErrForbidden) {
		t.Errorf("publish: %v, want ErrForbidden", err)
	}
	subscribe(t, conn, ">")
	if err := await(t, reports); !errors.Is(err, natsd.ErrForbidden) {
		t.Errorf("subscribe: %v, want ErrForbidden", err)
	}
}

func TestAnEmptyListAllowsNothing(t *testing.T) {
	s := start(t, natsd.Options{
		Authorize: func(natsd.Client) (natsd.Permissions, error) { return natsd.Permissions{}, nil },
	})
	reports := make(chan error, 10)
	conn := dial(t, s.ClientURL(), natsd.DialOptions{
		Key: natsd.GenerateKey(), OnError: func(err error) { reports <- err },
	})
	publish(t, conn, "a", "not allowed")
	if err := await(t, reports); !errors.Is(err, natsd.ErrForbidden) {
		t.Errorf("publish: %v, want ErrForbidden", err)
	}
}

func TestAPolicyLearnsWhereAClientIs(t *testing.T) {
	clients := make(chan natsd.Client, 10)
	s := start(t, natsd.Options{Authorize: func(c natsd.Client) (natsd.Permissions, error) {
		clients <- c
		return natsd.Permissions{}, nil
	}})
	dial(t, s.ClientURL(), natsd.DialOptions{Key: natsd.GenerateKey()})
	if c := await(t, clients); c.InProcess {
		t.Errorf("%+v is said to be in process", c)
	}
	conn, err := s.Dial(natsd.DialOptions{Key: natsd.GenerateKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if c := await(t, clients); !c.InProcess {
		t.Errorf("%+v is not said to be in process", c)
	}
}

func TestAKeyNeverPrintsItself(t *testing.T) {
	// The same key printed from two seeds gives the same text: nothing of the seed is in it.
	one, two := natsd.NewKey([32]byte{1}), natsd.NewKey([32]byte{2})
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		a := fmt.Sprintf(format, struct{ Key natsd.Key }{one})
		b := fmt.Sprintf(format, struct{ Key natsd.Key }{two})
		if a != b {
			t.Errorf("%s prints the key: %s", format, a)
		}
	}
}
