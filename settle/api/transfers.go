package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Payer transfers from an account whose key the process holds. What it notes in the memo makes a transfer that is asked
// for again the same transfer.
type Payer interface {
	Transfer(context.Context, client.TransferRequest, Memo) (client.Transfer, error)
}

func (s *server) postTransfer(w http.ResponseWriter, r *http.Request) error {
	var ask client.TransferRequest
	hash, err := readRequest(r, &ask)
	if err != nil {
		return err
	}
	switch {
	case r.Header.Get("Idempotency-Key") == "":
		return client.NewProblem(client.ErrBadRequest, "Idempotency-Key: a transfer needs one", "send a new random one with each transfer")
	case ask.To.IsZero():
		return client.NewProblem(client.ErrBadRequest, "to: a DID is needed", "")
	case ask.Amount.Amount <= 0:
		return client.NewProblem(client.ErrBadRequest, "amount: more than zero is needed", "")
	case len(ask.Reference) > client.ReferenceSizeMax:
		return client.NewProblem(client.ErrBadRequest, "reference: at most 64 bytes", "")
	}
	return s.carryOut(w, r, hash, func(ctx context.Context, m Memo) (string, any, error) {
		done, err := s.Payer.Transfer(ctx, ask, m)
		return "/v1/vertices/" + done.Vertex.String(), done, err
	})
}

// payAttempts is how often a transfer takes another sequence because somebody else spent from the account at once.
const payAttempts = 4

// NodePayer transfers from an account with its key, through a node of this process. It is safe for concurrent use.
type NodePayer struct {
	ledger  NodeLedger
	account wallet.DID
	key     wallet.PrivateKey

	turn sync.Mutex // one transfer at a time takes the next sequence
}

// PayerOf makes a payer.
func PayerOf(n *node.Node, account wallet.DID, key wallet.PrivateKey) *NodePayer {
	return &NodePayer{ledger: OfNode(n), account: account, key: key}
}

// Transfer implements Payer. It answers once the money has moved; whether that is final, the vertex says.
func (p *NodePayer) Transfer(ctx context.Context, ask client.TransferRequest, m Memo) (client.Transfer, error) {
	n := p.ledger.node
	if currency := n.Network().Genesis.Currency; ask.Amount.Currency != currency {
		return client.Transfer{}, badRequest("amount", fmt.Errorf("%w: the ledger is in %s", money.ErrMismatch, currency))
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	for range payAttempts {
		payload, err := p.payload(ctx, ask, m)
		if err != nil {
			return client.Transfer{}, err
		}
		if done, err := p.find(ctx, payload); !errors.Is(err, node.ErrNotFound) {
			return done, err
		}
		result, err := n.Post(ctx, p.account, p.key, rand.Uint64(), payload)
		switch {
		case errors.Is(err, node.ErrStopped), errors.Is(err, node.ErrOutcomeUnknown), ctx.Err() != nil:
			return client.Transfer{}, client.NewProblem(client.ErrOutcomeUnknown, "", "ask again with the same key")
		case result.Verdict == settle.WrongSequence:
			done, err := p.find(context.WithoutCancel(ctx), payload)
			if !errors.Is(err, node.ErrNotFound) {
				return done, err
			}
			// The sequence went to another spend, so this payload never takes effect: the next one may.
			if err := m.Note(ctx, nil); err != nil {
				return client.Transfer{}, err
			}
			continue
		case err != nil && result.Verdict.Err() != nil:
			return client.Transfer{}, problemOfVerdict(result.Verdict, p.account, ask.Amount.Currency)
		case err != nil:
			return client.Transfer{}, err
		}
		return p.find(context.WithoutCancel(ctx), payload)
	}
	return client.Transfer{}, client.NewProblem(client.ErrStaleSequence, "others spend from this account all the time", "ask again with the same key")
}

// payload gives the payload that was noted, or a new one with the account's next sequence, noted before anybody sees it.
func (p *NodePayer) payload(ctx context.Context, ask client.TransferRequest, m Memo) (*settle.Transfer, error) {
	payload := &settle.Transfer{To: ask.To, Amount: ask.Amount.Amount}
	if ask.Reference != "" {
		payload.Reference = settle.ReferenceOf(ask.Reference)
	}
	if noted := m.Noted(); len(noted) > 0 {
		sequence, err := parseSequence(noted)
		payload.Sequence = sequence
		return payload, err
	}
	account, _, err := p.ledger.node.Account(ctx, p.account)
	if err != nil && !errors.Is(err, node.ErrNotFound) {
		return nil, err
	}
	payload.Sequence = account.Sequence + 1
	return payload, m.Note(ctx, noteOf(payload.Sequence))
}

// A note is the sequence of the payload: the rest follows from the request.
func noteOf(sequence uint64) []byte { return strconv.AppendUint(nil, sequence, 10) }

func parseSequence(note []byte) (uint64, error) { return strconv.ParseUint(string(note), 10, 64) }

// find gives the vertex that moved the money, not one that repeated it.
func (p *NodePayer) find(ctx context.Context, payload *settle.Transfer) (client.Transfer, error) {
	n := p.ledger.node
	id := settle.PayloadIDOf(n.Network().ID, p.account, payload)
	entries, err := n.Vertices(ctx, store.VertexQuery{Page: store.Page{Limit: store.PageMax}, Payload: &id, Only: store.AcceptedOnly})
	if err != nil {
		return client.Transfer{}, err
	}
	for _, e := range entries {
		if e.Verdict == settle.Applied {
			return p.ledger.transfer(p.ledger.entry(e), p.account, payload), nil
		}
	}
	return client.Transfer{}, node.ErrNotFound
}
