package ledgerfaults_test

import (
	"context"
	"errors"
	"slices"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// carry brings a payload onto the ledger through one node after the other until what became of it is known, or, for a
// client that gives up easily, until the first time that it is not.
func (l *load) carry(op *operation, payload settle.Payload, issuer wallet.DID, key wallet.PrivateKey, easily bool) {
	op.payload, op.outcome = settle.PayloadIDOf(l.w.net.Network, issuer, payload), unknown
	for attempt, limit := 0, l.now()+hangTimeMax; ; attempt++ {
		if l.w.t.Failed() {
			return // nobody looks at the history any more
		}
		if l.now() > limit {
			l.w.t.Errorf("what became of %s is not known for %s", op.payload, hangTimeMax)
			return
		}
		api := l.any()
		ctx, cancel := l.w.ctx()
		taken, err := client.NewSubmitter(api.Client, l.w.net.Network, issuer, key).Submit(ctx, payload)
		cancel()
		switch {
		case err == nil:
			l.acknowledged(taken.Vertex)
			if op.vertex = taken.Vertex; taken.Verdict == settle.NoOp && !l.findApplied(op) {
				break // this node does not know yet which vertex applied the payload
			}
			if l.awaitFinal(op, easily) || easily {
				return
			}
		case errors.Is(err, client.ErrStaleSequence):
			if l.overtaken(op, issuer) {
				op.outcome, op.overtaken = refused, true
				return
			}
		case isRefusal(err):
			if attempt == 0 {
				op.outcome = refused
			}
			return
		case easily:
			return
		}
		l.pause()
	}
}

// findApplied finds the vertex that applied a payload, where a later one repeated it.
func (l *load) findApplied(op *operation) bool {
	ctx, cancel := l.w.ctx()
	defer cancel()
	page, err := l.any().Vertices(ctx, client.VertexQuery{Payload: client.ID(op.payload), State: client.VertexAccepted})
	i := slices.IndexFunc(page.Items, func(v client.Vertex) bool { return v.Verdict == settle.Applied.String() })
	if err != nil || i < 0 {
		return false
	}
	op.vertex = settle.VertexID(page.Items[i].ID)
	return true
}

// isRefusal tells whether an answer says that nothing was done, and why.
func isRefusal(err error) bool {
	return errors.Is(err, client.ErrInsufficient) || errors.Is(err, settle.ErrBelowLock)
}

// awaitFinal asks one node after the other until one shows the vertex final. It gives false when it was refused after all,
// so that the payload needs another vertex.
func (l *load) awaitFinal(op *operation, easily bool) bool {
	for limit := l.now() + hangTimeMax; l.now() < limit && !l.w.t.Failed(); l.pause() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.w.t.Context()), nodePatience)
		v, err := l.any().AwaitVertex(ctx, client.ID(op.vertex))
		cancel()
		switch {
		case err == nil && v.State == client.VertexFinal:
			l.show(v)
			op.outcome, op.height = done, v.Height
			return true
		case err == nil && v.State == client.VertexRefused:
			return false
		case easily && err != nil:
			return true
		}
	}
	l.w.t.Errorf("vertex %s does not become final", op.vertex)
	return true
}

// show remembers a vertex that a node shows as final, and checks the proof.
func (l *load) show(v client.Vertex) {
	l.w.shown.vertex(v.ID, decided{v.Height, v.Verdict})
	p, err := proof.DecodeVertex(v.Certified)
	if err == nil {
		err = p.Verify(l.w.trusted)
	}
	if err != nil || p.ID != settle.VertexID(v.ID) || p.Verdict.String() != v.Verdict {
		l.w.t.Errorf("I7: vertex %s is shown as final, and nothing proves it: %v", v.ID, err)
		return
	}
	if len(p.Path) > 0 {
		l.w.run.Count("final by a later checkpoint", 1)
	}
	l.w.shown.final(p.Final)
}

// overtaken tells whether the sequence of a transfer is used up for good by another one.
func (l *load) overtaken(op *operation, issuer wallet.DID) bool {
	ctx, cancel := l.w.ctx()
	defer cancel()
	api := l.any()
	account, err := api.CertifiedAccount(ctx, issuer)
	if err != nil || account.Account.Sequence < op.sequence {
		return false
	}
	l.w.shown.final(account.Proof.Final)
	// What is final here is in the lists of the same node.
	_, err = client.NewSubmitter(api.Client, l.w.net.Network, issuer, wallet.PrivateKey{}).Find(ctx, op.payload)
	return errors.Is(err, client.ErrNotFound)
}

// acknowledged remembers a vertex that a node has taken: it stays in the log, whatever becomes of it.
func (l *load) acknowledged(id settle.VertexID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = append(l.taken, client.ID(id))
}
