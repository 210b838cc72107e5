// Package ledgerport owns the way from a session's ledger operations to the ledger's payloads and back: it is the
// agent.Settler of real processes, over the settlement API. It leaves retries to the agent's outbox and rules to settle.
// It keeps invariant I4 for submissions: a payload is fixed before it is sent, and the same payload takes effect once.
package ledgerport

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
	"joulepay/wallet"
)

// Port is a party's access to the ledger.
type Port struct {
	pinned    *client.Pinned
	submitter *client.Submitter
}

var _ agent.Settler = (*Port)(nil)

// New signs with the party's account key.
func New(pinned *client.Pinned, w *wallet.Wallet) *Port {
	network := pinned.Trusted().ID
	return &Port{pinned: pinned, submitter: client.NewSubmitter(pinned.Client, network, w.DID(), w.Account())}
}

// Prepare implements agent.Settler.
func (p *Port) Prepare(ctx context.Context, op session.OpRecord) ([]byte, error) {
	payload, err := payloadOf(op)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", agent.ErrLedgerRefused, err)
	}
	if spend, ok := payload.(settle.Spend); ok {
		sequence, err := p.submitter.NextSequence(ctx)
		if errors.Is(err, client.ErrNotFound) {
			return nil, fmt.Errorf("%w: %w", agent.ErrLedgerRefused, client.ErrInsufficient) // no account: never funded
		}
		if err != nil {
			return nil, err
		}
		setSequence(spend, sequence)
	}
	return settle.EncodePayload(payload), nil
}

func setSequence(spend settle.Spend, sequence uint64) {
	switch p := spend.(type) {
	case *settle.Open:
		p.Sequence = sequence
	case *settle.TopUp:
		p.Sequence = sequence
	}
}

// payloadOf translates an operation.
func payloadOf(op session.OpRecord) (settle.Payload, error) {
	switch op.Kind {
	case session.OpOpen:
		opening, err := channel.DecodeOpening(op.Body)
		return &settle.Open{Opening: opening}, err
	case session.OpTopUp:
		t, err := session.DecodeTopUp(op.Body)
		return &settle.TopUp{Channel: op.Channel, Party: t.Party, Amount: t.Amount}, err
	case session.OpSettle:
		claims, err := session.DecodeBests(op.Body)
		settle.SortClaims(claims)
		return &settle.Settle{Claims: claims}, err
	case session.OpWithdraw:
		signed, err := channel.DecodeSignedWithdrawal(op.Body)
		return &settle.Withdraw{Signed: signed}, err
	case session.OpClose:
		signed, err := channel.DecodeSignedClose(op.Body)
		return &settle.CooperativeClose{Signed: signed}, err
	case session.OpCloseRequest:
		return closeRequest(op.Body)
	case session.OpFinalise:
		return &settle.Finalise{Channel: op.Channel}, nil
	}
	return nil, fmt.Errorf("%w: operation %s", session.ErrRecord, op.Kind)
}

func closeRequest(body []byte) (settle.Payload, error) {
	request, bests, err := session.DecodeCloseRequest(body)
	if err != nil {
		return nil, err
	}
	settle.SortClaims(bests)
	return &settle.CloseRequest{Signed: request, Claims: bests}, nil
}

// Submit implements agent.Settler.
func (p *Port) Submit(ctx context.Context, raw []byte) ([32]byte, error) {
	payload, err := settle.DecodePayload(raw)
	if err != nil {
		return [32]byte{}, fmt.Errorf("%w: %w", agent.ErrLedgerRefused, err)
	}
	outcome, err := p.submitter.Submit(ctx, payload)
	if err != nil {
		return [32]byte{}, refusal(err)
	}
	if _, err := p.submitter.WaitFinal(ctx, outcome.Vertex); err != nil {
		return [32]byte{}, refusal(err)
	}
	return outcome.Vertex, nil
}

// refusal names what an error means for a payload: never, anew, or not yet.
func refusal(err error) error {
	switch {
	case errors.Is(err, client.ErrOutcomeUnknown), errors.Is(err, client.ErrUnknownParent), errors.Is(err, client.ErrParentTooOld),
		errors.Is(err, settle.ErrWindowOpen):
		return err
	case errors.Is(err, client.ErrStaleSequence):
		return fmt.Errorf("%w: %w", agent.ErrStalePayload, err)
	case errors.Is(err, client.ErrRefused), errors.Is(err, client.ErrInsufficient), errors.Is(err, client.ErrBadSignature),
		errors.Is(err, client.ErrBadRequest), errors.Is(err, client.ErrWrongNetwork):
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
	return ViewOf(certified), nil
}

// ViewOf gives a certified channel in the words of sessions. The end of a window is on the clock of windows, which
// stands still while the ledger does; as ledger time it is what it would be if the ledger paused no more.
func ViewOf(c client.CertifiedChannel) session.View {
	checkpoint := c.Proof.Final.Checkpoint
	end := settle.LedgerTime(int64(c.Channel.WindowEnd) + checkpoint.Paused)
	return session.View{
		Opening: c.Channel.Opening, Funds: c.Channel.Funds, Lanes: c.Channel.Maxima(), State: channel.State(c.Channel.State),
		WindowEnd: end.Time(), Expiry: c.Channel.Expiry, Time: checkpoint.Time.Time(), Final: true,
	}
}
