package proof

// Fold computes the root of a Tree from its leaves in order, with memory for one branch. The zero value has no leaves.
type Fold struct {
	count uint64
	peaks [depthMax + 1]Hash // peaks[n] is the root of 2^n leaves where count has that bit
}

// Add appends a leaf.
func (f *Fold) Add(leaf Hash) {
	level := 0
	for ; f.count>>level&1 == 1; level++ {
		leaf = nodeHash(f.peaks[level], leaf)
	}
	f.peaks[level] = leaf
	f.count++
}

// Len gives the number of leaves.
func (f *Fold) Len() uint64 { return f.count }

// Root gives the root of the leaves so far.
func (f *Fold) Root() Hash {
	depth := depthOf(f.count)
	if f.count == 1<<depth {
		return rootHash(f.count, f.peaks[depth])
	}
	var right Hash // of what lies right of the peaks above
	for level := range depth {
		switch {
		case f.count>>level&1 == 1 && f.count&(1<<level-1) == 0:
			right = nodeHash(f.peaks[level], empty[level])
		case f.count>>level&1 == 1:
			right = nodeHash(f.peaks[level], right)
		case f.count&(1<<level-1) != 0:
			right = nodeHash(right, empty[level])
		}
	}
	return rootHash(f.count, right)
}
