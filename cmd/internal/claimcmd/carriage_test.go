package claimcmd

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
)

var device, service = wallet.FromEntropy([wallet.EntropySize]byte{1}), wallet.FromEntropy([wallet.EntropySize]byte{2})

func join(t *testing.T, n *link.Network, addr link.Addr) link.Link {
	t.Helper()
	l, err := n.Join(addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// measured is what the device claims about itself.
func measured(t *testing.T) string {
	t.Helper()
	compact, err := credential.Issue(credential.SignerOf(device), credential.Template{
		Subject: device.DID(), ValidFrom: time.Now(), Claims: credential.Custom{Members: map[string]any{"celsius": "21.5"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestAClaimArrivesThoughDatagramsAreLostRepeatedAndLate(t *testing.T) {
	faulty := link.Counts{}
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			n := link.NewImmediateNetwork(seed, link.Faults{Loss: 0.3, Duplicate: 0.2, Reorder: 0.2})
			from := secure.Dial(join(t, n, "somewhere"), secure.NewIdentity(device, noNetwork), secure.Options{})
			to := secure.Listen(join(t, n, secure.AddrOf(service.DID())), secure.NewIdentity(service, noNetwork), secure.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			compact := measured(t)
			var work sync.WaitGroup
			work.Go(func() {
				r := share.NewReceiver(credential.SignerOf(service), device.DID(), credential.Policy{Trust: credential.TrustIssuers(device.DID())}, rand.Text)
				presented, err := receive(ctx, to, r, func(err error) { t.Error(err) })
				if err != nil || len(presented.Credentials) != 1 || presented.Credentials[0].Compact() != compact {
					t.Errorf("seed %d: received %+v, %v", seed, presented, err)
				}
			})
			s := share.NewSender(credential.SignerOf(device), service.DID(), nil, share.ID{byte(seed)}, compact)
			if err := send(ctx, from, secure.AddrOf(service.DID()), s, nil); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			work.Wait()
			if err := errors.Join(from.Close(), to.Close()); err != nil {
				t.Error(err)
			}
			counts := n.Counts()
			faulty.Lost += counts.Lost
			faulty.Duplicated += counts.Duplicated
		})
	}
	if faulty.Lost == 0 || faulty.Duplicated == 0 {
		t.Errorf("no faults happened: %+v", faulty)
	}
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{Loss: 1})
		from, to := join(t, n, "from"), join(t, n, "to")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := share.NewSender(credential.SignerOf(device), service.DID(), nil, share.ID{1}, measured(t))
		if err := send(ctx, from, "to", s, nil); !errors.Is(err, errNoAnswer) {
			t.Error(err)
		}
		r := share.NewReceiver(credential.SignerOf(service), device.DID(), credential.Policy{}, rand.Text)
		if _, err := receive(ctx, to, r, nil); !errors.Is(err, errNobody) {
			t.Error(err)
		}
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Error(err)
		}
		if err := send(t.Context(), from, "to", s, nil); !errors.Is(err, link.ErrClosed) {
			t.Error(err)
		}
		if _, err := receive(t.Context(), to, r, nil); !errors.Is(err, errLinkEnded) {
			t.Error(err)
		}
	})
}

func TestOnlyTheNamedSenderIsAdmitted(t *testing.T) {
	peer := secure.Peer{DID: device.DID(), Account: device.Account().Public()}
	if err := admitOnly(t.Context(), device.DID(), peer, (&keyring{}).admit); err != nil {
		t.Error(err)
	}
	if err := admitOnly(t.Context(), service.DID(), peer, (&keyring{}).admit); !errors.Is(err, share.ErrHolder) {
		t.Error(err)
	}
	peer.Account = service.Account().Public()
	if err := admitOnly(t.Context(), device.DID(), peer, (&keyring{}).admit); err == nil {
		t.Error("a key that is not the DID's is admitted")
	}
}
