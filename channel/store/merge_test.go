package store_test

import (
	"context"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

func TestI4_AMergedBatchStoresWhatItsPartsStoreOneAfterTheOther(t *testing.T) {
	op := rapid.Custom(func(t *rapid.T) session.OpRecord {
		r := session.NewOp(session.OpSettle, channel.ID{1}, channel.SessionID{}, []byte{rapid.ByteMax(2).Draw(t, "op")})
		r.State = session.OpState(rapid.IntRange(1, 3).Draw(t, "state"))
		r.Payload = rapid.SampledFrom([][]byte{nil, {1}, {2}}).Draw(t, "payload")
		r.Vertex[0] = rapid.ByteMax(2).Draw(t, "vertex")
		return r
	})
	ch := rapid.Custom(func(t *rapid.T) session.ChannelRecord {
		return session.ChannelRecord{ID: channel.ID{rapid.ByteMax(2).Draw(t, "channel")}, KeyIndex: rapid.Uint32Max(3).Draw(t, "key")}
	})
	visit := rapid.Custom(func(t *rapid.T) session.SessionRecord {
		return session.SessionRecord{ID: channel.SessionID{rapid.ByteMax(2).Draw(t, "session")}, Claims: rapid.Uint64Max(3).Draw(t, "claims")}
	})
	batch := rapid.Custom(func(t *rapid.T) session.Batch {
		return session.Batch{
			Channels: rapid.SliceOfN(ch, 0, 3).Draw(t, "channels"),
			Sessions: rapid.SliceOfN(visit, 0, 3).Draw(t, "sessions"),
			Ops:      rapid.SliceOfN(op, 0, 3).Draw(t, "ops"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		batches := rapid.SliceOfN(batch, 1, 5).Draw(t, "batches")
		apart, together := store.NewMemory(), store.NewMemory()
		var merged session.Batch
		for _, b := range batches {
			if err := apart.Commit(context.Background(), b); err != nil {
				t.Fatal(err)
			}
			merged.Merge(b)
		}
		if err := together.Commit(context.Background(), merged); err != nil {
			t.Fatal(err)
		}
		if got, want := all(t, together), all(t, apart); !reflect.DeepEqual(got, want) {
			t.Fatalf("merged: %+v\none after the other: %+v", got, want)
		}
	})
}

// all gives what a store holds, but for the order in which operations were entered.
func all(t *rapid.T, s store.Store) (content struct {
	Channels []session.ChannelRecord
	Sessions []session.SessionRecord
	Ops      map[session.OpID]session.OpRecord
}) {
	ctx := context.Background()
	var err error
	if content.Channels, err = s.Channels(ctx); err != nil {
		t.Fatal(err)
	}
	if content.Sessions, err = s.Sessions(ctx, channel.SessionID{}, 100); err != nil {
		t.Fatal(err)
	}
	content.Ops = map[session.OpID]session.OpRecord{}
	for body := range byte(3) {
		id := session.NewOp(session.OpSettle, channel.ID{1}, channel.SessionID{}, []byte{body}).ID
		if op, err := s.Op(ctx, id); err == nil {
			content.Ops[id] = op
		}
	}
	return content
}
