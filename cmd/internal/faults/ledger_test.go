package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// settled waits until no session is open and nothing waits for the ledger on either side.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("every session settled", func() bool {
		for _, name := range []string{"charger", "vehicle"} {
			now := w.read(name)
			for _, r := range now.sessions {
				if !r.Phase.Over() {
					return false
				}
			}
			if now.pending > 0 {
				return false
			}
		}
		return true
	})
	w.audit()
}

// ledgerState is what the ledger's API says of the parties.
type ledgerState struct {
	issued   money.Amount
	balances map[wallet.DID]money.Amount
	channels map[channel.ID]client.Channel
}

func (w *world) ledgerState() ledgerState {
	w.t.Helper()
	c := w.client()
	ctx := w.ctx()
	s := ledgerState{balances: map[wallet.DID]money.Amount{}, channels: map[channel.ID]client.Channel{}}
	for issue, err := range client.All(func(cursor string) (client.Page[client.Issue], error) {
		return c.Issues(ctx, client.EntryQuery{PageQuery: client.PageQuery{Cursor: cursor}})
	}) {
		w.noError(err)
		s.issued += issue.Amount.Amount
		w.balanceOf(ctx, c, &s, issue.Issuer)
	}
	w.balanceOf(ctx, c, &s, w.car)
	w.balanceOf(ctx, c, &s, w.station)
	for ch, err := range client.All(func(cursor string) (client.Page[client.Channel], error) {
		return c.Channels(ctx, client.ChannelQuery{PageQuery: client.PageQuery{Cursor: cursor}})
	}) {
		w.noError(err)
		s.channels[channel.ID(ch.ID)] = ch
	}
	return s
}

func (w *world) balanceOf(ctx context.Context, c *client.Client, s *ledgerState, did wallet.DID) {
	w.t.Helper()
	account, err := c.Account(ctx, did)
	w.noError(err)
	s.balances[did] = account.Balance.Amount
}

func (w *world) noError(err error) {
	w.t.Helper()
	if err != nil {
		w.fail("%v", err)
	}
}

// conserved checks I1: what was issued is on the accounts and in the channels.
func (w *world) conserved(s ledgerState) {
	w.t.Helper()
	total := money.Amount(0)
	for _, b := range s.balances {
		total += b
	}
	for _, ch := range s.channels {
		total += ch.Locked.Amount
	}
	if total != s.issued {
		w.fail("I1: issued %s, on accounts and in channels %s", s.issued, total)
	}
}

// kept checks that what the ledger told the parties to be final is final.
func (w *world) kept() {
	w.t.Helper()
	c := w.client()
	for _, name := range []string{"charger", "vehicle"} {
		for _, op := range w.read(name).ops {
			if op.State != session.OpFinal {
				continue
			}
			if v, err := c.Vertex(w.ctx(), client.ID(op.Vertex)); err != nil || v.State != client.VertexFinal {
				w.fail("the %s of the %s was final in vertex %x, which is now %q: %v", op.Kind, name, op.Vertex, v.State, err)
			}
		}
	}
}

// paid checks that the ledger knows the last claim of every session, that the charger has got, or is certain to get from
// channels that are open, all of it, and gives the sum.
func (w *world) paid() money.Amount {
	w.t.Helper()
	s := w.ledgerState()
	w.conserved(s)
	charger, vehicle := w.read("charger"), w.read("vehicle")
	claimed, due := money.Amount(0), s.balances[w.station]
	for id, held := range charger.channels {
		on, known := s.channels[id]
		if !known {
			w.fail("the ledger does not know channel %s", id)
		}
		in, out := held.Side.In.Owed(), vehicle.channels[id].Side.Out.Owed()
		if on.Claimed.Opener.Amount != in || in > out {
			w.fail("channel %s: the ledger holds %s, the charger %s, the vehicle signed %s", id, on.Claimed.Opener, in, out)
		}
		claimed += in
		if on.State != client.ChannelClosed {
			due += in - on.Withdrawn.Partner.Amount
		}
	}
	if claimed != due {
		w.fail("the charger holds claims of %s, and is paid %s", claimed, due)
	}
	return claimed
}

// receipts checks that every session in which energy flowed has a final receipt that anybody can verify, and gives how
// many there are.
func (w *world) receipts() int {
	w.t.Helper()
	c, err := client.New("http://"+w.chargerAPI, client.Options{})
	w.noError(err)
	n := 0
	for id, r := range w.read("charger").sessions {
		if r.Phase != session.PhaseEnded {
			continue
		}
		n++
		var receipt []byte
		var missing error
		w.eventually("a receipt of session "+id.String(), func() bool {
			receipt, missing = c.Receipt(w.ctx(), client.SessionID(id))
			return missing == nil || errors.Is(missing, client.ErrBadRequest)
		})
		w.noError(missing)
		path := filepath.Join(w.dir, fmt.Sprintf("receipt-%s.json", id))
		w.noError(os.WriteFile(path, receipt, 0o600))
		var verified struct {
			Final bool `json:"final"`
		}
		w.do(&verified, "vehicle", "verify", path, "--json")
		if !verified.Final {
			w.fail("the receipt of session %s is not final", id)
		}
	}
	return n
}
