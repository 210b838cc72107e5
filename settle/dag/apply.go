package dag

import (
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Result is what became of an entry.
type Result struct {
	// Logged is false for a repetition, or a mark or certificate that came too late: it changed nothing and is no
	// part of the log.
	Logged     bool
	Height     uint64
	Verdict    settle.Verdict
	Checkpoint *proof.Checkpoint // that a mark made
	Channels   []ChannelEffect   // what a vertex did
	Parties    []wallet.DID      // whom a vertex concerns, its issuer first
}

// Apply decides the next entry of the log. An error means that this node must stop: the state may be wrong. Whatever
// an entry contains, it gives no error.
func (s *State) Apply(e Entry) (Result, error) {
	switch e.Kind() {
	case EntryVertex:
		return s.applyVertex(e)
	case EntryCertificate:
		return s.applyCertificate(e)
	case EntryStart:
		return s.applyStart(e)
	}
	return s.applyMark(e)
}

func (s *State) applyVertex(e Entry) (Result, error) {
	v := e.Vertex
	if s.recent.known(v.ID()) {
		return Result{}, nil
	}
	g := s.newStage()
	verdict, err := g.judge(v, e.SignedBy)
	if err != nil {
		return Result{}, fmt.Errorf("vertex %s: %w", v.ID(), err)
	}
	s.head.Decided++
	if verdict.Accepted() {
		s.head.Accepted++
	}
	s.recent.add(decided{id: v.ID(), accepted: verdict.Accepted()}, v.Parents())
	s.receipts = append(s.receipts, proof.Leaf{Index: uint64(len(s.receipts)), Hash: proof.ReceiptLeaf(v.ID(), verdict)})
	return Result{
		Logged: true, Height: s.log(v.ID(), verdict), Verdict: verdict,
		Channels: g.effects, Parties: g.parties(v.Issuer()),
	}, nil
}

// judge applies the vertex, or refuses it and changes nothing.
func (g *stage) judge(v *settle.Vertex, signedBy wallet.PublicKey) (settle.Verdict, error) {
	s := g.state
	if v.Network() != s.network.ID {
		return settle.WrongNetwork, nil
	}
	if verdict := s.judgeParents(v.Parents()); !verdict.Accepted() {
		return verdict, nil
	}
	if key := s.AccountKey(v.Issuer()); key != signedBy && s.verifiers.verify(v, key) != nil {
		return settle.BadSignature, nil
	}
	if !g.active(v.Issuer()) {
		return settle.Deactivated, nil
	}
	g.price(v.Issuer(), v.Payload())
	g.payer = g.payerOf(v.Issuer(), v.Payload())
	verdict := g.apply(v)
	if verdict == settle.Applied {
		verdict = g.charge(g.payer)
	}
	if g.err != nil {
		return 0, g.err
	}
	if !verdict.Accepted() {
		g.order = nil
		return verdict, nil
	}
	return verdict, g.commit()
}

func (s *State) judgeParents(parents []settle.VertexID) settle.Verdict {
	if len(parents) < settle.ParentsMin && s.head.Accepted >= settle.ParentsMin {
		return settle.TooFewParents
	}
	for _, p := range parents {
		if verdict := s.recent.parent(p); !verdict.Accepted() {
			return verdict
		}
	}
	return settle.Applied
}

// apply is the table of rules.
func (g *stage) apply(v *settle.Vertex) settle.Verdict {
	switch p := v.Payload().(type) {
	case *settle.Transfer:
		return g.transfer(v.Issuer(), p)
	case *settle.Issue:
		return g.issue(v.Issuer(), p)
	case *settle.Redeem:
		return g.redeem(v.Issuer(), p)
	case *settle.Anchor:
		return settle.Applied
	case *settle.Open:
		return g.open(v.Issuer(), p)
	case *settle.TopUp:
		return g.topUp(v.Issuer(), p)
	case *settle.Settle:
		return g.settle(v, p)
	case *settle.Withdraw:
		return g.withdraw(v.Issuer(), p)
	case *settle.CooperativeClose:
		return g.cooperativeClose(v.Issuer(), p)
	case *settle.CloseRequest:
		return g.closeRequest(v, p)
	case *settle.Finalise:
		return g.finalise(p)
	case *settle.Publish:
		return g.publish(v, p)
	case *settle.Rotate:
		return g.rotate(v, p)
	case *settle.Deactivate:
		return g.deactivate(v, p)
	}
	return settle.WrongNetwork // a genesis, which names no network
}
