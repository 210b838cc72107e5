package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"joulepay/settle"
	"joulepay/wallet"
)

// attemptsMax bounds how often one Submit signs the same payload with other parents. Each attempt takes fresh tips, so
// a second one fails only on a ledger that moves by a whole parent window in between.
const attemptsMax = 4

// Submitter brings payloads of one account onto the ledger. It is safe for concurrent use; who spends from several
// places at once finds that only one of them has the right sequence.
type Submitter struct {
	client  *Client
	network wallet.NetworkID
	account wallet.DID
	key     wallet.PrivateKey
}

// NewSubmitter signs with the account's current key, for one network.
func NewSubmitter(c *Client, network wallet.NetworkID, account wallet.DID, key wallet.PrivateKey) *Submitter {
	return &Submitter{client: c, network: network, account: account, key: key}
}

// Outcome is what the ledger made of a payload.
type Outcome struct {
	Vertex  settle.VertexID
	Payload settle.PayloadID
	Height  uint64         // place in the log
	Verdict settle.Verdict // Applied or NoOp
}

// PayloadID names a payload before it is submitted: store it with the payload, so that Find can resolve it.
func (s *Submitter) PayloadID(p settle.Payload) settle.PayloadID {
	return settle.PayloadIDOf(s.network, s.account, p)
}

// NextSequence gives the sequence that the account's next spend carries.
func (s *Submitter) NextSequence(ctx context.Context) (uint64, error) {
	account, err := s.client.Account(ctx, s.account)
	if err != nil {
		return 0, err
	}
	return account.Sequence + 1, nil
}

// Submit signs a payload into a vertex and posts it, with fresh parents where they were too old. The same payload may
// be submitted again after any error: it takes effect once, and a repetition gives the outcome of the first. Refusals
// are *Problem, and also the settle error of the verdict; ErrOutcomeUnknown carries the payload's id for Find.
func (s *Submitter) Submit(ctx context.Context, p settle.Payload) (Outcome, error) {
	var last error
	for range attemptsMax {
		outcome, err := s.attempt(ctx, p)
		switch {
		case err == nil:
			return outcome, nil
		case wantsOtherParents(err):
			last = err
			continue
		case errors.Is(err, ErrOutcomeUnknown), errors.Is(err, ErrStaleSequence):
			// It may be on the ledger already, from this attempt or from one before a crash.
			found, findErr := s.Find(ctx, s.PayloadID(p))
			if findErr == nil {
				return found, nil
			}
			if errors.Is(err, ErrOutcomeUnknown) && errors.Is(findErr, ErrNotFound) {
				last = err
				continue
			}
			return Outcome{}, s.name(err, p)
		}
		return Outcome{}, err
	}
	return Outcome{}, s.name(last, p)
}

// wantsOtherParents tells whether the same payload may be accepted in a vertex with fresh parents.
func wantsOtherParents(err error) bool {
	return errors.Is(err, settle.ErrUnknownParent) || errors.Is(err, settle.ErrParentTooOld) || errors.Is(err, settle.ErrTooFewParents) ||
		errors.Is(err, ErrUnknownParent) || errors.Is(err, ErrParentTooOld)
}

// attempt signs with the tips of now and posts.
func (s *Submitter) attempt(ctx context.Context, p settle.Payload) (Outcome, error) {
	n, err := s.client.Network(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if n.Network != s.network {
		return Outcome{}, fmt.Errorf("%w: %s has %s, the payload is for %s", ErrWrongNetwork, s.client.base, n.Network, s.network)
	}
	parents := make([]settle.VertexID, min(len(n.Tips), settle.ParentsMax))
	for i := range parents {
		parents[i] = settle.VertexID(n.Tips[i])
	}
	vertex, err := settle.Sign(settle.Draft{
		Network: s.network, Issuer: s.account, Parents: parents, Payload: p,
		Nonce: rand.Uint64(), // a vertex is decided once: a new attempt must be another vertex
	}, s.key)
	if err != nil {
		return Outcome{}, err
	}
	posted, err := s.client.PostVertex(ctx, vertex.Encode())
	if err != nil {
		return Outcome{}, err
	}
	// The vertex may be another one: the one that brought the same payload before.
	if posted.Payload != ID(vertex.PayloadID()) {
		return Outcome{}, &UnknownOutcome{Err: fmt.Errorf("%w: posted payload %s, answered %s", ErrResponse, vertex.PayloadID(), posted.Payload)}
	}
	return outcomeOf(posted)
}

// name adds to an unknown outcome which payload it is about.
func (s *Submitter) name(err error, p settle.Payload) error {
	var unknown *UnknownOutcome
	if errors.As(err, &unknown) {
		return &UnknownOutcome{Payload: ID(s.PayloadID(p)), Err: unknown.Err}
	}
	return err
}

// Find tells what became of a payload: its outcome, or ErrNotFound when no vertex with it was accepted.
func (s *Submitter) Find(ctx context.Context, id settle.PayloadID) (Outcome, error) {
	page, err := s.client.Vertices(ctx, VertexQuery{Payload: ID(id)})
	if err != nil {
		return Outcome{}, err
	}
	for _, v := range page.Items {
		if v.Payload == ID(id) && (v.State == VertexAccepted || v.State == VertexFinal) {
			return outcomeOf(v)
		}
	}
	return Outcome{}, fmt.Errorf("%w: no accepted vertex with payload %s", ErrNotFound, id)
}

// WaitFinal returns once a vertex is final. A refused one is ErrRefused.
func (s *Submitter) WaitFinal(ctx context.Context, id settle.VertexID) (Vertex, error) {
	return s.client.WaitFinal(ctx, ID(id))
}

// WaitFinal returns once a vertex is final. A refused one is ErrRefused. It holds one request open at a time.
func (c *Client) WaitFinal(ctx context.Context, id ID) (Vertex, error) {
	for {
		v, err := c.AwaitVertex(ctx, id)
		if err != nil {
			return Vertex{}, err
		}
		switch v.State {
		case VertexFinal:
			return v, nil
		case VertexRefused:
			return Vertex{}, refusalOf(v)
		}
		if err := ctx.Err(); err != nil {
			return Vertex{}, err
		}
	}
}

// refusalOf gives the problem that a post of a refused vertex would have been answered with.
func refusalOf(v Vertex) error {
	p := NewProblem(ErrRefused, fmt.Sprintf("vertex %s: %s", v.ID, printable(v.Verdict)), "")
	p.Verdict = v.Verdict
	return p
}

func outcomeOf(v Vertex) (Outcome, error) {
	verdict, err := settle.ParseVerdict(v.Verdict)
	if err != nil {
		return Outcome{}, &UnknownOutcome{Payload: v.Payload, Err: fmt.Errorf("%w: %w", ErrResponse, err)}
	}
	return Outcome{Vertex: settle.VertexID(v.ID), Payload: settle.PayloadID(v.Payload), Height: v.Height, Verdict: verdict}, nil
}
