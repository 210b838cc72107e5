package operator

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAWitnessThatLostItsVotesIsRefusedAndGoesOnFromASnapshot(t *testing.T) {
	s := newSeveral(t)
	var nodes []*Node
	for _, o := range s.options {
		nodes = append(nodes, s.start(o))
	}
	issue(t, nodes[0], "a", 50)
	s.await(nodes[3], 50)
	if err := nodes[3].Close(); err != nil {
		t.Fatal(err)
	}
	issue(t, nodes[0], "b", 7)
	s.await(nodes[0], 57)
	lost := s.options[3]
	found, err := filepath.Glob(filepath.Join(lost.Dir, databaseFile+"*"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	lost.Genesis, lost.NATS = s.genesis, s.broker.ClientURL()
	if _, err := StartNode(t.Context(), lost); !errors.Is(err, ErrVotesLost) {
		t.Fatalf("%v, want ErrVotesLost", err)
	}
	lost.Snapshot = filepath.Join(t.TempDir(), "snapshot.bin")
	file, err := os.Create(lost.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	_, err = nodes[0].runner.WriteSnapshot(t.Context(), file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	back := s.start(lost)
	s.await(back, 57)
	if err := nodes[2].Close(); err != nil { // so that its votes are needed
		t.Fatal(err)
	}
	issue(t, nodes[0], "c", 1)
	s.await(back, 58)
	for i, n := range append(nodes[:2:2], back) {
		if accused := n.Status().Evidence; len(accused) != 0 {
			t.Errorf("node %d accuses %d", i, accused[0].Witness())
		}
	}
}
