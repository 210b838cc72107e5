package api

import (
	"context"
	"net/http"

	"joulepay/settle/client"
)

func (s *server) vertices(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	ask := client.VertexQuery{
		PageQuery: q.page(),
		Span:      q.span(),
		Payload:   q.id("payload"),
		Issuer:    q.did("issuer"),
		Party:     q.did("party"),
		Channel:   q.id("channel"),
		Kind:      q.kind("kind"),
		State:     q.choice("state", client.VertexPending, client.VertexAccepted, client.VertexFinal, client.VertexRefused),
	}
	return answer(w, r, q, ask, s.Ledger.Vertices)
}

func (s *server) vertex(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q := newQuery(r)
	wait := q.choice("wait", waitFinal)
	if err := q.done(); err != nil {
		return err
	}
	read := s.Ledger.Vertex
	if wait == waitFinal {
		read = s.await
	}
	v, err := read(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, r, v)
}

// waitFinal is the value of the parameter wait that asks for an answer once the vertex is final or refused.
const waitFinal = "final"

// await waits for a bounded time, and gives the vertex as it is then.
func (s *server) await(ctx context.Context, id client.ID) (client.Vertex, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	return s.Ledger.AwaitVertex(ctx, id)
}

// vertexBody is the JSON form of a posted vertex.
type vertexBody struct {
	Encoded []byte `json:"encoded"` // canonical bytes, base64
}

func (s *server) postVertex(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	wait := q.choice("wait", waitFinal)
	if err := q.done(); err != nil {
		return err
	}
	encoded, err := readVertex(r)
	if err != nil {
		return err
	}
	v, err := s.Ledger.PostVertex(r.Context(), encoded)
	if err != nil {
		return err
	}
	if wait == waitFinal {
		if v, err = s.await(r.Context(), v.ID); err != nil {
			return err
		}
	}
	return writeCreated(w, "/v1/vertices/"+v.ID.String(), v)
}

// readVertex takes the canonical bytes as they are, or in base64 inside JSON.
func readVertex(r *http.Request) ([]byte, error) {
	const binary, text = "application/octet-stream", "application/json"
	kind, err := contentType(r, binary, text)
	if err != nil {
		return nil, err
	}
	if kind == binary {
		return readBody(r, client.VertexSizeMax)
	}
	var body vertexBody
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	if len(body.Encoded) > client.VertexSizeMax {
		return nil, &http.MaxBytesError{Limit: client.VertexSizeMax}
	}
	return body.Encoded, nil
}
