package settle

import (
	"fmt"

	"joulepay/internal/layout"
)

// ParentsOf reads the parents alone from canonical bytes that were decoded before, as those in a store were: it checks
// nothing else, and costs a twentieth of DecodeVertex.
func ParentsOf(raw []byte) ([]VertexID, error) {
	var v Vertex
	r := layout.NewReader(raw)
	r.Version(vertexVersion)
	r.Fixed(v.network[:])
	r.Fixed(v.issuer[:])
	r.Uint64() // nonce
	n := int(r.Uint8())
	if n > ParentsMax {
		r.Fail(fmt.Errorf("%w: %d parents, at most %d", layout.ErrTooLong, n, ParentsMax))
	}
	parents := make([]VertexID, 0, min(n, ParentsMax))
	for i := 0; i < n && r.Err() == nil; i++ {
		var p VertexID
		r.Fixed(p[:])
		parents = append(parents, p)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: parents: %w", ErrEncoding, err)
	}
	return parents, nil
}
