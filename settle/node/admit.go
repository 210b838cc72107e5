package node

import (
	"runtime"

	"joulepay/settle"
	"joulepay/settle/dag"
)

// Bounds of admission.
const (
	// admitTogetherMax is how many signatures share one verification: more save little and delay the first.
	admitTogetherMax = 64
	// admitWaitingMax is how many vertices wait for one before their submitters do.
	admitWaitingMax = 4096
)

// stageForged tells a submitter that its vertex was not taken in because its signature does not verify. Nobody else
// hears of it: the same vertex may be good with another signature.
const stageForged Stage = 0

// candidate is a vertex whose signature is not verified yet, and its submitter.
type candidate struct {
	vertex *settle.Vertex
	heard  chan Notice
}

// admit verifies what is submitted, as much together as waits at a time, and gives the good to the loop. Several run
// at once: the core is busy with other things meanwhile.
func (n *Node) admit() error {
	for {
		var together []candidate
		select {
		case c := <-n.candidates:
			together = n.gatherCandidates(c)
		case <-n.ctx.Done():
			return nil
		}
		good := n.verify(together)
		for _, g := range good {
			n.stages.shares.take(g.Vertex)
		}
		n.verifyClaims(good)
		if len(good) > 0 && n.send(SubmittedTogether{good}) != nil {
			return nil
		}
	}
}

// admitters is how many goroutines verify.
func admitters() int { return runtime.GOMAXPROCS(0) }

func (n *Node) gatherCandidates(first candidate) []candidate {
	together := []candidate{first}
	for len(together) < admitTogetherMax {
		select {
		case c := <-n.candidates:
			together = append(together, c)
		default:
			return together
		}
	}
	return together
}

// verify gives the vertices with good signatures and answers the submitters of the others.
func (n *Node) verify(together []candidate) []Submitted {
	signed := make([]dag.Signed, len(together))
	n.coreMu.RLock()
	state := n.core.state // a rebase puts another one in its place
	for i, c := range together {
		signed[i] = dag.Signed{Vertex: c.vertex, Key: state.AccountKey(c.vertex.Issuer())}
	}
	n.coreMu.RUnlock()
	good := make([]Submitted, 0, len(together))
	for i, ok := range state.VerifySignatures(signed) {
		if ok {
			good = append(good, Submitted{signed[i].Vertex, signed[i].Key})
			continue
		}
		select {
		case together[i].heard <- Notice{Stage: stageForged}:
		default: // the vertex is decided already, with another signature
		}
	}
	return good
}

// verifyClaims verifies what the vertices settle, so that the core need not.
func (n *Node) verifyClaims(good []Submitted) {
	for _, g := range good {
		p, ok := g.Vertex.Payload().(*settle.Settle)
		if !ok {
			continue
		}
		n.coreMu.RLock()
		state := n.core.state
		claims, complete := state.ClaimsToVerify(p)
		n.coreMu.RUnlock()
		if complete {
			state.VerifyClaims(g.Vertex.ID(), claims)
		}
	}
}
