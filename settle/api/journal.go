package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	// scanPage is how many vertices are read at once where a filter is not the store's.
	scanPage = 256
	// scansMax bounds how many such pages one request reads; a page with fewer items than asked for has a cursor
	// that goes on.
	scansMax = 16
)

// place is a cursor of the journal: rows of vertices below Before, after Skip rows of the first of them.
type place struct {
	before uint64
	skip   int
}

func parsePlace(cursor string) (place, error) {
	height, skip, split := strings.Cut(cursor, ".")
	before, err := number(height)
	if err != nil || !split {
		return place{before: before}, err
	}
	n, err := strconv.ParseUint(skip, 10, 16)
	if err != nil || before == 0 {
		return place{}, badRequest("cursor", errCursor)
	}
	return place{before: before, skip: int(n)}, nil
}

func (p place) String() string {
	if p.skip == 0 {
		return strconv.FormatUint(p.before, 10)
	}
	return fmt.Sprintf("%d.%d", p.before, p.skip)
}

// journal lists rows that are made of vertices, newest first. A vertex may give several rows, or none.
func journal[T any](ctx context.Context, n *node.Node, q store.VertexQuery, ask client.PageQuery, span client.Span,
	rows func(store.Entry) ([]T, error)) (client.Page[T], error) {
	return walk(ctx, n, q, ask, span, n.Vertices, rows)
}

// read gives the vertices of a query, newest first.
type read func(context.Context, store.VertexQuery) ([]store.Entry, error)

func walk[T any](ctx context.Context, n *node.Node, q store.VertexQuery, ask client.PageQuery, span client.Span, read read,
	rows func(store.Entry) ([]T, error)) (client.Page[T], error) {
	var page client.Page[T]
	at, err := parsePlace(ask.Cursor)
	if err != nil {
		return page, err
	}
	from, before, any, err := heights(ctx, n, span)
	if err != nil || !any {
		return page, err
	}
	q.From, q.Before = from, lowest(q.Before, before, at.before)
	q.Limit = min(limit(ask)+at.skip+1, scanPage) // where nothing is left out, it is enough
	for range scansMax {
		entries, err := read(ctx, q)
		if err != nil {
			return page, err
		}
		for _, e := range entries {
			made, err := rows(e)
			if err != nil {
				return page, err
			}
			skip := 0
			if at.skip > 0 && e.Height+1 == at.before {
				skip = min(at.skip, len(made))
			}
			for i := skip; i < len(made); i++ {
				if len(page.Items) == limit(ask) {
					page.Next = place{before: e.Height + 1, skip: i}.String()
					return page, nil
				}
				page.Items = append(page.Items, made[i])
			}
			q.Before = e.Height
		}
		if len(entries) < q.Limit || q.Before <= q.From {
			return page, nil
		}
		q.Limit = scanPage
	}
	page.Next = place{before: q.Before}.String()
	return page, nil
}

// lowest gives the lowest of bounds of which 0 is none.
func lowest(bounds ...uint64) uint64 {
	var least uint64
	for _, b := range bounds {
		if b != 0 && (least == 0 || b < least) {
			least = b
		}
	}
	return least
}

// Vertices implements Ledger.
func (l NodeLedger) Vertices(ctx context.Context, q client.VertexQuery) (client.Page[client.Vertex], error) {
	ask := store.VertexQuery{Issuer: q.Issuer, Party: q.Party, Channel: [32]byte(q.Channel)}
	if !q.Payload.IsZero() {
		ask.Payload = (*settle.PayloadID)(&q.Payload)
	}
	if q.Kind != "" {
		kind, err := settle.ParseKind(q.Kind)
		if err != nil {
			return client.Page[client.Vertex]{}, badRequest("kind", err)
		}
		ask.Kind = kind
	}
	switch q.State {
	case client.VertexPending:
		return l.pending(q), nil
	case client.VertexRefused:
		ask.Only = store.RefusedOnly
	case client.VertexAccepted:
		ask.Only = store.AcceptedOnly
	case client.VertexFinal:
		ask.Only, ask.Before = store.AcceptedOnly, l.node.LatestFinal().Checkpoint.Height+1
	}
	return journal(ctx, l.node, ask, q.PageQuery, q.Span, func(e store.Entry) ([]client.Vertex, error) {
		v, err := l.vertex(e)
		v.Encoded = nil
		return []client.Vertex{v}, err
	})
}

// pending lists the newest vertices that wait, in one page: they have no place yet from which another could go on. Which
// accounts and channels they touch is known when they are decided.
func (l NodeLedger) pending(q client.VertexQuery) client.Page[client.Vertex] {
	var page client.Page[client.Vertex]
	for _, v := range l.node.PendingVertices(client.PageSizeMax) {
		shown := pendingVertex(v)
		if len(page.Items) < limit(q.PageQuery) && (q.Payload.IsZero() || q.Payload == shown.Payload) && (q.Kind == "" || q.Kind == shown.Kind) &&
			(q.Issuer.IsZero() || q.Issuer == shown.Issuer) && (q.Party.IsZero() || q.Party == shown.Issuer) && q.Channel.IsZero() {
			page.Items = append(page.Items, shown)
		}
	}
	return page
}

// vertex gives the resource of an entry of the log.
func (l NodeLedger) vertex(e store.Entry) (client.Vertex, error) {
	parents, err := settle.ParentsOf(e.Raw)
	if err != nil {
		return client.Vertex{}, fmt.Errorf("%w: vertex at height %d: %w", dag.ErrCorrupt, e.Height, err)
	}
	v := client.Vertex{
		ID: client.ID(e.ID), Payload: client.ID(e.Payload), Kind: e.PayloadKind.String(), Issuer: e.Issuer, Parents: idsOf(parents),
		State: l.stateOf(e), Height: e.Height, Time: e.Time.Time(), Verdict: e.Verdict.String(), Encoded: e.Raw,
	}
	for _, effect := range e.Channels {
		v.Channels = append(v.Channels, client.ID(effect.Channel))
	}
	return v, nil
}

// pendingVertex shows a vertex that waits for its place in the log.
func pendingVertex(v *settle.Vertex) client.Vertex {
	return client.Vertex{
		ID: client.ID(v.ID()), Payload: client.ID(v.PayloadID()), Kind: v.Payload().Kind().String(), Issuer: v.Issuer(),
		Parents: idsOf(v.Parents()), State: client.VertexPending,
	}
}

func (l NodeLedger) stateOf(e store.Entry) string {
	switch {
	case !e.Verdict.Accepted():
		return client.VertexRefused
	case l.node.IsFinal(e.Height):
		return client.VertexFinal
	}
	return client.VertexAccepted
}

// Vertex implements Ledger.
func (l NodeLedger) Vertex(ctx context.Context, id client.ID) (client.Vertex, error) {
	e, err := l.node.Vertex(ctx, settle.VertexID(id))
	if errors.Is(err, node.ErrNotFound) {
		if v, ok := l.node.PendingVertex(settle.VertexID(id)); ok {
			return pendingVertex(v), nil
		}
	}
	if err != nil {
		return client.Vertex{}, err
	}
	v, err := l.vertex(e)
	if err != nil {
		return client.Vertex{}, err
	}
	p, err := l.node.ProveVertex(ctx, settle.VertexID(id))
	switch {
	case errors.Is(err, node.ErrNotFinal):
		return v, nil
	case err != nil:
		return client.Vertex{}, err
	}
	v.Certified = p.Encode()
	return v, nil
}

// AwaitVertex implements Ledger.
func (l NodeLedger) AwaitVertex(ctx context.Context, id client.ID) (client.Vertex, error) {
	_, err := l.node.WaitFinal(ctx, settle.VertexID(id))
	if errors.Is(err, node.ErrNotFound) || errors.Is(err, node.ErrStopped) {
		return client.Vertex{}, err
	}
	// Whether it is final, refused, or the time is up: the vertex says so itself.
	return l.Vertex(context.WithoutCancel(ctx), id)
}

// PostVertex implements Ledger.
func (l NodeLedger) PostVertex(ctx context.Context, encoded []byte) (client.Vertex, error) {
	v, err := settle.DecodeVertex(encoded)
	if err != nil {
		return client.Vertex{}, badRequest("vertex", err)
	}
	result, err := l.node.SubmitVertex(ctx, v)
	switch {
	case errors.Is(err, node.ErrStopped), errors.Is(err, node.ErrOutcomeUnknown):
		return client.Vertex{}, client.NewProblem(client.ErrOutcomeUnknown, "payload "+v.PayloadID().String(),
			"ask for the vertices of this payload, or post again")
	case err != nil && result.Verdict.Err() != nil:
		return client.Vertex{}, problemOfVerdict(result.Verdict, v.Issuer(), l.node.Network().Genesis.Currency)
	case err != nil:
		return client.Vertex{}, err
	}
	return l.Vertex(context.WithoutCancel(ctx), client.ID(result.ID))
}

// entry gives what every row of the journal has.
func (l NodeLedger) entry(e store.Entry) client.Entry {
	return client.Entry{Vertex: client.ID(e.ID), Height: e.Height, Time: e.Time.Time(), Final: l.node.IsFinal(e.Height)}
}

// applied lists payloads of one kind that had an effect.
func applied[P settle.Payload, T any](ctx context.Context, l NodeLedger, kind settle.Kind, q client.EntryQuery, row func(client.Entry, wallet.DID, P) T) (client.Page[T], error) {
	ask := store.VertexQuery{Kind: kind, Party: q.Party, Only: store.AcceptedOnly}
	return journal(ctx, l.node, ask, q.PageQuery, q.Span, func(e store.Entry) ([]T, error) {
		v, err := e.Vertex()
		if err != nil || e.Verdict != settle.Applied {
			return nil, err
		}
		p, ok := v.Payload().(P)
		if !ok {
			return nil, fmt.Errorf("%w: vertex %s is no %s", dag.ErrCorrupt, v.ID(), kind)
		}
		return []T{row(l.entry(e), e.Issuer, p)}, nil
	})
}

// Transfers implements Ledger.
func (l NodeLedger) Transfers(ctx context.Context, q client.EntryQuery) (client.Page[client.Transfer], error) {
	return applied(ctx, l, settle.KindTransfer, q, l.transfer)
}

func (l NodeLedger) transfer(e client.Entry, by wallet.DID, p *settle.Transfer) client.Transfer {
	return client.Transfer{Entry: e, From: by, To: p.To, Amount: l.money(p.Amount), Reference: client.ID(p.Reference)}
}

// Issues implements Ledger.
func (l NodeLedger) Issues(ctx context.Context, q client.EntryQuery) (client.Page[client.Issue], error) {
	return applied(ctx, l, settle.KindIssue, q, l.issue)
}

func (l NodeLedger) issue(e client.Entry, by wallet.DID, p *settle.Issue) client.Issue {
	return client.Issue{Entry: e, Issuer: by, To: p.To, Amount: l.money(p.Amount), Reference: client.ID(p.Reference)}
}

// Redemptions implements Ledger.
func (l NodeLedger) Redemptions(ctx context.Context, q client.EntryQuery) (client.Page[client.Redemption], error) {
	return applied(ctx, l, settle.KindRedeem, q, func(e client.Entry, by wallet.DID, p *settle.Redeem) client.Redemption {
		return client.Redemption{Entry: e, From: by, Issuer: p.Issuer, Amount: l.money(p.Amount), Reference: client.ID(p.Reference)}
	})
}

// newest gives the vertices of several kinds as one list, newest first.
func newest(ctx context.Context, n *node.Node, q store.VertexQuery, kinds []settle.Kind) ([]store.Entry, error) {
	var all []store.Entry
	for _, kind := range kinds {
		q.Kind = kind
		entries, err := n.Vertices(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b store.Entry) int { return cmp.Compare(b.Height, a.Height) })
	return all[:min(len(all), q.Limit)], nil
}

// settlementKinds are the kinds that settle or pay out of a channel.
var settlementKinds = []settle.Kind{
	settle.KindSettle, settle.KindWithdraw, settle.KindCooperativeClose, settle.KindCloseRequest, settle.KindFinalise,
}

// Settlements implements Ledger.
func (l NodeLedger) Settlements(ctx context.Context, q client.EntryQuery) (client.Page[client.Settlement], error) {
	ask := store.VertexQuery{Party: q.Party, Channel: [32]byte(q.Channel), Only: store.AcceptedOnly}
	read := l.node.Vertices
	if ask.Kinds = settlementKinds; q.Party.IsZero() && q.Channel.IsZero() {
		ask.Kinds = nil
		read = func(ctx context.Context, ask store.VertexQuery) ([]store.Entry, error) {
			return newest(ctx, l.node, ask, settlementKinds)
		}
	}
	return walk(ctx, l.node, ask, q.PageQuery, q.Span, read, func(e store.Entry) ([]client.Settlement, error) {
		var rows []client.Settlement
		for _, effect := range e.Channels {
			if !q.Channel.IsZero() && client.ID(effect.Channel) != q.Channel || !q.Party.IsZero() && !concerns(effect, q.Party) {
				continue
			}
			rows = append(rows, client.Settlement{Entry: l.entry(e), Channel: client.ID(effect.Channel), Kind: e.PayloadKind.String(),
				Claimed: l.perParty(effect.Maxima), PaidOut: l.perParty(effect.Paid)})
		}
		return rows, nil
	})
}

func concerns(effect dag.ChannelEffect, party wallet.DID) bool {
	return slices.Contains(effect.Parties[:], party)
}

// NodeIssuer issues with a genesis issuer's key, through a node of this process.
type NodeIssuer struct {
	ledger NodeLedger
	issuer wallet.DID
	key    wallet.PrivateKey
}

// IssuerOf makes an issuer.
func IssuerOf(n *node.Node, issuer wallet.DID, key wallet.PrivateKey) NodeIssuer {
	return NodeIssuer{ledger: OfNode(n), issuer: issuer, key: key}
}

// Issue implements Issuer. It answers once the money is issued; whether that is final, the vertex says.
func (i NodeIssuer) Issue(ctx context.Context, ask client.IssueRequest) (client.Issue, error) {
	n := i.ledger.node
	if ask.Amount.Currency != n.Network().Genesis.Currency {
		return client.Issue{}, badRequest("amount", fmt.Errorf("%w: the ledger is in %s", money.ErrMismatch, n.Network().Genesis.Currency))
	}
	p := &settle.Issue{Reference: settle.ReferenceOf(ask.Reference), To: ask.To, Amount: ask.Amount.Amount}
	if issued, err := i.find(ctx, p); !errors.Is(err, node.ErrNotFound) {
		return issued, err
	}
	result, err := n.Post(ctx, i.issuer, i.key, rand.Uint64(), p)
	switch {
	case errors.Is(err, node.ErrStopped), errors.Is(err, node.ErrOutcomeUnknown):
		return client.Issue{}, client.NewProblem(client.ErrOutcomeUnknown, "", "ask again with the same reference")
	case err != nil && result.Verdict.Err() != nil:
		return client.Issue{}, problemOfVerdict(result.Verdict, i.issuer, n.Network().Genesis.Currency)
	case err != nil:
		return client.Issue{}, err
	}
	return i.find(context.WithoutCancel(ctx), p)
}

// find gives the vertex that issued, not one that repeated it.
func (i NodeIssuer) find(ctx context.Context, p *settle.Issue) (client.Issue, error) {
	n := i.ledger.node
	id := settle.PayloadIDOf(n.Network().ID, i.issuer, p)
	entries, err := n.Vertices(ctx, store.VertexQuery{Page: store.Page{Limit: store.PageMax}, Payload: &id, Only: store.AcceptedOnly})
	if err != nil {
		return client.Issue{}, err
	}
	for _, e := range entries {
		if e.Verdict == settle.Applied {
			return i.ledger.issue(i.ledger.entry(e), i.issuer, p), nil
		}
	}
	return client.Issue{}, node.ErrNotFound
}
