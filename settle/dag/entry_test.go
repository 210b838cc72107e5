package dag_test

import (
	"bytes"
	"errors"
	"testing"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
)

func someEntries(t testing.TB) []dag.Entry {
	l := newLedger(t)
	return []dag.Entry{
		{Vertex: l.vertex(newActor(1), anchor(1))}, {Mark: 7},
		{Certificate: &proof.Certificate{Source: proof.Ref{Number: 1}, Target: proof.Ref{Number: 2}, Votes: []proof.CertificateVote{{Witness: 3, Time: 4}}}},
	}
}

func TestEntriesAndBundlesDecodeToThemselves(t *testing.T) {
	var bundle dag.Bundle
	var raws [][]byte
	ids := map[[32]byte]bool{}
	for _, e := range someEntries(t) {
		again, err := dag.DecodeEntry(e.Encode())
		if err != nil || again.Kind() != e.Kind() || again.ID() != e.ID() || !bytes.Equal(again.Encode(), e.Encode()) {
			t.Errorf("entry of kind %d: %v", e.Kind(), err)
		}
		ids[e.ID()] = true
		raws = append(raws, e.Encode())
		if !bundle.Add(e.Encode()) {
			t.Error("no room")
		}
	}
	if len(ids) != len(raws) {
		t.Error("two entries share an id")
	}
	got, err := dag.DecodeBundle(bundle.Encode())
	if err != nil || len(got) != len(raws) {
		t.Fatal(len(got), err)
	}
	for i := range got {
		if !bytes.Equal(got[i], raws[i]) {
			t.Errorf("entry %d differs", i)
		}
	}
}

func TestBundleIsBounded(t *testing.T) {
	var many, big dag.Bundle
	for many.Add([]byte{1}) {
	}
	if many.Len() != dag.BundleEntriesMax {
		t.Errorf("%d entries", many.Len())
	}
	entry := make([]byte, settle.VertexSizeMax)
	for big.Add(entry) {
	}
	if size := len(big.Encode()); size > dag.BundleSizeMax {
		t.Errorf("bundle of %d bytes", size)
	}
	for _, b := range []dag.Bundle{many, big} {
		if _, err := dag.DecodeBundle(b.Encode()); err != nil {
			t.Error(err)
		}
	}
	if _, err := dag.DecodeBundle(make([]byte, dag.BundleSizeMax+1)); !errors.Is(err, settle.ErrEncoding) {
		t.Error(err)
	}
}

func FuzzDecodeBundle(f *testing.F) {
	var bundle dag.Bundle
	for _, e := range someEntries(f) {
		f.Add(e.Encode())
		bundle.Add(e.Encode())
	}
	f.Add(bundle.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := dag.DecodeEntry(raw); err == nil && !bytes.Equal(e.Encode(), raw) {
			t.Fatal("entry encodes to other bytes")
		}
		entries, err := dag.DecodeBundle(raw)
		if err != nil {
			return
		}
		var again dag.Bundle
		for _, e := range entries {
			if !again.Add(e) {
				t.Fatal("more entries than a bundle holds")
			}
		}
		if !bytes.Equal(again.Encode(), raw) {
			t.Fatal("bundle encodes to other bytes")
		}
	})
}
