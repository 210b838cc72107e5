package api_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

func TestACursorHoldsWhileTheListGrows(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	for i := range uint64(4) {
		s.must(t, car, carKey, &settle.Transfer{Sequence: i + 1, To: pole, Amount: money.Amount(i + 1)})
	}
	ask := client.EntryQuery{Party: pole, PageQuery: client.PageQuery{Limit: 2}}
	first, err := s.Transfers(t.Context(), ask)
	if err != nil || len(first.Items) != 2 || first.Items[1].Amount != sum(3) {
		t.Fatalf("%+v %v", first, err)
	}
	s.must(t, car, carKey, &settle.Transfer{Sequence: 5, To: pole, Amount: 5})
	ask.Cursor = first.Next
	second, err := s.Transfers(t.Context(), ask)
	if err != nil || len(second.Items) != 2 || second.Items[0].Amount != sum(2) || second.Items[1].Amount != sum(1) || second.Next != "" {
		t.Errorf("%+v %v", second, err)
	}
	for name, other := range map[string]client.EntryQuery{
		"another party": {Party: car, PageQuery: ask.PageQuery}, "no party": {PageQuery: ask.PageQuery},
		"another time": {Party: pole, PageQuery: ask.PageQuery, Span: client.Span{Since: noon}},
	} {
		if _, err := s.Transfers(t.Context(), other); !errors.Is(err, client.ErrBadRequest) {
			t.Errorf("the cursor with %s: %v", name, err)
		}
	}
	if _, err := s.Issues(t.Context(), client.EntryQuery{Party: pole, PageQuery: ask.PageQuery}); !errors.Is(err, client.ErrBadRequest) {
		t.Errorf("the cursor for another list: %v", err)
	}
	ask.Limit = 1
	if smaller, err := s.Transfers(t.Context(), ask); err != nil || len(smaller.Items) != 1 {
		t.Errorf("the cursor with another size of page: %v", err)
	}
}

func TestListsAreCutByLedgerTime(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	for i := range uint64(6) {
		o := s.opening(byte(i))
		o.Deposit = money.Nano
		s.must(t, car, carKey, &settle.Open{Sequence: 2*i + 1, Opening: o})
		s.must(t, car, carKey, &settle.Transfer{Sequence: 2*i + 2, To: pole, Amount: money.Amount(i + 1)})
	}
	all, err := s.Vertices(t.Context(), client.VertexQuery{PageQuery: client.PageQuery{Limit: 500}})
	if err != nil {
		t.Fatal(err)
	}
	checkpoints, err := s.Checkpoints(t.Context(), client.CheckpointQuery{PageQuery: client.PageQuery{Limit: 500}})
	if err != nil {
		t.Fatal(err)
	}
	oldest, newest := all.Items[len(all.Items)-1].Time, all.Items[0].Time
	for _, span := range []client.Span{{}, {Since: newest.Add(time.Hour)}, {Until: oldest}, {Since: all.Items[5].Time}, {Until: all.Items[5].Time},
		{Since: all.Items[9].Time, Until: all.Items[3].Time}, {Since: oldest, Until: newest.Add(time.Millisecond)}, {Since: newest, Until: newest}} {
		within := func(at time.Time) bool {
			return !at.Before(span.Since) && (span.Until.IsZero() || at.Before(span.Until))
		}
		count := func(kind string) (n int) {
			for _, v := range all.Items {
				if within(v.Time) && (kind == "" || v.Kind == kind) {
					n++
				}
			}
			return n
		}
		vertices := collect(t, 4, func(q client.PageQuery) (client.Page[client.Vertex], error) {
			return s.Vertices(t.Context(), client.VertexQuery{PageQuery: q, Span: span})
		})
		transfers := collect(t, 2, func(q client.PageQuery) (client.Page[client.Transfer], error) {
			return s.Transfers(t.Context(), client.EntryQuery{PageQuery: q, Span: span})
		})
		channels := collect(t, 2, func(q client.PageQuery) (client.Page[client.Channel], error) {
			return s.Channels(t.Context(), client.ChannelQuery{PageQuery: q, Span: span, Party: pole, State: client.ChannelOpen})
		})
		if len(vertices) != count("") || len(transfers) != count("transfer") || len(channels) != count("open") {
			t.Errorf("%v: %d vertices, %d transfers, %d channels; want %d, %d, %d", span, len(vertices), len(transfers), len(channels),
				count(""), count("transfer"), count("open"))
		}
	}
	known := checkpoints.Items
	for _, cut := range [][2]int{{0, len(known) - 1}, {1, 4}, {3, 3}, {2, len(known) - 2}} {
		span := client.Span{Since: known[cut[1]].Time, Until: known[cut[0]].Time}
		var want []client.ID
		for _, c := range known {
			if !c.Time.Before(span.Since) && c.Time.Before(span.Until) {
				want = append(want, c.ID)
			}
		}
		var got []client.ID
		for _, c := range collect(t, 5, func(q client.PageQuery) (client.Page[client.Checkpoint], error) {
			return s.Checkpoints(t.Context(), client.CheckpointQuery{PageQuery: q, Span: span})
		}) {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %d checkpoints, want %d", span, len(got), len(want))
		}
	}
}
