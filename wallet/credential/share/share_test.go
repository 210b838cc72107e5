package share_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func party(n byte) credential.Signer {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{n})
	return credential.Signer{DID: wallet.DIDOf(key.Public()), Key: key}
}

var device, service, mallory = party(1), party(2), party(3)

// measured is a claim of a device about itself.
func measured(t testing.TB, by credential.Signer, about wallet.DID, value string) string {
	t.Helper()
	compact, err := credential.Issue(by, credential.Template{
		Subject: about, ValidFrom: now, Claims: credential.Custom{Members: map[string]any{"celsius": value}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func nonces() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("nonce-%d", n) }
}

func receiver(from wallet.DID) *share.Receiver {
	return share.NewReceiver(service, from, credential.Policy{Trust: credential.TrustIssuers(from)}, nonces())
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatal(...any)
}

// exchangeAll carries messages until the sender is done, and its thanks.
func exchangeAll(t failer, s *share.Sender, r *share.Receiver) error {
	t.Helper()
	for range 3 {
		answer, err := r.Receive(now, s.Message())
		if err != nil {
			t.Fatal(err)
		}
		if answer == nil {
			break
		}
		if _, err := s.Receive(now, answer); err != nil {
			return err
		}
	}
	_, refusal := s.Done()
	return refusal
}

func TestAClaimIsSharedBetweenTwoThatKnowEachOthersDID(t *testing.T) {
	compact := measured(t, device, device.DID, "21.5")
	s, r := share.NewSender(device, service.DID, nil, share.ID{1}, compact), receiver(device.DID)
	if err := exchangeAll(t, s, r); err != nil {
		t.Fatal(err)
	}
	presented, refusal := r.Presented()
	if presented == nil || refusal != nil || presented.Holder != device.DID || presented.Credentials[0].Compact() != compact || !r.Thanked() {
		t.Errorf("%+v, %v, thanked %v", presented, refusal, r.Thanked())
	}
}

func TestRefusalsReachTheSender(t *testing.T) {
	for name, test := range map[string]struct {
		by      credential.Signer
		compact string
		want    error
	}{
		"of another holder":           {mallory, measured(t, device, mallory.DID, "21.5"), share.ErrHolder},
		"of an issuer without trust":  {device, measured(t, mallory, device.DID, "21.5"), credential.ErrUntrusted},
		"of one that is over already": {device, expired(t), credential.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := share.NewSender(test.by, service.DID, nil, share.ID{1}, test.compact), receiver(device.DID)
			err := exchangeAll(t, s, r)
			if !errors.Is(err, share.ErrRefused) || !strings.Contains(err.Error(), test.want.Error()) {
				t.Errorf("the sender hears %v", err)
			}
			presented, refusal := r.Presented()
			if presented != nil || !errors.Is(refusal, test.want) {
				t.Errorf("%+v, %v", presented, refusal)
			}
		})
	}
}

func expired(t testing.TB) string {
	t.Helper()
	compact, err := credential.Issue(device, credential.Template{
		Subject: device.DID, ValidFrom: now.Add(-time.Hour), ValidUntil: now, Claims: credential.Custom{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestAReceiverThatIsNotTheOneMeantCannotAcknowledge(t *testing.T) {
	s := share.NewSender(device, service.DID, nil, share.ID{1}, measured(t, device, device.DID, "1"))
	impostor := share.NewReceiver(mallory, device.DID, credential.Policy{Trust: credential.AnyIssuer}, nonces())
	if err := exchangeAll(t, s, impostor); !errors.Is(err, wallet.ErrSignature) {
		t.Error(err)
	}
	if done, _ := s.Done(); done {
		t.Error("the sender believes it")
	}
	if presented, _ := impostor.Presented(); presented != nil { // it was made for the service
		t.Error("the impostor accepts what is presented to somebody else")
	}
}

func TestAReplayedPresentationIsRefused(t *testing.T) {
	s, r := share.NewSender(device, service.DID, nil, share.ID{1}, measured(t, device, device.DID, "1")), receiver(device.DID)
	challenge, err := r.Receive(now, s.Message())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(now, challenge); err != nil {
		t.Fatal(err)
	}
	overheard := s.Message()
	later := receiver(device.DID)
	if answer, err := later.Receive(now, overheard); answer != nil || err != nil {
		t.Errorf("a receiver that asked for nothing answers %x, %v", answer, err)
	}
	later = share.NewReceiver(service, device.DID, credential.Policy{Trust: credential.AnyIssuer}, func() string { return "another" })
	if _, err := later.Receive(now, share.NewSender(mallory, service.DID, nil, share.ID{1}).Message()); err != nil {
		t.Fatal(err)
	}
	if _, err := later.Receive(now, overheard); err != nil {
		t.Fatal(err)
	}
	if presented, refusal := later.Presented(); presented != nil || !errors.Is(refusal, credential.ErrNonce) {
		t.Errorf("%+v, %v", presented, refusal)
	}
}

func TestAKeyOfTheReceiverThatWasRotatedAwayCannotAcknowledge(t *testing.T) {
	keys := func(wallet.DID) ([]wallet.PublicKey, error) { return []wallet.PublicKey{mallory.Key.Public()}, nil }
	s, r := share.NewSender(device, service.DID, keys, share.ID{1}, measured(t, device, device.DID, "1")), receiver(device.DID)
	if err := exchangeAll(t, s, r); !errors.Is(err, wallet.ErrSignature) {
		t.Error(err)
	}
}

func TestTheLargestCredentialIsShared(t *testing.T) {
	large := measured(t, device, device.DID, strings.Repeat("x", 5400))
	s, r := share.NewSender(device, service.DID, nil, share.ID{1}, large), receiver(device.DID)
	if err := exchangeAll(t, s, r); err != nil {
		t.Error(err)
	}
	s = share.NewSender(device, service.DID, nil, share.ID{2}, large, large)
	if err := exchangeAll(t, s, receiver(device.DID)); !errors.Is(err, share.ErrTooMuch) {
		t.Error(err)
	}
}

func TestAReceiverRemembersABoundedNumberOfExchanges(t *testing.T) {
	r := receiver(device.DID)
	for n := range 100 {
		if _, err := r.Receive(now, share.NewSender(mallory, service.DID, nil, share.ID{byte(n)}).Message()); err != nil {
			t.Fatal(err)
		}
	}
	if n := share.Remembered(r); n != 16 {
		t.Errorf("%d exchanges", n)
	}
	s := share.NewSender(device, service.DID, nil, share.ID{200}, measured(t, device, device.DID, "1"))
	if err := exchangeAll(t, s, r); err != nil {
		t.Error(err)
	}
}

// Whatever is lost, repeated or late, both end with the same outcome once the sender has repeated itself often enough.
func TestLossAndRepetitionChangeNothing(t *testing.T) {
	compact := measured(t, device, device.DID, "21.5")
	rapid.Check(t, func(rt *rapid.T) {
		s, r := share.NewSender(device, service.DID, nil, share.ID{1}, compact), receiver(device.DID)
		var toReceiver, toSender [][]byte
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 2).Draw(rt, "step") {
			case 0:
				toReceiver = append(toReceiver, s.Message())
			case 1: // any message so far arrives, again perhaps
				if len(toReceiver) > 0 {
					answer, err := r.Receive(now, toReceiver[rapid.IntRange(0, len(toReceiver)-1).Draw(rt, "which")])
					if err != nil {
						rt.Fatal(err)
					}
					if answer != nil {
						toSender = append(toSender, answer)
					}
				}
			case 2:
				if len(toSender) > 0 {
					if _, err := s.Receive(now, toSender[rapid.IntRange(0, len(toSender)-1).Draw(rt, "which")]); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
		if err := exchangeAll(rt, s, r); err != nil {
			rt.Fatal(err)
		}
		if presented, refusal := r.Presented(); presented == nil || refusal != nil || !r.Thanked() {
			rt.Fatalf("%+v, %v", presented, refusal)
		}
	})
}

func FuzzReceive(f *testing.F) {
	s, r := share.NewSender(device, service.DID, nil, share.ID{1}, measured(f, device, device.DID, "1")), receiver(device.DID)
	for range 3 {
		f.Add(s.Message())
		answer, err := r.Receive(now, s.Message())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(answer)
		if answer != nil {
			_, _ = s.Receive(now, answer)
		}
	}
	compact := measured(f, device, device.DID, "1")
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := receiver(device.DID)
		offer := share.NewSender(device, service.DID, nil, share.ID{1}, compact)
		challenge, err := r.Receive(now, offer.Message())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Receive(now, raw); err != nil && !errors.Is(err, share.ErrMessage) {
			t.Fatal(err)
		}
		_, _ = offer.Receive(now, raw)
		if _, err := offer.Receive(now, challenge); err != nil {
			t.Fatal(err)
		}
		_, _ = offer.Receive(now, raw)
	})
}

// A device tells a service what it measured; each knows only the other's DID. The messages go over any carrier.
func Example() {
	sensor := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{1}))
	cloud := credential.SignerOf(wallet.FromEntropy([wallet.EntropySize]byte{2}))
	claim, err := credential.Issue(sensor, credential.Template{
		Subject: sensor.DID, ValidFrom: now, Claims: credential.Custom{Members: map[string]any{"celsius": "21.5"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := share.NewSender(sensor, cloud.DID, nil, share.ID{1}, claim)
	r := share.NewReceiver(cloud, sensor.DID, credential.Policy{Trust: credential.TrustIssuers(sensor.DID)}, func() string { return "n-0S6_WzA2Mj" })
	for {
		answer, err := r.Receive(now, s.Message())
		if err != nil || answer == nil {
			break
		}
		if _, err := s.Receive(now, answer); err != nil {
			break
		}
	}
	done, refusal := s.Done()
	fmt.Println(done, refusal)
	presented, _ := r.Presented()
	fmt.Println(presented.Credentials[0].Claims.(credential.Custom).Members["celsius"])
	// Output:
	// true <nil>
	// 21.5
}
