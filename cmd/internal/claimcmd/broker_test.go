package claimcmd

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
)

// hangMax bounds what a test waits for real processes and sockets.
const hangMax = 2 * time.Minute

// startBroker starts a broker that gives each key its own subjects, and a tap all of them. seen gives what the tap
// overheard so far.
func startBroker(t *testing.T) (url string, seen func() string) {
	t.Helper()
	tap, peers := wallet.GenerateKey(), natslink.Policy(natslink.InceptionOnly)
	server, err := natsd.Start(natsd.Options{
		Host: "127.0.0.1", Verify: natslink.VerifyConnect, Authorize: func(c natsd.Client) (natsd.Permissions, error) {
			if c.Key == tap.Public() {
				return natsd.Permissions{Subscribe: []string{">"}}, nil
			}
			return peers(c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	conn, err := natsd.Dial(server.ClientURL(), natsd.DialOptions{Key: natslink.ConnectKey(tap)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	overheard := make(chan *nats.Msg, 4096) // some dozens come
	if _, err := conn.ChanSubscribe(">", overheard); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return server.ClientURL(), func() string {
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		var traffic strings.Builder
		for len(overheard) > 0 { // a flush has put there what was sent before
			m := <-overheard
			traffic.WriteString(m.Subject)
			traffic.Write(m.Data)
		}
		return traffic.String()
	}
}

// shareOver shares a claim of the device with the service.
func shareOver(t *testing.T, url, compact string) {
	t.Helper()
	app := cli.New(cli.Streams{})
	f := carriageFlags{nats: url}
	to, err := f.listen(app, service, device.DID(), &keyring{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.close()
	from, err := f.dial(app, device, &keyring{}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer from.close()
	ctx, cancel := context.WithTimeout(t.Context(), hangMax)
	defer cancel()
	received := make(chan error, 1)
	go func() {
		r := share.NewReceiver(credential.SignerOf(service), device.DID(), credential.Policy{Trust: credential.TrustIssuers(device.DID())}, rand.Text)
		_, err := receive(ctx, to, r, func(err error) { t.Error(err) })
		received <- err
	}()
	s := share.NewSender(credential.SignerOf(device), service.DID(), nil, share.ID{1}, compact)
	if err := send(ctx, from, secure.AddrOf(service.DID()), s, nil); err != nil {
		t.Error(err)
	}
	if err := <-received; err != nil {
		t.Error(err)
	}
}

// A charger of the same wallet listens on the same subject, for its network.
func TestClaimsAreReceivedBesideARunningCharger(t *testing.T) {
	url, _ := startBroker(t)
	conn, err := natsd.Dial(url, natsd.DialOptions{Key: natslink.StationKey(service)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	below, err := natslink.ListenStation(conn, service.DID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	charger := secure.Listen(below, secure.NewIdentity(service, wallet.NetworkID{1}), secure.Options{})
	t.Cleanup(func() { _ = charger.Close() })
	shareOver(t, url, measured(t))
}

func TestTheBrokerLearnsNeitherTheSenderNorTheClaim(t *testing.T) {
	url, seen := startBroker(t)
	compact := measured(t)
	shareOver(t, url, compact)
	traffic := seen()
	if !strings.Contains(traffic, strings.TrimPrefix(service.DID().String(), "did:joule:")) || len(traffic) < len(compact) {
		t.Fatalf("the tap overheard %d bytes", len(traffic))
	}
	did, account, static := device.DID(), device.Account().Public(), device.NATS().Public()
	header, _, _ := strings.Cut(compact, ".")
	for name, secret := range map[string]string{
		"DID": strings.TrimPrefix(did.String(), "did:joule:"), "account key": string(account[:]), "NATS key": string(static[:]),
		"header": header, "claim": "celsius",
	} {
		if strings.Contains(traffic, secret) {
			t.Errorf("the %s of the sender is in the traffic", name)
		}
	}
}
