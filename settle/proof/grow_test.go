package proof

import (
	"reflect"
	"testing"
)

func TestATreeMadeAtOnceIsTheSame(t *testing.T) {
	var tree Tree
	var leaves []Hash
	for n := range uint64(200) {
		made := TreeOf(append([]Hash(nil), leaves...))
		if !reflect.DeepEqual(made, tree) {
			t.Fatalf("%d leaves differ", n)
		}
		leaf := LeafHash([]byte{byte(n)})
		leaves = append(leaves, leaf)
		for _, t2 := range []*Tree{&made, &tree} { // and it goes on like the other
			if _, err := t2.Update([]Leaf{{Index: n, Hash: leaf}}); err != nil {
				t.Fatal(err)
			}
		}
		if made.Root() != tree.Root() {
			t.Fatalf("%d leaves: another root after one more", n)
		}
	}
}
