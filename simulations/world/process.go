package world

import (
	"errors"
	"math/rand/v2"
	"time"

	"joulepay/simulations/scenario"
)

// errDied is what a store answers when its process dies in the middle of a commit.
var errDied = errors.New("world: the process died")

// process is a program that can die and come back with what it had stored. Whatever it had in memory, and whatever was
// entered for it in the timeline, dies with it.
type process struct {
	world  *World
	name   string
	random *rand.Rand
	life   uint64 // number of the present life
	up     bool
	cuts   int // how many faults keep it unreachable now

	armed    *scenario.Fault // dies at its point in the next step that stores something
	dying    bool            // dies when the present step ends
	actsLeft int             // while dying: how much of the step still happens

	boot func() // makes it anew from what is stored
	halt func() // what its end does to the world
}

func newProcess(w *World, name string) process {
	return process{world: w, name: name, random: w.random("process " + name)}
}

// newBroker is what carries all messages, and the ledger's stream. It keeps nothing that would have to be restored: messages
// may be lost, and the stream is on its disk.
func newBroker(w *World) process {
	b := newProcess(w, scenario.BrokerName)
	b.boot, b.halt = func() {}, func() {}
	b.start()
	return b
}

// start is the first life.
func (p *process) start() {
	p.up = true
	p.life++
	p.boot()
}

// after enters an event that happens only in this life.
func (p *process) after(wait time.Duration, run func()) {
	life := p.life
	p.world.clock.After(wait, func() {
		if p.up && p.life == life {
			run()
		}
	})
}

// beat is what a process does again and again, a while after the last time.
type beat struct {
	number  uint64 // of the one that waits
	waiting bool
}

// beatLater enters the next beat, unless one waits.
func (p *process) beatLater(b *beat, wait time.Duration, run func()) {
	if b.waiting {
		return
	}
	b.number++
	b.waiting = true
	number := b.number
	p.after(wait, func() {
		if b.number == number {
			b.waiting = false
			run()
		}
	})
}

// restart forgets the beat that waits: the time runs from now.
func (b *beat) restart() { b.number, b.waiting = b.number+1, false }

// crash ends this life; the next begins after a while.
func (p *process) crash(f scenario.Fault) {
	if f.Kind != scenario.FaultPower {
		p.world.happened(f, "crash", p.name)
	}
	p.world.trace(p.name, "dies (%s)", pointNames[f.Dies])
	p.up, p.armed, p.dying = false, nil, false
	p.halt()
	p.world.clock.After(f.For, func() {
		p.world.trace(p.name, "is back")
		p.start()
	})
}

// committing says what happens to a commit: whether it is stored, and whether the process hears of it.
func (p *process) committing() (stored, heard bool) {
	if p.armed == nil {
		return true, true
	}
	switch p.armed.Dies {
	case scenario.PointBeforeCommit:
		return false, false
	case scenario.PointAfterCommit:
		return true, false
	}
	const actsMax = 4 // effects of a step beside its commit, at most
	p.dying, p.actsLeft = true, p.random.IntN(actsMax)
	return true, true
}

// mayAct tells whether the next effect of a step still happens.
func (p *process) mayAct() bool {
	if !p.dying {
		return true
	}
	p.actsLeft--
	return p.actsLeft >= 0
}

// survived ends a step: it tells whether the process lives on.
func (p *process) survived(err error) bool {
	if p.up && p.armed != nil && (p.dying || errors.Is(err, errDied)) {
		p.world.fired["crash "+pointNames[p.armed.Dies]]++
		p.crash(*p.armed)
	}
	return p.up
}

var pointNames = map[scenario.Point]string{
	scenario.PointIdle: "idle", scenario.PointBeforeCommit: "before commit",
	scenario.PointAfterCommit: "after commit", scenario.PointSending: "while sending",
}
