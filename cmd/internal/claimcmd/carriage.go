package claimcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/internal/natsd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
)

// Errors of sending and receiving.
var (
	errNoAnswer  = errors.New("the receiver did not answer in time")
	errNobody    = errors.New("nobody sent a claim in time")
	errLinkEnded = errors.New("the connection ended")
)

// Times of an exchange, real time.
const (
	// repeatEvery is how soon a message is repeated that was not answered, as in sessions.
	repeatEvery = 500 * time.Millisecond
	// lingerMax is for how long a receiver answers repeats after it accepted: the sender may not have heard it.
	lingerMax = 10 * time.Second
)

// noNetwork is the network of claims: none. Two machines that share claims need not know a ledger, and a handshake for no
// network is never one of a session, which listens on the same subjects.
var noNetwork wallet.NetworkID

// carriageFlags say over what claims are carried.
type carriageFlags struct {
	nats string
	tls  party.TLS
	wait time.Duration
}

func (f *carriageFlags) add(command *cobra.Command, wait time.Duration, usage string) {
	command.Flags().StringVar(&f.nats, "nats", party.NATSDefault, "NATS server")
	f.tls.AddTrust(command)
	command.Flags().DurationVar(&f.wait, "wait", wait, usage)
}

func (f *carriageFlags) connect(app *cli.App, key natsd.Key) (*nats.Conn, error) {
	trusted, err := f.tls.Trusted()
	if err != nil {
		return nil, err
	}
	return natsd.Dial(f.nats, natsd.DialOptions{Name: "claim", Key: key, TLS: trusted,
		OnError: func(err error) { app.Log().Warn("NATS", "error", err) }})
}

// carrier is a secret link with its connection.
type carrier struct {
	*secure.Link
	conn *nats.Conn
}

func (c carrier) close() {
	_ = c.Link.Close() // nothing waits behind it
	c.conn.Close()
}

// dial opens the sender's end, on a connection under a fresh key: the broker does not learn who sends. failed hears why the
// other side cannot be reached, or does not want to be.
func (f *carriageFlags) dial(app *cli.App, w *wallet.Wallet, keys *keyring, failed func(error)) (carrier, error) {
	key := wallet.GenerateKey()
	conn, err := f.connect(app, natslink.ConnectKey(key))
	if err != nil {
		return carrier{}, err
	}
	below, err := natslink.DialPeer(conn, natslink.TokenOf(key.Public()), nil)
	if err != nil {
		conn.Close()
		return carrier{}, err
	}
	return carrier{secure.Dial(below, secure.NewIdentity(w, noNetwork), secure.Options{Admit: keys.admit, OnDrop: failed}), conn}, nil
}

// listen opens the receiver's end, under its DID, for one sender.
func (f *carriageFlags) listen(app *cli.App, w *wallet.Wallet, from wallet.DID, keys *keyring) (carrier, error) {
	conn, err := f.connect(app, natslink.StationKey(w))
	if err != nil {
		return carrier{}, err
	}
	below, err := natslink.ListenStation(conn, w.DID(), nil)
	if err != nil {
		conn.Close()
		return carrier{}, err
	}
	options := secure.Options{
		Admit:  func(ctx context.Context, p secure.Peer) error { return admitOnly(ctx, from, p, keys.admit) },
		OnDrop: func(err error) { app.Log().Debug("datagram dropped", "error", err) },
	}
	return carrier{secure.Listen(below, secure.NewIdentity(w, noNetwork), options), conn}, nil
}

func admitOnly(ctx context.Context, from wallet.DID, p secure.Peer, key secure.Admit) error {
	if p.DID != from {
		return fmt.Errorf("%w: %s", share.ErrHolder, p.DID)
	}
	return key(ctx, p)
}

// send carries an exchange to its end.
func send(ctx context.Context, l link.Link, to link.Addr, s *share.Sender, failed <-chan error) error {
	repeat := time.NewTicker(repeatEvery)
	defer repeat.Stop()
	for {
		if err := l.Send(to, s.Message()); err != nil && !errors.Is(err, link.ErrDown) {
			return err
		}
		if done, refusal := s.Done(); done {
			return refusal
		}
		if err := awaitNews(ctx, l, s, repeat.C, failed); err != nil {
			return err
		}
	}
}

// awaitNews waits until there is something new to send, or until it is time to repeat the last message.
func awaitNews(ctx context.Context, l link.Link, s *share.Sender, repeat <-chan time.Time, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errNoAnswer, ctx.Err())
		case err := <-failed:
			return err
		case <-repeat:
			return nil
		case d, open := <-l.Receive():
			if !open {
				return errLinkEnded
			}
			if news, err := s.Receive(time.Now(), d.Payload); err != nil || news {
				return err
			}
		}
	}
}

// receive waits for an exchange, and answers until its sender knows how it ended. refused hears of presentations that were
// not accepted; the wait goes on.
func receive(ctx context.Context, l link.Link, r *share.Receiver, refused func(error)) (credential.Presented, error) {
	var linger <-chan time.Time
	var told error
	for {
		select {
		case <-ctx.Done():
			return credential.Presented{}, fmt.Errorf("%w: %w", errNobody, ctx.Err())
		case <-linger:
			return result(r)
		case d, open := <-l.Receive():
			if !open {
				return credential.Presented{}, errLinkEnded
			}
			answer, err := r.Receive(time.Now(), d.Payload)
			if err != nil || answer == nil && !r.Thanked() {
				continue // nothing that the peer could do about
			}
			if answer != nil {
				_ = l.Send(d.From, answer) // the sender asks again
			}
		}
		presented, refusal := r.Presented()
		switch {
		case r.Thanked():
			return result(r)
		case presented != nil && linger == nil:
			linger = time.After(lingerMax)
		case presented == nil && refusal != told: // each is an error of its own
			told = refusal
			refused(refusal)
		}
	}
}

func result(r *share.Receiver) (credential.Presented, error) {
	presented, _ := r.Presented()
	return *presented, nil
}
