package api

import (
	"context"
	"encoding/json"

	"joulepay/settle/client"
	"joulepay/settle/node"
)

// Events implements Events: vertices as they are taken in, decided or undone, checkpoints as they become justified and
// final.
func (l NodeLedger) Events(ctx context.Context) (<-chan client.Event, error) {
	subscription := l.node.Subscribe()
	out := make(chan client.Event)
	go func() {
		defer close(out)
		defer subscription.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case <-l.node.Done():
				return
			case notice, ok := <-subscription.Notices():
				if !ok || !l.forward(ctx, notice, out) {
					return
				}
			}
		}
	}()
	return out, nil
}

// forward gives a notice as an event; false when nobody listens any more. A notice whose resource cannot be read is
// left out: events may be missed, resources tell all.
func (l NodeLedger) forward(ctx context.Context, notice node.Notice, out chan<- client.Event) bool {
	e, ok := l.event(ctx, notice)
	if !ok {
		return ctx.Err() == nil
	}
	select {
	case out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l NodeLedger) event(ctx context.Context, notice node.Notice) (client.Event, bool) {
	var resource any
	kind := client.EventVertex
	switch notice.Stage {
	case node.StageReceived, node.StageUndone:
		v, ok := l.node.PendingVertex(notice.Vertex)
		if !ok {
			return client.Event{}, false // decided meanwhile, which is another event
		}
		resource = pendingVertex(v)
	case node.StageJustified:
		kind, resource = client.EventCheckpoint, l.checkpoint(l.node.Justified(), true)
	case node.StageDecided:
		e, err := l.node.Vertex(ctx, notice.Vertex)
		if err != nil {
			return client.Event{}, false
		}
		v, err := l.vertex(e)
		if err != nil {
			return client.Event{}, false
		}
		v.Encoded = nil
		resource = v
	case node.StageFinal:
		kind, resource = client.EventCheckpoint, l.checkpoint(l.node.LatestFinal().Checkpoint, true)
	default:
		return client.Event{}, false
	}
	data, err := json.Marshal(resource)
	return client.Event{Type: kind, Data: data}, err == nil
}
