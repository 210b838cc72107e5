package proof

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// naiveRoot hashes all leaves from the bottom up, padded to a power of two.
func naiveRoot(leaves []Hash) Hash {
	level := append([]Hash(nil), leaves...)
	for len(level) == 0 || len(level)&(len(level)-1) != 0 {
		level = append(level, Hash{})
	}
	for len(level) > 1 {
		var above []Hash
		for i := 0; i < len(level); i += 2 {
			above = append(above, nodeHash(level[i], level[i+1]))
		}
		level = above
	}
	return rootHash(uint64(len(leaves)), level[0])
}

func TestTreeAgreesWithHashingAllLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree Tree
		var leaves []Hash
		var undos []Undo
		var history [][]Hash
		for range rapid.IntRange(1, 6).Draw(t, "updates") {
			history = append(history, append([]Hash(nil), leaves...))
			update := drawUpdate(t, &leaves)
			undo, err := tree.Update(update)
			if err != nil {
				t.Fatal(err)
			}
			undos = append(undos, undo)
			if tree.Root() != naiveRoot(leaves) {
				t.Fatalf("root differs with %d leaves", len(leaves))
			}
		}
		for past, old := range history {
			checkProofs(t, &tree, undos[past:], old)
		}
		checkProofs(t, &tree, nil, leaves)
		for i := len(undos) - 1; i >= 0; i-- {
			tree.Revert(undos[i])
			if tree.Root() != naiveRoot(history[i]) {
				t.Fatalf("revert to %d leaves gives another root", len(history[i]))
			}
			checkProofs(t, &tree, nil, history[i])
		}
	})
}

func drawUpdate(t *rapid.T, leaves *[]Hash) []Leaf {
	byIndex := map[uint64]Hash{}
	if n := len(*leaves); n > 0 {
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			i := rapid.IntRange(0, n-1).Draw(t, "index")
			byIndex[uint64(i)] = LeafHash([]byte{byte(rapid.Byte().Draw(t, "content"))})
		}
	}
	var update []Leaf
	for i, h := range byIndex {
		(*leaves)[i] = h
		update = append(update, Leaf{i, h})
	}
	for range rapid.IntRange(0, 9).Draw(t, "appended") {
		h := LeafHash([]byte{byte(len(*leaves))})
		update = append(update, Leaf{uint64(len(*leaves)), h})
		*leaves = append(*leaves, h)
	}
	return update
}

func checkProofs(t *rapid.T, tree *Tree, undos []Undo, leaves []Hash) {
	root := naiveRoot(leaves)
	for i, leaf := range leaves {
		p, err := tree.ProveAt(uint64(i), undos)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(root, leaf); err != nil {
			t.Fatalf("leaf %d of %d, %d updates back: %v", i, len(leaves), len(undos), err)
		}
		if p.Verify(root, LeafHash([]byte("another"))) == nil {
			t.Fatal("another leaf passes")
		}
	}
}

func TestTreeRefusesGapsAndMissingLeaves(t *testing.T) {
	var tree Tree
	if _, err := tree.Update([]Leaf{{Index: 1}}); !errors.Is(err, ErrIndex) {
		t.Errorf("gap: %v", err)
	}
	if _, err := tree.Prove(0); !errors.Is(err, ErrIndex) {
		t.Errorf("proof of nothing: %v", err)
	}
}

func TestInclusionIsBoundToIndexCountAndDepth(t *testing.T) {
	var tree Tree
	leaves := []Leaf{{0, Hash{1}}, {1, Hash{2}}, {2, Hash{3}}, {3, Hash{4}}, {4, Hash{5}}}
	if _, err := tree.Update(leaves); err != nil {
		t.Fatal(err)
	}
	good, _ := tree.Prove(2)
	root := tree.Root()
	for name, change := range map[string]func(*Inclusion){
		"index":         func(p *Inclusion) { p.Index = 3 },
		"index too big": func(p *Inclusion) { p.Index = 5 },
		"count":         func(p *Inclusion) { p.Count = 6 },
		"short":         func(p *Inclusion) { p.Siblings = p.Siblings[1:] },
		"long":          func(p *Inclusion) { p.Siblings = append(p.Siblings, Hash{}) },
	} {
		p := good
		p.Siblings = append([]Hash(nil), good.Siblings...)
		change(&p)
		if err := p.Verify(root, Hash{3}); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Verify(root, Hash{3}); err != nil {
		t.Error(err)
	}
}
