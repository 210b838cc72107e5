package node

import (
	"testing"
	"time"

	"joulepay/settle/dag"
	"joulepay/settle/stream"
)

// Begin brings a new core to an empty stream and through its Start, which this gives the position of. It shows all effects.
func Begin(t testing.TB, c *Core, now time.Time, show ...func(Effect)) stream.Position {
	t.Helper()
	at := stream.Position{Incarnation: stream.Incarnation{7: 1}}
	var start []byte
	step := func(e Event) {
		effects, err := c.Step(now, e)
		if err != nil {
			t.Fatal(err)
		}
		for _, effect := range effects {
			for _, to := range show {
				to(effect)
			}
			if p, ok := effect.(Publish); ok && start == nil {
				start = p.Bundle
			}
		}
	}
	step(Renewed{Position: at, Empty: true})
	if start == nil { // a node that only follows leaves it to witnesses
		var bundle dag.Bundle
		bundle.Add(dag.Entry{Start: &dag.Start{Incarnation: at.Incarnation, Base: c.State().LastCheckpoint()}}.Encode())
		start = bundle.Encode()
	}
	at.Sequence++
	step(Published{at, start})
	step(Delivered{[]stream.Delivery{{Position: at, Bundle: start}}})
	return at
}
