package world

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
)

// Bounds of how often a channel without a session is looked at: in package agent a minute at most; here as often as its
// window demands, since nobody waits for the answer and months pass.
const (
	keepEveryMin = time.Second
	keepEveryMax = time.Hour
)

// watch looks after a channel until it is closed.
func (p *party) watch(id channel.ID) {
	if p.watched[id] {
		return
	}
	p.watched[id] = true
	p.keepLater(id)
}

func (p *party) keepLater(id channel.ID) {
	r, err := p.disk.Channel(context.Background(), id)
	if err != nil {
		p.world.fail(err)
		return
	}
	if r.State == channel.Closed {
		delete(p.watched, id)
		return
	}
	every := r.Side.Opening.Terms.Window / 4 // in time to answer whatever is closed
	if r.State == channel.Closing {
		every /= 16 // to be there when the window ends
	}
	p.after(min(max(every, keepEveryMin), keepEveryMax), func() {
		p.keep(id)
		if p.up {
			p.keepLater(id)
		}
	})
}

// keep does for a channel what must be done outside of sessions: it answers stale closes, finishes closed windows and
// settles before the expiry.
func (p *party) keep(id channel.ID) {
	p.view(id, func(view session.View, err error) {
		if err != nil || p.inUse(id) {
			return // a session looks for itself, and owns the record
		}
		record, err := p.disk.Channel(context.Background(), id)
		if err != nil {
			p.world.fail(err)
			return
		}
		kept, ops, err := session.Keep(record, view)
		if err != nil {
			p.world.fail(fmt.Errorf("%s: %w", p.name, err))
			return
		}
		if p.commit(session.Batch{Channels: []session.ChannelRecord{kept}, Ops: ops}) {
			p.outbox.notify()
		}
	})
}
