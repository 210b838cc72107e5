package dag

import (
	"slices"

	"joulepay/settle"
)

// decided is a vertex that has its verdict.
type decided struct {
	id       settle.VertexID
	accepted bool
}

// window remembers the vertices decided last: size of them may be parents, and as many before those are known to be
// too old. It also keeps the tips, the accepted vertices that nothing references yet.
type window struct {
	size  uint64
	first uint64    // number of the first vertex that was ever added
	next  uint64    // number of the next vertex
	ring  []decided // vertex n is at (n − first) modulo 2·size
	at    map[settle.VertexID]uint64
	tips  []uint64 // numbers, rising
}

func newWindow(size, first uint64) window {
	return window{size: size, first: first, next: first, at: make(map[settle.VertexID]uint64)}
}

// add appends a vertex and takes its parents off the tips.
func (w *window) add(d decided, parents []settle.VertexID) {
	if uint64(len(w.ring)) < 2*w.size {
		w.ring = append(w.ring, d)
	} else {
		old := &w.ring[(w.next-w.first)%(2*w.size)]
		delete(w.at, old.id)
		*old = d
	}
	w.at[d.id] = w.next
	if d.accepted {
		for _, p := range parents {
			if n, ok := w.at[p]; ok {
				w.removeTip(n)
			}
		}
		w.tips = append(w.tips, w.next)
	}
	w.next++
	// A tip in the older half of the window would be too old by the time a vertex that names it arrives.
	for len(w.tips) > 1 && w.next-w.tips[0] > w.size/2 {
		w.tips = w.tips[1:]
	}
}

func (w *window) removeTip(n uint64) {
	if i, ok := slices.BinarySearch(w.tips, n); ok {
		w.tips = slices.Delete(w.tips, i, i+1)
	}
}

// known tells whether a vertex was decided lately.
func (w *window) known(id settle.VertexID) bool {
	_, ok := w.at[id]
	return ok
}

// parent judges one reference.
func (w *window) parent(id settle.VertexID) settle.Verdict {
	n, ok := w.at[id]
	switch {
	case !ok || !w.entry(n).accepted:
		return settle.UnknownParent
	case w.next-n > w.size:
		return settle.ParentTooOld
	}
	return settle.Applied
}

func (w *window) entry(n uint64) decided { return w.ring[(n-w.first)%(2*w.size)] }

// parents picks tips for a new vertex. When fewer than ParentsMin exist it adds the newest referenced vertices.
func (w *window) parents(turn uint64) []settle.VertexID {
	want := settle.ParentsMin
	switch n := len(w.tips); {
	case n > 16:
		want = settle.ParentsMax
	case n > 4:
		want = settle.ParentsMax / 2
	}
	var picked []settle.VertexID
	for i := range min(want, len(w.tips)) {
		n := w.tips[(turn*uint64(want)+uint64(i))%uint64(len(w.tips))]
		picked = append(picked, w.entry(n).id)
	}
	for back := uint64(1); len(picked) < want && back <= min(uint64(len(w.ring)), w.size/2); back++ {
		d := w.entry(w.next - back)
		if d.accepted && !slices.Contains(picked, d.id) {
			picked = append(picked, d.id)
		}
	}
	return picked
}
