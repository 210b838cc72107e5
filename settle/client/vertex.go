package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"joulepay/wallet"
)

// States of a vertex.
const (
	VertexPending  = "pending"  // known, not yet in the ordered log
	VertexAccepted = "accepted" // applied; a certified checkpoint does not cover it yet
	VertexFinal    = "final"    // applied and covered: never undone
	VertexRefused  = "refused"  // in the log, and without effect
)

// Bounds of a vertex request.
const (
	// VertexSizeMax bounds the canonical bytes of a vertex that is posted.
	VertexSizeMax = 64 << 10
	// WaitMax is the longest that the server holds a request that waits for finality.
	WaitMax = 25 * time.Second
)

// Vertex is one node of the ledger's graph.
type Vertex struct {
	ID        ID         `json:"id"`
	Payload   ID         `json:"payload"`         // what the vertex says, whatever its parents: the same when it is re-parented
	Kind      string     `json:"kind"`            // settle.Kind by name: transfer, issue, open, settle, …
	Issuer    wallet.DID `json:"issuer,omitzero"` // nobody issued the genesis
	Parents   []ID       `json:"parents"`
	State     string     `json:"state"`
	Height    uint64     `json:"height"`              // its place in the log; the genesis has 0, and what is pending too
	Time      time.Time  `json:"time,omitzero"`       // ledger time when it was applied; absent while pending
	Verdict   string     `json:"verdict,omitempty"`   // settle.Verdict by name: applied, no-op, or why it was refused; absent while pending
	Channels  []ID       `json:"channels,omitempty"`  // that it changed
	Encoded   []byte     `json:"encoded,omitempty"`   // canonical bytes, base64; absent in lists
	Certified []byte     `json:"certified,omitempty"` // proof.Vertex, base64: what was decided, for good; absent in lists and before it is final
}

// VertexQuery filters vertices.
type VertexQuery struct {
	PageQuery
	Span               // when it was decided
	Payload ID         // every vertex that carries this payload
	Issuer  wallet.DID // who signed
	Party   wallet.DID // whose account it touches
	Channel ID         // that it changed
	Kind    string     // settle.Kind by name
	State   string     // VertexAccepted includes what is final
}

// Vertices lists vertices, newest first.
func (c *Client) Vertices(ctx context.Context, q VertexQuery) (Page[Vertex], error) {
	v := q.values()
	q.addTo(v)
	if !q.Payload.IsZero() {
		v.Set("payload", q.Payload.String())
	}
	set(v, "issuer", q.Issuer.String())
	set(v, "party", q.Party.String())
	if !q.Channel.IsZero() {
		v.Set("channel", q.Channel.String())
	}
	set(v, "kind", q.Kind)
	set(v, "state", q.State)
	return list[Vertex](ctx, c, "/v1/vertices", v)
}

// Vertex reads a vertex.
func (c *Client) Vertex(ctx context.Context, id ID) (Vertex, error) {
	return read[Vertex](ctx, c, "/v1/vertices/"+id.String(), nil)
}

// AwaitVertex reads a vertex once it is final or refused, or as it is after WaitMax.
func (c *Client) AwaitVertex(ctx context.Context, id ID) (Vertex, error) {
	return read[Vertex](ctx, c, "/v1/vertices/"+id.String(), url.Values{"wait": {"final"}})
}

// PostVertex submits the canonical bytes of a signed vertex. The answer is durable: the vertex stays in the log. To
// post the same bytes again is harmless. On ErrOutcomeUnknown ask Vertices for the payload.
func (c *Client) PostVertex(ctx context.Context, encoded []byte) (Vertex, error) {
	r := request{method: http.MethodPost, path: "/v1/vertices", contentType: "application/octet-stream", body: encoded}
	return do[Vertex](ctx, c, r)
}
