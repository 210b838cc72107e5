package node

import (
	"testing"
	"time"

	"joulepay/settle"
)

func TestTheTallyTimesFromIntakeToFinality(t *testing.T) {
	now := time.Unix(0, 0)
	c := newTally(func() time.Time { return now })
	one, two, refused := settle.VertexID{1}, settle.VertexID{2}, settle.VertexID{3}
	for _, id := range []settle.VertexID{one, two, refused} {
		c.tell(Notice{Stage: StageReceived, Vertex: id})
	}
	c.tell(Notice{Stage: StageDecided, Vertex: one, Kind: settle.KindOpen, Height: 1})
	c.tell(Notice{Stage: StageDecided, Vertex: two, Kind: settle.KindOpen, Height: 2})
	c.tell(Notice{Stage: StageDecided, Vertex: refused, Kind: settle.KindTransfer, Verdict: settle.Overspend})
	now = now.Add(20 * time.Millisecond)
	c.tell(Notice{Stage: StageFinal, Height: 1})
	now = now.Add(time.Second)
	c.tell(Notice{Stage: StageFinal, Height: 3})
	got := c.read()
	if got.Decided[Decision{settle.KindOpen, settle.Applied}] != 2 || got.Decided[Decision{settle.KindTransfer, settle.Overspend}] != 1 {
		t.Errorf("decided %v", got.Decided)
	}
	if got.Final != 2 || got.FinalSeconds != 1.04 || got.FinalWithin[0.01] != 0 || got.FinalWithin[0.025] != 1 || got.FinalWithin[2.5] != 2 {
		t.Errorf("final %+v", got)
	}
}

func TestTheTallyFollowsASampleAndForgetsWhatNeverEnds(t *testing.T) {
	now := time.Unix(0, 0)
	c := newTally(func() time.Time { return now })
	for i := range followedMax + 1 {
		c.tell(Notice{Stage: StageReceived, Vertex: settle.VertexID{byte(i), 1}})
	}
	if len(c.followed) != followedMax {
		t.Errorf("%d followed", len(c.followed))
	}
	now = now.Add(time.Hour)
	c.tell(Notice{Stage: StageFinal, Height: 1})
	if len(c.followed) != 0 || c.final != 0 {
		t.Errorf("%d followed, %d final", len(c.followed), c.final)
	}
}
