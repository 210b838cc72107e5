package proof

// TreeOf makes a tree of all its leaves at once, without what it would take to go back.
func TreeOf(leaves []Hash) Tree {
	if len(leaves) == 0 {
		return Tree{}
	}
	t := Tree{levels: [][]Hash{leaves}}
	for level := 1; level <= depthOf(uint64(len(leaves))); level++ {
		below := t.levels[level-1]
		nodes := make([]Hash, (len(below)+1)/2)
		for i := range nodes {
			nodes[i] = nodeHash(t.node(level-1, uint64(2*i)), t.node(level-1, uint64(2*i+1)))
		}
		t.levels = append(t.levels, nodes)
	}
	return t
}
