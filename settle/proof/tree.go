package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Hash is a SHA-256 hash.
type Hash [32]byte

// Errors of proofs.
var (
	ErrProof = errors.New("proof: does not lead to the root")
	ErrIndex = errors.New("proof: no such leaf")
)

// First bytes of what is hashed, so that no leaf can pass for a node or a node for a root.
const (
	tagLeaf = 0
	tagNode = 1
	tagRoot = 2
)

// depthMax bounds a tree at 2^40 leaves, more than any disk holds, and so the length of a proof.
const depthMax = 40

// empty holds, for every level, the hash of a subtree without leaves; at the bottom it is zero.
var empty = func() (e [depthMax + 1]Hash) {
	for i := 1; i < len(e); i++ {
		e[i] = nodeHash(e[i-1], e[i-1])
	}
	return e
}()

func nodeHash(l, r Hash) Hash {
	var b [1 + 64]byte
	b[0] = tagNode
	copy(b[1:], l[:])
	copy(b[33:], r[:])
	return sha256.Sum256(b[:])
}

// rootHash binds the number of leaves, and with it the depth.
func rootHash(count uint64, top Hash) Hash {
	var b [1 + 8 + 32]byte
	b[0] = tagRoot
	binary.BigEndian.PutUint64(b[1:], count)
	copy(b[9:], top[:])
	return sha256.Sum256(b[:])
}

// LeafHash hashes a leaf's content.
func LeafHash(parts ...[]byte) Hash {
	h := sha256.New()
	h.Write([]byte{tagLeaf})
	for _, p := range parts {
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}

// Tree is a dense binary Merkle tree: leaves are numbered from zero without gaps, appended and changed in place.
// It is not safe for concurrent use. The zero value is an empty tree.
type Tree struct {
	levels [][]Hash // levels[0] are the leaves; the last has one node
}

// Leaf is a leaf to set.
type Leaf struct {
	Index uint64 // at most the number of leaves so far: then it appends
	Hash  Hash
}

// Undo takes a Tree back to before an Update, or shows it as it was.
type Undo struct {
	count uint64
	nodes map[position]Hash
}

type position struct {
	level uint8
	index uint64
}

// Len gives the number of leaves.
func (t *Tree) Len() uint64 {
	if len(t.levels) == 0 {
		return 0
	}
	return uint64(len(t.levels[0]))
}

func depthOf(count uint64) int {
	if count <= 1 {
		return 0
	}
	return bits.Len64(count - 1)
}

// Root gives the root, which commits to the leaves and their number.
func (t *Tree) Root() Hash {
	count := t.Len()
	return rootHash(count, t.node(depthOf(count), 0))
}

func (t *Tree) node(level int, index uint64) Hash {
	if level < len(t.levels) && index < uint64(len(t.levels[level])) {
		return t.levels[level][index]
	}
	return empty[level]
}

// Update sets leaves, at most one for each index, appended ones in rising order; it hashes every touched inner node
// once. A leaf beyond the end is refused with ErrIndex, and then nothing has changed.
func (t *Tree) Update(leaves []Leaf) (Undo, error) {
	next := t.Len()
	for _, l := range leaves {
		switch {
		case l.Index > next:
			return Undo{}, fmt.Errorf("%w: %d of %d", ErrIndex, l.Index, next)
		case l.Index == next:
			next++
		}
	}
	u := Undo{count: t.Len(), nodes: make(map[position]Hash, 2*len(leaves))}
	touched := make(map[uint64]struct{}, len(leaves))
	for _, l := range leaves {
		t.set(0, l.Index, l.Hash, &u)
		touched[l.Index/2] = struct{}{}
	}
	for level := 1; level <= depthOf(next); level++ {
		above := make(map[uint64]struct{}, len(touched)/2+1)
		for index := range touched {
			t.set(level, index, nodeHash(t.node(level-1, 2*index), t.node(level-1, 2*index+1)), &u)
			above[index/2] = struct{}{}
		}
		touched = above
	}
	return u, nil
}

// set stores a node and records what it was. Nodes right of the end are empty until their children come.
func (t *Tree) set(level int, index uint64, h Hash, u *Undo) {
	for level >= len(t.levels) {
		t.levels = append(t.levels, nil)
	}
	for uint64(len(t.levels[level])) <= index {
		t.levels[level] = append(t.levels[level], empty[level])
	}
	at := position{uint8(level), index}
	if _, recorded := u.nodes[at]; !recorded {
		u.nodes[at] = t.levels[level][index]
	}
	t.levels[level][index] = h
}

// Revert takes the tree back. Undos must be reverted in the opposite order of their updates.
func (t *Tree) Revert(u Undo) {
	for at, h := range u.nodes {
		t.levels[at.level][at.index] = h
	}
	for level := range t.levels {
		width := (u.count + 1<<level - 1) >> level
		t.levels[level] = t.levels[level][:min(width, uint64(len(t.levels[level])))]
	}
	t.levels = t.levels[:min(len(t.levels), depthOf(u.count)+1)]
	if u.count == 0 {
		t.levels = nil
	}
}

// Inclusion says where a leaf stands. Its zero value proves the only leaf of a tree.
type Inclusion struct {
	Index    uint64
	Count    uint64 // leaves in the tree
	Siblings []Hash // from the leaf up
}

// Prove gives the proof of a leaf.
func (t *Tree) Prove(index uint64) (Inclusion, error) { return t.ProveAt(index, nil) }

// ProveAt gives the proof of a leaf in the tree as it was before the updates that the undos are of, oldest first.
func (t *Tree) ProveAt(index uint64, undos []Undo) (Inclusion, error) {
	count := t.Len()
	if len(undos) > 0 {
		count = undos[0].count
	}
	if index >= count {
		return Inclusion{}, fmt.Errorf("%w: %d of %d", ErrIndex, index, count)
	}
	p := Inclusion{Index: index, Count: count}
	for level := range depthOf(count) {
		p.Siblings = append(p.Siblings, t.nodeAt(position{uint8(level), index ^ 1}, undos))
		index /= 2
	}
	return p, nil
}

func (t *Tree) nodeAt(at position, undos []Undo) Hash {
	for _, u := range undos {
		if h, ok := u.nodes[at]; ok {
			return h
		}
	}
	return t.node(int(at.level), at.index)
}

// Verify checks that a leaf stands in the tree of a root.
func (p Inclusion) Verify(root, leaf Hash) error {
	if p.Index >= p.Count || depthOf(p.Count) != len(p.Siblings) || len(p.Siblings) > depthMax {
		return fmt.Errorf("%w: leaf %d of %d with %d siblings", ErrProof, p.Index, p.Count, len(p.Siblings))
	}
	h, index := leaf, p.Index
	for _, s := range p.Siblings {
		if index&1 == 0 {
			h = nodeHash(h, s)
		} else {
			h = nodeHash(s, h)
		}
		index /= 2
	}
	if rootHash(p.Count, h) != root {
		return ErrProof
	}
	return nil
}
