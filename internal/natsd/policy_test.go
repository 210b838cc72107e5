package natsd_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"joulepay/internal/natsd"
)

// newKey makes a random key that signs a nonce as the NATS protocol has it, bare.
func newKey(t *testing.T) natsd.Key {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return natsd.Key{
		Public: [natsd.KeySize]byte(public),
		Sign:   func(nonce []byte) []byte { return ed25519.Sign(private, nonce) },
	}
}

func verifyBare(key [natsd.KeySize]byte, nonce, signature []byte) error {
	if !ed25519.Verify(key[:], nonce, signature) {
		return errors.New("bad signature")
	}
	return nil
}

// onlyKey lets one key use the subjects below "mine.".
func onlyKey(key natsd.Key) natsd.Policy {
	return func(c natsd.Client) (natsd.Permissions, error) {
		if c.Key != key.Public {
			return natsd.Permissions{}, errors.New("unknown key")
		}
		return natsd.Permissions{Publish: []string{"mine.>"}, Subscribe: []string{"mine.>"}}, nil
	}
}

func TestAPolicySeesProvenKeysOnly(t *testing.T) {
	key := newKey(t)
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: onlyKey(key)})
	conn := dial(t, s.ClientURL(), natsd.DialOptions{Key: key})
	sub := subscribe(t, conn, "mine.a")
	publish(t, conn, "mine.a", "hello")
	expect(t, sub, "hello")

	for name, stranger := range map[string]natsd.DialOptions{"another key": {Key: newKey(t)}, "no key": {}} {
		if _, err := natsd.Dial(s.ClientURL(), stranger); !errors.Is(err, natsd.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}

	forgeries := map[string]func(nonce []byte) []byte{
		"signed by another key": newKey(t).Sign,
		"another nonce":         func(nonce []byte) []byte { return key.Sign(append(nonce, 'x')) },
		"an empty signature":    func([]byte) []byte { return nil },
		"a short signature":     func([]byte) []byte { return []byte("short") },
	}
	for what, sign := range forgeries {
		forged := natsd.DialOptions{Key: natsd.Key{Public: key.Public, Sign: sign}}
		if _, err := natsd.Dial(s.ClientURL(), forged); !errors.Is(err, natsd.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", what, err)
		}
	}
}

func TestAForbiddenSubjectIsReported(t *testing.T) {
	key := newKey(t)
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: onlyKey(key)})
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
		Verify:    verifyBare,
		Authorize: func(natsd.Client) (natsd.Permissions, error) { return natsd.Permissions{}, nil },
	})
	reports := make(chan error, 10)
	conn := dial(t, s.ClientURL(), natsd.DialOptions{
		Key: newKey(t), OnError: func(err error) { reports <- err },
	})
	publish(t, conn, "a", "not allowed")
	if err := await(t, reports); !errors.Is(err, natsd.ErrForbidden) {
		t.Errorf("publish: %v, want ErrForbidden", err)
	}
}

func TestAPolicyLearnsWhereAClientIs(t *testing.T) {
	clients := make(chan natsd.Client, 10)
	s := start(t, natsd.Options{Verify: verifyBare, Authorize: func(c natsd.Client) (natsd.Permissions, error) {
		clients <- c
		return natsd.Permissions{}, nil
	}})
	dial(t, s.ClientURL(), natsd.DialOptions{Key: newKey(t)})
	if c := await(t, clients); c.InProcess {
		t.Errorf("%+v is said to be in process", c)
	}
	conn, err := s.Dial(natsd.DialOptions{Key: newKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if c := await(t, clients); !c.InProcess {
		t.Errorf("%+v is not said to be in process", c)
	}
}
