// Package operation owns the translation between what sessions ask of a ledger and what the ledger takes and certifies:
// from an outbox entry to a payload, from a channel's slot to a session's view. It leaves submission to whoever drives a
// session (cmd over the settlement API, a simulator over a node's core) and the rules to settle/dag.
// It keeps invariant I4 for payloads: the same entry and sequence always give the same payload.
package operation

import (
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/proof"
)

// Payload translates an entry of the outbox. A spend still needs its account's sequence: see Sequenced.
func Payload(op session.OpRecord) (settle.Payload, error) {
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
		request, claims, err := session.DecodeCloseRequest(op.Body)
		settle.SortClaims(claims)
		return &settle.CloseRequest{Signed: request, Claims: claims}, err
	case session.OpFinalise:
		return &settle.Finalise{Channel: op.Channel}, nil
	}
	return nil, fmt.Errorf("%w: operation %s", session.ErrRecord, op.Kind)
}

// Spends tells whether an operation moves its account's money, so that its payload carries the account's next sequence.
func Spends(kind session.OpKind) bool { return kind == session.OpOpen || kind == session.OpTopUp }

// Sequenced sets the account's next sequence in a payload of Payload that spends; others carry none.
func Sequenced(p settle.Payload, sequence uint64) {
	switch p := p.(type) {
	case *settle.Open:
		p.Sequence = sequence
	case *settle.TopUp:
		p.Sequence = sequence
	}
}

// View puts a channel, as a final checkpoint has it, into the words of sessions. The end of a window is on the clock of
// windows, which stands still while the ledger does; as ledger time it is what it would be if the ledger paused no more.
func View(c settle.Channel, final proof.Checkpoint) session.View {
	end := settle.LedgerTime(int64(c.WindowEnd) + final.Paused)
	return session.View{
		Opening: c.Opening, Funds: c.Funds, Lanes: c.Maxima(), State: c.State,
		WindowEnd: end.Time(), Expiry: c.Expiry, Time: final.Time.Time(), Final: true,
	}
}
