package proof

import "testing"

func TestFoldLeadsToTheRootOfTheTree(t *testing.T) {
	var tree Tree
	var fold Fold
	for n := range uint64(200) {
		if fold.Root() != tree.Root() || fold.Len() != tree.Len() {
			t.Fatalf("%d leaves: root %s, want %s", n, fold.Root(), tree.Root())
		}
		leaf := LeafHash([]byte{byte(n)})
		if _, err := tree.Update([]Leaf{{Index: n, Hash: leaf}}); err != nil {
			t.Fatal(err)
		}
		fold.Add(leaf)
	}
}
