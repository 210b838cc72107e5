package natslink_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// clientOf is what a broker knows of a connection.
func clientOf(key natsd.Key) natsd.Client { return natsd.Client{Key: key.Public, Proof: key.Proof} }

func TestABrokerGrantsAStationItsSubjectsAndAPeerItsToken(t *testing.T) {
	policy := natslink.Policy(natslink.InceptionOnly)
	w := wallet.Generate()
	granted, err := policy(clientOf(natslink.StationKey(w)))
	if want := natslink.StationPermissions(w.DID()); err != nil || !slices.Equal(granted.Publish, want.Publish) || !slices.Equal(granted.Subscribe, want.Subscribe) {
		t.Errorf("a station is granted %v (%v), want %v", granted, err, want)
	}
	key := wallet.GenerateKey()
	granted, err = policy(clientOf(natslink.ConnectKey(key)))
	if want := natslink.PeerPermissions(natslink.TokenOf(key.Public())); err != nil || !slices.Equal(granted.Publish, want.Publish) || !slices.Equal(granted.Subscribe, want.Subscribe) {
		t.Errorf("a peer is granted %v (%v), want %v", granted, err, want)
	}
}

func TestNobodyGetsTheSubjectsOfAStationThatItIsNot(t *testing.T) {
	policy := natslink.Policy(natslink.InceptionOnly)
	station, mallory := wallet.Generate(), wallet.Generate()
	stolen := natslink.ConnectKey(mallory.NATS())
	stolen.Proof = natslink.StationKey(station).Proof
	raw, err := base64.RawURLEncoding.DecodeString(natslink.StationKey(station).Proof)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(i int) natsd.Client {
		c := clientOf(natslink.StationKey(station))
		forged := slices.Clone(raw)
		forged[i] ^= 1
		c.Proof = base64.RawURLEncoding.EncodeToString(forged)
		return c
	}
	// Mallory's own account signs that mallory's key belongs to the station's DID.
	binding := wallet.Binding{DID: station.DID(), Purpose: wallet.PurposeNATS, Key: stolen.Public}
	account := mallory.Account()
	body := append(append(slices.Clone(binding.DID[:]), byte(binding.Purpose), 0, 0, 0, 0), binding.Key[:]...)
	signature := account.Sign(wallet.DomainKeyBinding, wallet.NetworkID{}, body)
	public, did := account.Public(), station.DID()
	foreign := slices.Concat([]byte{1}, public[:], did[:], signature[:])
	attacks := map[string]natsd.Client{
		"another's proof":         clientOf(stolen),
		"a proof by another key":  {Key: stolen.Public, Proof: base64.RawURLEncoding.EncodeToString(foreign)},
		"another version":         changed(0),
		"another account":         changed(1),
		"another DID":             changed(1 + 32),
		"another signature":       changed(len(raw) - 1),
		"a short proof":           {Key: stolen.Public, Proof: stolen.Proof[:100]},
		"no base64":               {Key: stolen.Public, Proof: "~"},
		"a key that is none":      {Key: stolen.Public, Proof: base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, len(raw)-1)...))},
		"a proof about no key":    {Proof: stolen.Proof},
		"a binding for a network": {Key: natslink.StationKey(station).Public, Proof: networkProof(station)},
	}
	for what, c := range attacks {
		if granted, err := policy(c); !errors.Is(err, natslink.ErrStationProof) {
			t.Errorf("%s: granted %v (%v)", what, granted, err)
		}
	}
	retired := errors.New("retired")
	policy = natslink.Policy(func(wallet.DID, wallet.PublicKey) error { return retired })
	if _, err := policy(clientOf(natslink.StationKey(station))); !errors.Is(err, natslink.ErrStationProof) || !errors.Is(err, retired) {
		t.Errorf("a key that was retired: %v", err)
	}
}

// networkProof is a proof whose binding was signed for a network.
func networkProof(w *wallet.Wallet) string {
	account, did := w.Account().Public(), w.DID()
	b := w.Bind(wallet.NetworkID{7}, wallet.PurposeNATS, 0, w.NATS().Public())
	return base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{1}, account[:], did[:], b.Signature[:]))
}

// TestAHijackedSubjectIsRefusedAndSaidSo tries on a real broker what a policy is there for: the library reports it only
// afterwards.
func TestAHijackedSubjectIsRefusedAndSaidSo(t *testing.T) {
	s := start(t, natsd.Options{Verify: natslink.VerifyConnect, Authorize: natslink.Policy(natslink.InceptionOnly)})
	forbidden := make(chan error, 100)
	connect := func(key natsd.Key) *nats.Conn {
		return dial(t, s, natsd.DialOptions{Key: key, OnError: func(err error) { forbidden <- err }})
	}
	w, other, car := wallet.Generate(), wallet.Generate(), wallet.GenerateKey()
	station := listenStation(t, connect(natslink.StationKey(w)), w.DID(), nil)
	peer := dialPeer(t, connect(natslink.ConnectKey(car)), natslink.TokenOf(car.Public()))
	send(t, peer, station.Local(), "hello")
	expect(t, station, peer.Local(), "hello")
	send(t, station, peer.Local(), "welcome")
	expect(t, peer, station.Local(), "welcome")
	if len(forbidden) != 0 {
		t.Fatalf("too little is granted: %v", <-forbidden)
	}
	mallory := connect(natslink.StationKey(other)) // a station too, and not that one
	multibase := strings.TrimPrefix(w.DID().String(), "did:joule:")
	token := natslink.TokenOf(car.Public()).String()
	for _, subject := range []string{
		"joulepay.v1.peer." + token + "." + multibase, "joulepay.v1.announce." + multibase, "joulepay.v1.found." + token + "." + multibase,
		"joulepay.v1.station." + multibase + ".in." + token,
	} {
		if err := mallory.Publish(subject, []byte("hijacked")); err != nil {
			t.Fatal(err)
		}
		if err := await(t, forbidden); !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("publish on %s: %v, want ErrForbidden", subject, err)
		}
	}
	for _, subject := range []string{"joulepay.v1.station." + multibase + ".in.*", "joulepay.v1.peer." + token + ".*", ">"} {
		if _, err := mallory.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		if err := await(t, forbidden); !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("subscribe to %s: %v, want ErrForbidden", subject, err)
		}
	}
	send(t, station, peer.Local(), "still here")
	expect(t, peer, station.Local(), "still here")
	forged := natslink.ConnectKey(wallet.GenerateKey())
	forged.Proof = natslink.StationKey(w).Proof
	if _, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: forged}); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("with the station's proof and another key: %v, want ErrRefused", err)
	}
}

// FuzzPolicy reads what a connection says of its key, as a broker does of anybody.
func FuzzPolicy(f *testing.F) {
	policy := natslink.Policy(natslink.InceptionOnly)
	w := wallet.FromEntropy([wallet.EntropySize]byte{1})
	honest := natslink.StationKey(w)
	for _, seed := range []string{"", "~", honest.Proof, honest.Proof[:len(honest.Proof)/2], strings.Repeat("A", natsd.ProofMax)} {
		f.Add(seed)
	}
	own := natslink.StationPermissions(w.DID())
	f.Fuzz(func(t *testing.T, proof string) {
		granted, err := policy(natsd.Client{Key: honest.Public, Proof: proof})
		switch {
		case err != nil:
			if !errors.Is(err, natslink.ErrStationProof) {
				t.Errorf("%q: %v", proof, err)
			}
		case proof == "":
		case !slices.Equal(granted.Publish, own.Publish) || !slices.Equal(granted.Subscribe, own.Subscribe):
			t.Errorf("%q is granted %v", proof, granted)
		}
	})
}

// FuzzVerifyConnect reads keys and signatures of anybody who connects.
func FuzzVerifyConnect(f *testing.F) {
	key, nonce := wallet.NewPrivateKey([wallet.SeedSize]byte{1}), []byte("nonce")
	honest, public := natslink.ConnectKey(key), key.Public()
	f.Add(public[:], honest.Sign(nonce))
	f.Add(make([]byte, natsd.KeySize), []byte{})
	f.Fuzz(func(t *testing.T, raw, signature []byte) {
		if len(raw) != natsd.KeySize {
			return
		}
		err := natslink.VerifyConnect([natsd.KeySize]byte(raw), nonce, signature)
		if (err == nil) != (string(raw) == string(public[:]) && string(signature) == string(honest.Sign(nonce))) {
			t.Errorf("%x of %x: %v", signature, raw, err)
		}
	})
}
