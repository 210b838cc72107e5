package claimcmd

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

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

// A charger of the same wallet listens on the same subject, for its network.
func TestClaimsAreReceivedBesideARunningCharger(t *testing.T) {
	server, err := natsd.Start(natsd.Options{
		Host: "127.0.0.1", Verify: natslink.VerifyConnect, Authorize: natslink.Policy(natslink.InceptionOnly),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	conn, err := natsd.Dial(server.ClientURL(), natsd.DialOptions{Key: natslink.StationKey(service)})
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

	app := cli.New(cli.Streams{})
	f := carriageFlags{nats: server.ClientURL()}
	to, err := f.listen(app, service, device.DID())
	if err != nil {
		t.Fatal(err)
	}
	defer to.close()
	from, err := f.dial(app, device, func(error) {})
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
	s := share.NewSender(credential.SignerOf(device), service.DID(), nil, share.ID{1}, measured(t))
	if err := send(ctx, from, secure.AddrOf(service.DID()), s, nil); err != nil {
		t.Error(err)
	}
	if err := <-received; err != nil {
		t.Error(err)
	}
}
