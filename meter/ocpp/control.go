package ocpp

import (
	"context"
	"time"
)

// pingEvery is how often a connection is tried that may have died in silence, real time.
const pingEvery = 30 * time.Second

// ping ends the connection when the station does not answer any more.
func (l *link) ping() {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticker.C:
			limited, cancel := context.WithTimeout(l.ctx, sendTimeMax)
			err := l.ws.Ping(limited)
			cancel()
			if err != nil {
				l.end()
			}
		}
	}
}

// link is a station's connection with the loop that tells the station what its sessions want. One call is under way at a
// time, as OCPP-J wants.
type link struct {
	*conn
	dialect dialect
	ctx     context.Context
	end     context.CancelFunc
	wakes   chan struct{}
	ready   bool // it was told how to meter; of the loop only
}

func (l *link) kick() {
	select {
	case l.wakes <- struct{}{}:
	default:
	}
}

// call implements caller.
func (l *link) call(action string, request, result any) error {
	return l.conn.call(l.ctx, action, request, result)
}

// count implements caller.
func (l *link) count() int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int32(l.calls & 0x7fffffff)
}

// control runs until the connection ends.
func (st *Station) control(l *link) {
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.wakes:
		}
		for l.ctx.Err() == nil {
			act := st.next(l)
			if act == nil {
				break
			}
			act()
		}
	}
}

// next gives the next thing to tell the station, nil for nothing.
func (st *Station) next(l *link) func() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.link != l || !st.alive {
		return nil // a station is told nothing before it has said who it is
	}
	if !l.ready {
		l.ready = true
		return func() { st.setUp(l) }
	}
	for id, told := range st.strays {
		if !told {
			st.strays[id] = true
			return func() { st.called(0, l.dialect.remoteStop(l, id)) }
		}
	}
	for n := 0; n <= ConnectorsMax; n++ {
		if o := st.outlets[n]; o != nil {
			if act := o.next(l); act != nil {
				return act
			}
		}
	}
	return nil
}

// setUp asks a station that connected to report its meter often enough, and what goes on at its connectors, so that a
// transaction which nobody knows any more is seen. One that does not know how is used as it is.
func (st *Station) setUp(l *link) {
	st.called(0, l.dialect.configure(l, setup{meterEvery: st.system.config.MeterEvery}))
	for n := range ConnectorsMax + 1 {
		if st.outlets[n] != nil {
			st.called(n, l.dialect.look(l, n))
		}
	}
}

// called tells the operator of a call that failed and that nothing depends on.
func (st *Station) called(connector int, err error) {
	if err == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.report(Event{Kind: EventCall, Connector: connector, Err: err})
}

// next gives the next thing to tell the station of this connector.
func (o *Outlet) next(l *link) func() {
	a := o.asked
	switch {
	case o.withCable() && !a.evict:
		return nil
	case o.rests() && a.limitMw != 0:
		return o.tellLimit(l, 0)
	case o.rests():
		return nil
	case o.delivers() && (!o.run || a.evict || o.fault != nil):
		return o.nextStop(l)
	case o.run && (o.tx == nil || a.attach) && !a.startSent && o.fault == nil && o.failure == nil:
		a.startSent, a.limitMw = true, o.config.MaxPowerMw
		return o.tellStart(l)
	case o.delivers() && o.limitMw != a.limitMw:
		return o.tellLimit(l, o.limitMw)
	}
	return nil
}

func (o *Outlet) tellStart(l *link) func() {
	token, a := o.token(), o.asked
	return func() {
		err := l.dialect.remoteStart(l, o.config.Number, token)
		o.st.mu.Lock()
		defer o.st.mu.Unlock()
		if o.asked != a {
			return // another holder
		}
		now := o.st.system.config.Now()
		if a.refused, a.refusedAt = err, now; err == nil {
			a.acceptedAt = now
		} else {
			o.st.report(Event{Kind: EventCall, Connector: o.config.Number, Err: err})
		}
	}
}

// nextStop takes the power away, then ends the transaction.
func (o *Outlet) nextStop(l *link) func() {
	a, id := o.asked, o.tx.id
	switch {
	case !a.zeroSent:
		a.zeroSent = true
		return func() { o.st.called(o.config.Number, l.dialect.limit(l, o.config.Number, id, 0)) }
	case !a.stopSent:
		a.stopSent, a.stopAt, a.stopMwh = true, o.st.system.config.Now(), o.tx.lastMwh
		return func() { o.st.called(o.config.Number, l.dialect.remoteStop(l, id)) }
	}
	return nil
}

// tellLimit changes the power. A station that cannot pause is stopped: no claim, no energy.
func (o *Outlet) tellLimit(l *link, limit int64) func() {
	a, id := o.asked, o.tx.id
	return func() {
		err := l.dialect.limit(l, o.config.Number, id, limit)
		o.st.mu.Lock()
		defer o.st.mu.Unlock()
		if o.asked != a || o.tx == nil {
			return
		}
		a.limitMw = limit
		if err != nil {
			o.st.report(Event{Kind: EventCall, Connector: o.config.Number, Err: err})
		}
		if err != nil && limit == 0 {
			o.evict()
		}
	}
}

// reconnected forgets what the last connection was told and may have lost.
func (o *Outlet) reconnected() {
	a := o.asked
	a.zeroSent, a.stopSent = false, false
	if a.startSent && o.tx == nil && a.acceptedAt.IsZero() {
		a.startSent = false // the call was cut off: a station that took it refuses the second, or has begun
	}
}
