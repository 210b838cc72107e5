package node

import (
	"context"
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
)

// creditPatience is how long a vertex is held for credit that its account is about to earn. It hides that ledger time
// moves in steps, and that an account that has just been made earns its first credit.
const creditPatience = 2 * time.Second

// errShare is ErrBusy for one account.
var errShare = fmt.Errorf("%w for this account", ErrBusy)

// admissible tells before any other work whether a vertex is worth its place in the log: not when the state of now
// already refuses it, and not when its account has more than its share under way. What it lets through, the log judges.
func (n *Node) admissible(ctx context.Context, v *settle.Vertex) (settle.Verdict, error) {
	for until := n.options.Clock().Add(creditPatience); ; {
		if n.stages.shares.exhausted(v.Issuer(), n.options.Clock()) {
			return 0, errShare
		}
		moved := n.stages.finalized()
		outlook, behind := n.outlook(v)
		if outlook.Verdict != settle.CreditSpent || outlook.Wait == 0 {
			return outlook.Verdict, nil
		}
		wait := outlook.Wait - behind
		switch now := n.options.Clock(); {
		case wait > 0 && now.Add(wait).After(until):
			return outlook.Verdict, nil
		case now.After(until):
			return settle.Applied, nil // the credit is there and ledger time is not: the vertex itself will move it
		}
		if err := n.letTimePass(ctx, wait, moved); err != nil {
			return 0, err
		}
	}
}

// outlook asks the state, and says how far ledger time is behind the clock: on a ledger where nothing happens, time does
// not pass by itself.
func (n *Node) outlook(v *settle.Vertex) (dag.Outlook, time.Duration) {
	waiting := n.stages.shares.waits(v.Issuer())
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	return n.core.state.Outlook(v, waiting), n.options.Clock().Sub(n.core.state.Head().Time.Time())
}

// letTimePass waits, asks for a checkpoint and waits for it: its certificates move ledger time. A node that cannot ask
// for one waits for those that others make.
func (n *Node) letTimePass(ctx context.Context, wait time.Duration, moved <-chan struct{}) error {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		n.coreMu.Lock()
		n.core.uncovered = true
		n.coreMu.Unlock()
		if n.send(Tick{}) != nil {
			return ErrStopped
		}
		timer.Reset(creditPatience)
	case <-moved:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	case <-n.ctx.Done():
		return ErrStopped
	}
	select {
	case <-moved:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	case <-n.ctx.Done():
		return ErrStopped
	}
	return nil
}

// refuseEarly refuses a vertex that was not verified, unless it is a good one whose payload was accepted before.
func (n *Node) refuseEarly(ctx context.Context, v *settle.Vertex, verdict settle.Verdict) (Result, error) {
	r := Result{ID: v.ID(), Payload: v.PayloadID(), Verdict: verdict}
	earlier, err := n.conclude(ctx, r, nil)
	if err != nil {
		return earlier, err
	}
	n.coreMu.RLock()
	key := n.core.state.AccountKey(v.Issuer())
	n.coreMu.RUnlock()
	if n.core.state.VerifySignature(v, key) != nil {
		return refused(r, settle.BadSignature)
	}
	return earlier, nil
}
