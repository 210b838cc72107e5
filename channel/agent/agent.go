// Package agent owns the execution of what session machines ask for: it stores, sends, commands the outlet and brings
// operations to the ledger, in that order. It leaves every decision to channel/session and channel, and the ledger,
// clock and outlet to what it is given: a Settler, a Clock, a meter.Connector or meter.Source.
// It keeps invariant I4: an effect runs only after the Persist before it is durable, and an operation for the ledger stays
// in the outbox until its outcome is known.
//
// Executor.Execute is synchronous and starts nothing, so that a simulator drives it on a virtual clock. Station and
// Vehicle are the runners for real processes: one goroutine a session, all ended by Run's context.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/wallet"
)

// Errors of this package.
var (
	// ErrLedgerRefused says that the ledger will never take an operation; the cause is wrapped beside it.
	ErrLedgerRefused = errors.New("agent: the ledger refused")
	// ErrStalePayload says that a payload can no longer be applied because the account moved on, and never was.
	ErrStalePayload = errors.New("agent: the account moved on, the payload must be made anew")
	// ErrStopped says that the agent was stopped before the session was over; it resumes from the store.
	ErrStopped = errors.New("agent: stopped, the session can be resumed")
	// ErrStoring says that the store does not take a step. Its session ends as if the process did: no more energy flows,
	// nothing that was acknowledged is lost, and it resumes from the store.
	ErrStoring = errors.New("agent: the session cannot be stored")
	// ErrBusy says that the channel is in use by a running session.
	ErrBusy = errors.New("agent: the channel is in use by a session")
)

// Settler is the ledger as an agent needs it. Errors other than those named are taken for passing.
type Settler interface {
	// Prepare fixes the ledger payload of an operation, account sequence included. It submits nothing.
	Prepare(ctx context.Context, op session.OpRecord) ([]byte, error)
	// Submit brings a payload to the ledger and waits until it is final. The same payload again is harmless and gives
	// the same vertex. It fails with ErrLedgerRefused or ErrStalePayload when the payload can never be applied.
	Submit(ctx context.Context, payload []byte) (vertex [32]byte, err error)
	// View gives the certified state of a channel; store.ErrNotFound when the ledger does not know it.
	View(ctx context.Context, id channel.ID) (session.View, error)
}

// Clock gives the two clocks that a session lives by.
type Clock interface {
	Now() session.Instant
}

// WallClock is the machine's own clock: session time is real time.
type WallClock struct{}

// Now implements Clock.
func (WallClock) Now() session.Instant {
	now := time.Now()
	return session.Instant{Session: now, Real: now}
}

// Identity is what an agent signs with.
type Identity struct {
	Wallet  *wallet.Wallet
	Network wallet.NetworkID
}

// Deps are what every agent runs on.
type Deps struct {
	Identity Identity
	Store    store.Store
	Link     link.Link
	Settler  Settler
	Clock    Clock
	Keys     quote.Keys // which key a peer has now; nil: the one that its DID names
	Log      *slog.Logger
	Report   func(session.Progress) // tells people and metrics; may be nil; must not block
	// PulseEvery is how often meters are sampled and timers looked at, real time. Zero: the owner calls Pulse.
	PulseEvery time.Duration
}

func (d Deps) report(p session.Progress) {
	if d.Report != nil {
		d.Report(p)
	}
}
