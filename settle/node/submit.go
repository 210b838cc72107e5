package node

import (
	"context"
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/wallet"
)

// Result is what became of a submitted vertex.
type Result struct {
	ID      settle.VertexID // of the vertex that carries the verdict: an earlier one when the payload was accepted before
	Payload settle.PayloadID
	Verdict settle.Verdict
	Height  uint64 // in the log; zero for a vertex that was refused before it got there
}

// Submit brings the canonical bytes of a vertex to the ledger and waits for the verdict, which is stored before Submit
// returns it. A refusal is an error of package settle (settle.ErrOverspend, …) beside the Result; a payload that was
// accepted before gives the earlier vertex and no error. When the context ends first, the error is ErrOutcomeUnknown:
// to submit the same bytes again is harmless.
func (n *Node) Submit(ctx context.Context, raw []byte) (Result, error) {
	v, err := settle.DecodeVertex(raw)
	if err != nil {
		return Result{}, err
	}
	return n.SubmitVertex(ctx, v)
}

// SubmitVertex is Submit for a decoded vertex.
func (n *Node) SubmitVertex(ctx context.Context, v *settle.Vertex) (Result, error) {
	r := Result{ID: v.ID(), Payload: v.PayloadID()}
	if v.Network() != n.network.ID {
		return refused(r, settle.WrongNetwork)
	}
	heard, err := n.stages.await(v.ID())
	if err != nil {
		return r, err
	}
	defer n.stages.forget(v.ID(), heard)
	n.coreMu.RLock()
	decided := n.core.state.Knows(v.ID())
	waiting := len(n.core.pending)
	n.coreMu.RUnlock()
	if decided {
		if known, err := n.lookUp(ctx, v.ID()); !errors.Is(err, ErrNotFound) {
			return n.conclude(ctx, known, err)
		} // decided, but not stored yet: the core will tell
	}
	if waiting >= PendingMax {
		return r, ErrBusy
	}
	if verdict, err := n.admissible(ctx, v); err != nil {
		return r, err
	} else if !verdict.Accepted() {
		return n.refuseEarly(ctx, v, verdict)
	}
	select {
	case n.candidates <- candidate{v, heard}:
	case <-ctx.Done():
		return r, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	case <-n.ctx.Done():
		return r, ErrStopped
	}
	select {
	case notice := <-heard:
		switch notice.Stage {
		case stageForged:
			return refused(r, settle.BadSignature)
		case StageRepeated:
			known, err := n.lookUp(ctx, v.ID())
			return n.conclude(ctx, known, err)
		}
		r.Verdict, r.Height = notice.Verdict, notice.Height
		return n.conclude(ctx, r, nil)
	case <-ctx.Done():
		return r, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	case <-n.ctx.Done():
		return r, ErrStopped
	}
}

func refused(r Result, v settle.Verdict) (Result, error) {
	r.Verdict = v
	return r, v.Err()
}

// lookUp gives the stored verdict on a vertex.
func (n *Node) lookUp(ctx context.Context, id settle.VertexID) (Result, error) {
	if r, ok := n.stages.accepted(id); ok {
		return r, nil
	}
	e, err := n.options.Store.Vertex(ctx, id)
	if err != nil {
		return Result{}, wrapNotFound(err)
	}
	return resultOf(e), nil
}

func resultOf(e store.Entry) Result {
	return Result{ID: e.ID, Payload: e.Payload, Verdict: e.Verdict, Height: e.Height}
}

// conclude turns a refusal into an error, unless the payload was accepted in an earlier vertex.
func (n *Node) conclude(ctx context.Context, r Result, err error) (Result, error) {
	if err != nil || r.Verdict.Accepted() {
		return r, err
	}
	if earlier, err := n.Payload(ctx, r.Payload); err == nil {
		return earlier, nil
	} else if !errors.Is(err, ErrNotFound) {
		return r, err
	}
	return r, r.Verdict.Err()
}

// Payload gives the accepted vertex that carries a payload, or ErrNotFound.
func (n *Node) Payload(ctx context.Context, id settle.PayloadID) (Result, error) {
	found, err := n.options.Store.Vertices(ctx, store.VertexQuery{
		Page: store.Page{Limit: 1}, Payload: &id, Only: store.AcceptedOnly,
	})
	if err != nil {
		return Result{}, err
	}
	if len(found) == 0 {
		return Result{}, fmt.Errorf("%w: no accepted vertex with payload %s", ErrNotFound, id)
	}
	return resultOf(found[0]), nil
}

// postAttempts is how often Post tries with fresh parents before it gives up.
const postAttempts = 8

// Post signs a payload with tips of now and submits it, again when the parents were too old. Nonce tells this call
// apart from earlier ones with the same payload.
func (n *Node) Post(ctx context.Context, issuer wallet.DID, key wallet.PrivateKey, nonce uint64, p settle.Payload) (Result, error) {
	var r Result
	for attempt := range uint64(postAttempts) {
		v, err := settle.Sign(settle.Draft{
			Network: n.network.ID, Issuer: issuer, Parents: n.Tips(), Nonce: nonce + attempt, Payload: p,
		}, key)
		if err != nil {
			return Result{}, err
		}
		if r, err = n.SubmitVertex(ctx, v); err == nil || !r.Verdict.Reparent() {
			return r, err
		}
	}
	return r, r.Verdict.Err()
}

// WaitFinal waits until a vertex is final and gives its verdict. A refused vertex gives its refusal at once: what is
// refused stays refused. A vertex that is neither in the log nor waiting for it gives ErrNotFound.
func (n *Node) WaitFinal(ctx context.Context, id settle.VertexID) (Result, error) {
	heard, err := n.stages.await(id)
	if err != nil {
		return Result{}, err
	}
	defer n.stages.forget(id, heard)
	r, err := n.lookUp(ctx, id)
	if errors.Is(err, ErrNotFound) && n.coming(id) {
		select {
		case <-heard:
		case <-ctx.Done():
			return Result{}, ctx.Err()
		case <-n.ctx.Done():
			return Result{}, ErrStopped
		}
		r, err = n.lookUp(ctx, id)
	}
	if err != nil {
		return r, err
	}
	if !r.Verdict.Accepted() {
		return r, r.Verdict.Err()
	}
	return r, n.stages.waitHeight(ctx, n.ctx, r.Height, n.finalHeight)
}

// coming tells whether a vertex that is not stored will be: it waits for its place in the log, or has one already.
func (n *Node) coming(id settle.VertexID) bool {
	n.coreMu.RLock()
	defer n.coreMu.RUnlock()
	return n.core.Pending(id) || n.core.state.Knows(id)
}

func (n *Node) finalHeight() uint64 { return n.final.Load().Checkpoint.Height }

// LatestFinal gives the last final checkpoint with its proof. That of the genesis has no certificate.
func (n *Node) LatestFinal() proof.Final { return *n.final.Load() }
