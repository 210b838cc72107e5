package settle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"joulepay/internal/layout"
	"joulepay/wallet"
)

const (
	vertexVersion = 1

	// ParentsMin is how many vertices one references, unless fewer exist: only the genesis may be a sole parent.
	ParentsMin = 2
	// ParentsMax bounds the references: more would not shorten the list of tips faster than it grows.
	ParentsMax = 8
	// VertexSizeMax bounds an encoded vertex in bytes.
	VertexSizeMax = 1 + 32 + 32 + 8 + 1 + ParentsMax*32 + 4 + PayloadSizeMax + wallet.SignatureSize
)

// Vertex is one signed node of the DAG. It never changes; it is statically valid. Its signature is checked against
// the account's current key, which only the state knows.
type Vertex struct {
	network   wallet.NetworkID
	issuer    wallet.DID
	nonce     uint64
	parents   []VertexID
	payload   Payload
	signature wallet.Signature

	id        VertexID
	payloadID PayloadID
	encoded   []byte
}

// Draft is what an issuer chooses of a vertex.
type Draft struct {
	Network wallet.NetworkID
	Issuer  wallet.DID
	Parents []VertexID // in any order, without repetition
	// Nonce makes a new attempt another vertex, though payload and parents are the same: a vertex is decided
	// once, and a refusal of it is for good. Any number will do.
	Nonce   uint64
	Payload Payload
}

// Sign makes a vertex of a draft with the account's current key.
func Sign(d Draft, key wallet.PrivateKey) (*Vertex, error) {
	sorted := slices.Clone(d.Parents)
	slices.SortFunc(sorted, func(a, b VertexID) int { return bytes.Compare(a[:], b[:]) })
	v := &Vertex{network: d.Network, issuer: d.Issuer, nonce: d.Nonce, parents: sorted, payload: d.Payload}
	p := d.Payload
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	unsigned := v.unsigned(EncodePayload(p))
	v.id = hashVertex(unsigned)
	v.signature = key.Sign(wallet.DomainVertex, d.Network, v.id[:])
	v.seal(append(unsigned, v.signature[:]...))
	return v, nil
}

// NewGenesis makes the first vertex of a network. It has no network, issuer, nonce, parents or signature: its own hash,
// which everything else names, is all that authenticates it.
func NewGenesis(g Genesis) (*Vertex, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return DecodeVertex((&Vertex{payload: &g}).genesisBytes())
}

func (v *Vertex) genesisBytes() []byte {
	return append(v.unsigned(EncodePayload(v.payload)), v.signature[:]...)
}

// unsigned gives version (1), network (32), issuer (32), nonce (8), number of parents (1), parents (32 each), payload (4 + n).
func (v *Vertex) unsigned(payload []byte) []byte {
	b := make([]byte, 0, 1+32+32+8+1+32*len(v.parents)+4+len(payload)+wallet.SignatureSize)
	b = append(b, vertexVersion)
	b = append(b, v.network[:]...)
	b = append(b, v.issuer[:]...)
	b = binary.BigEndian.AppendUint64(b, v.nonce)
	b = append(b, byte(len(v.parents)))
	for _, p := range v.parents {
		b = append(b, p[:]...)
	}
	return layout.AppendBytes(b, payload)
}

func hashVertex(unsigned []byte) VertexID {
	h := sha256.New()
	h.Write([]byte("joulepay/vertex\x00"))
	h.Write(unsigned)
	return VertexID(h.Sum(nil))
}

// seal sets what derives from the encoded bytes.
func (v *Vertex) seal(encoded []byte) {
	v.encoded = encoded
	v.payloadID = PayloadIDOf(v.network, v.issuer, v.payload)
}

// PayloadIDOf names what an issuer asks of a network, before any vertex carries it.
func PayloadIDOf(network wallet.NetworkID, issuer wallet.DID, p Payload) PayloadID {
	h := sha256.New()
	h.Write([]byte("joulepay/payload\x00"))
	h.Write(network[:])
	h.Write(issuer[:])
	h.Write(EncodePayload(p))
	return PayloadID(h.Sum(nil))
}

// DecodeVertex reads canonical bytes. What it accepts is statically valid; the signature is not checked.
func DecodeVertex(raw []byte) (*Vertex, error) {
	if len(raw) > VertexSizeMax {
		return nil, fmt.Errorf("%w: vertex of %d bytes, at most %d", ErrEncoding, len(raw), VertexSizeMax)
	}
	v := &Vertex{}
	r := layout.NewReader(raw)
	r.Version(vertexVersion)
	r.Fixed(v.network[:])
	r.Fixed(v.issuer[:])
	v.nonce = r.Uint64()
	n := int(r.Uint8())
	if n > ParentsMax {
		r.Fail(fmt.Errorf("%w: %d parents, at most %d", layout.ErrTooLong, n, ParentsMax))
	}
	for i := 0; i < n && r.Err() == nil; i++ {
		var p VertexID
		r.Fixed(p[:])
		v.parents = append(v.parents, p)
	}
	payload := r.Bytes(PayloadSizeMax)
	r.Fixed(v.signature[:])
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: vertex: %w", ErrEncoding, err)
	}
	var err error
	if v.payload, err = DecodePayload(payload); err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	v.id = hashVertex(raw[:len(raw)-wallet.SignatureSize])
	v.seal(bytes.Clone(raw))
	return v, nil
}

// check holds all rules of a vertex that need no state.
func (v *Vertex) check() error {
	if v.payload.Kind() == KindGenesis {
		if v.network != (wallet.NetworkID{}) || !v.issuer.IsZero() || v.nonce != 0 || len(v.parents) != 0 || v.signature != (wallet.Signature{}) {
			return fmt.Errorf("%w: a genesis has no network, issuer, nonce, parents or signature", ErrVertex)
		}
		return nil
	}
	if v.network == (wallet.NetworkID{}) || v.issuer.IsZero() {
		return fmt.Errorf("%w: no network or no issuer", ErrVertex)
	}
	if len(v.parents) > ParentsMax {
		return fmt.Errorf("%w: %d parents, at most %d", ErrVertex, len(v.parents), ParentsMax)
	}
	if len(v.parents) < ParentsMin && !(len(v.parents) == 1 && v.parents[0] == VertexID(v.network)) {
		return fmt.Errorf("%w: %d parents, want %d", ErrVertex, len(v.parents), ParentsMin)
	}
	for i := 1; i < len(v.parents); i++ {
		if bytes.Compare(v.parents[i-1][:], v.parents[i][:]) >= 0 {
			return fmt.Errorf("%w: parents do not rise", ErrVertex)
		}
	}
	return nil
}

// ID gives the vertex's name.
func (v *Vertex) ID() VertexID { return v.id }

// PayloadID gives the name of what its issuer asks, the same for every retry with other parents.
func (v *Vertex) PayloadID() PayloadID { return v.payloadID }

// Network gives the network that the vertex is for; zero for a genesis.
func (v *Vertex) Network() wallet.NetworkID { return v.network }

// NetworkID gives the network that a genesis vertex makes.
func (v *Vertex) NetworkID() wallet.NetworkID { return wallet.NetworkID(v.id) }

// Issuer gives the account that signed.
func (v *Vertex) Issuer() wallet.DID { return v.issuer }

// Nonce gives the number that tells attempts apart.
func (v *Vertex) Nonce() uint64 { return v.nonce }

// Parents gives the vertices that this one references, rising. The slice must not be changed.
func (v *Vertex) Parents() []VertexID { return v.parents }

// Payload gives what the vertex asks for. It must not be changed.
func (v *Vertex) Payload() Payload { return v.payload }

// Signature gives the issuer's signature of the id under wallet.DomainVertex.
func (v *Vertex) Signature() wallet.Signature { return v.signature }

// Encode gives the canonical bytes, which must not be changed.
func (v *Vertex) Encode() []byte { return v.encoded }

// Verify checks the signature under the account's current key. It returns wallet.ErrSignature, or nil.
func (v *Vertex) Verify(key *wallet.Verifier) error {
	return key.Verify(wallet.DomainVertex, v.network, v.id[:], v.signature)
}

// AddTo adds the signature to a batch, to be checked with others under the account's current key.
func (v *Vertex) AddTo(b *wallet.Batch, key *wallet.Verifier) {
	b.Add(key, wallet.DomainVertex, v.network, v.id[:], v.signature)
}
