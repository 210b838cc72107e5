package sqlite

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func genesisVertex(t *testing.T) *settle.Vertex {
	t.Helper()
	key := wallet.NewPrivateKey([32]byte{1})
	g, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(key.Public()), Cap: money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: 1}},
		Limits:    settle.DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// vertexAt gives an entry of a vertex between two accounts in one channel.
func vertexAt(height uint64, id, payload byte, parties [2]wallet.DID, in [32]byte) store.Entry {
	return store.Entry{
		Height: height, Kind: dag.EntryVertex, ID: [32]byte{id}, Verdict: settle.Applied, Raw: []byte{1},
		Payload: settle.PayloadID{payload}, PayloadKind: settle.KindAnchor, Issuer: parties[0], Parties: parties[:],
		Channels: []dag.ChannelEffect{{Channel: in, Parties: parties}},
	}
}

func heights(t *testing.T, s *Store, q store.VertexQuery) []uint64 {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = store.PageMax
	}
	found, err := s.Vertices(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []uint64
	for _, e := range found {
		out = append(out, e.Height)
	}
	return out
}

func TestListsReachOverAllSegmentsAndTellEqualKeysApart(t *testing.T) {
	// Three accounts and two channels that share the part of their hash that the indexes keep.
	a, b, c := wallet.DID{7, 31: 1}, wallet.DID{7, 31: 2}, wallet.DID{7, 31: 3}
	x, y := [32]byte{9, 31: 1}, [32]byte{9, 31: 2}
	const far = 3 << segmentBits
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Commit(t.Context(), store.Batch{
		Genesis: genesisVertex(t), Head: dag.Head{Height: far + 2},
		Entries: []store.Entry{
			vertexAt(1, 1, 11, [2]wallet.DID{a, b}, x),
			vertexAt(2, 2, 12, [2]wallet.DID{c, b}, y),
			vertexAt(1<<segmentBits, 3, 13, [2]wallet.DID{a, c}, x),
			vertexAt(far, 4, 14, [2]wallet.DID{b, a}, y),
			vertexAt(far+1, 1, 11, [2]wallet.DID{a, b}, x), // the same vertex again
			vertexAt(far+2, 5, 13, [2]wallet.DID{a, c}, x),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	payload := settle.PayloadID{13}
	for name, tt := range map[string]struct {
		query store.VertexQuery
		want  []uint64
	}{
		"party":            {store.VertexQuery{Party: a}, []uint64{far + 2, far + 1, far, 1 << segmentBits, 1}},
		"other party":      {store.VertexQuery{Party: c}, []uint64{far + 2, 1 << segmentBits, 2}},
		"issuer":           {store.VertexQuery{Issuer: b}, []uint64{far}},
		"channel":          {store.VertexQuery{Channel: x}, []uint64{far + 2, far + 1, 1 << segmentBits, 1}},
		"channel, party":   {store.VertexQuery{Channel: x, Party: b}, []uint64{far + 1, 1}},
		"payload":          {store.VertexQuery{Payload: &payload}, []uint64{far + 2, 1 << segmentBits}},
		"payload, party":   {store.VertexQuery{Payload: &payload, Party: b}, nil},
		"payload, channel": {store.VertexQuery{Payload: &payload, Channel: x}, []uint64{far + 2, 1 << segmentBits}},
		"page":             {store.VertexQuery{Party: a, Page: store.Page{Limit: 2, Before: far + 1}}, []uint64{far, 1 << segmentBits}},
		"page in segment":  {store.VertexQuery{Party: a, Page: store.Page{Limit: 1}}, []uint64{far + 2}},
		"page before all":  {store.VertexQuery{Party: a, Page: store.Page{Limit: 9, Before: 1}}, nil},
		"nobody":           {store.VertexQuery{Party: wallet.DID{7, 31: 4}}, nil},
		"all":              {store.VertexQuery{}, []uint64{far + 2, far + 1, far, 1 << segmentBits, 2, 1}},
	} {
		if got := heights(t, s, tt.query); !slices.Equal(got, tt.want) {
			t.Errorf("%s: heights %v, want %v", name, got, tt.want)
		}
	}
	for id, want := range map[byte]uint64{1: 1, 3: 1 << segmentBits, 5: far + 2} {
		if e, err := s.Vertex(t.Context(), settle.VertexID{id}); err != nil || e.Height != want {
			t.Errorf("vertex %d at %d, want the first at %d: %v", id, e.Height, want, err)
		}
	}
}

func TestFilesWithTheFirstIndexesAreBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	old, err := engine.Open(context.Background(), engine.Options{Path: path, ApplicationID: applicationID, Migrations: migrations[:1]})
	if err != nil {
		t.Fatal(err)
	}
	a, x := wallet.DID{7, 31: 1}, [32]byte{9, 31: 1}
	err = old.Commit(t.Context(), func(tx *engine.Tx) error {
		e := vertexAt(70_000, 1, 11, [2]wallet.DID{a, {8}}, x)
		for _, statement := range []struct {
			text string
			args []any
		}{
			{`INSERT INTO head VALUES (1, x'', 70000, x'', 1, 1, 0, 0, 0, 0, x'', 0, 0, NULL)`, nil},
			{`INSERT INTO entries VALUES (?, 1, ?, 1, 0, x'01', ?, 5, ?, ?, ?)`, []any{
				int64(e.Height), e.ID[:], e.Payload[:], a[:], encodeParties(e.Parties), encodeEffects(e.Channels)}},
			{`INSERT INTO party_vertices VALUES (?, ?)`, []any{a[:], int64(e.Height)}},
			{`INSERT INTO channel_vertices VALUES (?, ?)`, []any{x[:], int64(e.Height)}},
		} {
			if _, err := tx.Exec(statement.text, statement.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	payload := settle.PayloadID{11}
	for name, q := range map[string]store.VertexQuery{"party": {Party: a}, "channel": {Channel: x}, "payload": {Payload: &payload}} {
		if got := heights(t, s, q); !slices.Equal(got, []uint64{70_000}) {
			t.Errorf("%s: heights %v", name, got)
		}
	}
	if e, err := s.Vertex(t.Context(), settle.VertexID{1}); err != nil || e.Height != 70_000 {
		t.Errorf("vertex at %d, %v", e.Height, err)
	}
}

func TestWritersWidthsAreSet(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]int{"wal_autocheckpoint": checkpointPages, "cache_size": -cacheKibibytes, "synchronous": 2} {
		var got int
		err := s.db.Commit(t.Context(), func(tx *engine.Tx) error { return tx.QueryRow("PRAGMA " + pragma).Scan(&got) })
		if err != nil || got != want {
			t.Errorf("%s is %d, want %d: %v", pragma, got, want, err)
		}
	}
}
