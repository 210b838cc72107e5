// Package port owns the access of a vehicle or a station to the ledger: it is the agent.Settler of real processes, over
// the settlement API. It leaves the translation of operations to settle/operation, retries to the agent's outbox, and
// rules to settle. It also gathers the evidence of a receipt.
// It keeps invariant I4 for submissions: a payload is fixed before it is sent, and the same payload takes effect once.
package port

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/operation"
	"joulepay/wallet"
)

// Port is a party's access to the ledger.
type Port struct {
	pinned    *client.Pinned
	submitter *client.Submitter
	did       wallet.DID
	key       wallet.PrivateKey // of its account: signs receipts
}

var _ agent.Settler = (*Port)(nil)

// New signs with the party's account key.
func New(pinned *client.Pinned, w *wallet.Wallet) *Port {
	network := pinned.Trusted().ID
	return &Port{pinned: pinned, submitter: client.NewSubmitter(pinned.Client, network, w.DID(), w.Account()), did: w.DID(), key: w.Account()}
}

// Prepare implements agent.Settler.
func (p *Port) Prepare(ctx context.Context, op session.OpRecord) ([]byte, error) {
	payload, err := operation.Payload(op)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", agent.ErrLedgerRefused, err)
	}
	if operation.Spends(op.Kind) {
		sequence, err := p.submitter.NextSequence(ctx)
		if err != nil {
			return nil, err
		}
		operation.Sequenced(payload, sequence)
	}
	return settle.EncodePayload(payload), nil
}

// Submit implements agent.Settler.
func (p *Port) Submit(ctx context.Context, raw []byte) ([32]byte, error) {
	payload, err := settle.DecodePayload(raw)
	if err != nil {
		return [32]byte{}, fmt.Errorf("%w: %w", agent.ErrLedgerRefused, err)
	}
	vertex, err := p.submit(ctx, payload)
	if errors.Is(err, client.ErrStaleSequence) || errors.Is(err, settle.ErrSequence) {
		return p.resolve(ctx, payload, err)
	}
	return vertex, refusal(err)
}

// submit brings a payload onto the ledger and waits until it is final.
func (p *Port) submit(ctx context.Context, payload settle.Payload) ([32]byte, error) {
	outcome, err := p.submitter.Submit(ctx, payload)
	if err == nil {
		_, err = p.submitter.WaitFinal(ctx, outcome.Vertex)
	}
	return outcome.Vertex, err
}

// resolve tells what a stale sequence means for a payload: that it took effect before, or never will. While that cannot be
// told it is neither, for a payload that is made anew beside one that took effect spends twice.
func (p *Port) resolve(ctx context.Context, payload settle.Payload, stale error) ([32]byte, error) {
	found, err := p.submitter.Find(ctx, p.submitter.PayloadID(payload))
	switch {
	case errors.Is(err, client.ErrNotFound):
		return [32]byte{}, fmt.Errorf("%w: %w", agent.ErrStalePayload, stale)
	case err != nil:
		return [32]byte{}, fmt.Errorf("looking for an earlier vertex: %w", err)
	}
	_, err = p.submitter.WaitFinal(ctx, found.Vertex)
	return found.Vertex, err
}

// refusal names what an error means for a payload: never, or not yet. A vertex that the ledger refused for its parents says
// nothing of its payload, nor does one that was signed with a key that was replaced: the program that is started again with the
// new key brings it.
func refusal(err error) error {
	switch {
	case errors.Is(err, client.ErrOutcomeUnknown), errors.Is(err, client.ErrUnknownParent), errors.Is(err, client.ErrParentTooOld),
		errors.Is(err, settle.ErrUnknownParent), errors.Is(err, settle.ErrParentTooOld), errors.Is(err, settle.ErrTooFewParents),
		errors.Is(err, settle.ErrWindowOpen), errors.Is(err, client.ErrBadSignature), errors.Is(err, settle.ErrBadSignature):
		return err
	case errors.Is(err, client.ErrRefused), errors.Is(err, client.ErrInsufficient), errors.Is(err, client.ErrBadRequest),
		errors.Is(err, client.ErrWrongNetwork):
		return fmt.Errorf("%w: %w", agent.ErrLedgerRefused, err)
	}
	return err
}

// View implements agent.Settler: the channel as the witnesses certify it, proof verified.
func (p *Port) View(ctx context.Context, id channel.ID) (session.View, error) {
	certified, err := p.pinned.CertifiedChannel(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		return session.View{}, fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	if err != nil {
		return session.View{}, err
	}
	view := operation.View(certified.Channel, certified.Proof.Final.Checkpoint)
	view.At = certified.At
	return view, nil
}
