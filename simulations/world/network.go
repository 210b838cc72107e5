package world

import (
	"math/rand/v2"
	"time"

	"joulepay/channel/link"
)

// network carries datagrams in virtual time: each leaves the lossy carrier when its time has come.
type network struct {
	world   *World
	carrier *link.Network
	random  *rand.Rand
	entered int // deliveries in the timeline
	ends    map[link.Addr]*party
	slow    time.Duration // that bursts of delay add now
}

func newNetwork(w *World) *network {
	return &network{
		world: w, random: w.random("network"), ends: map[link.Addr]*party{},
		carrier: link.NewNetwork(w.options.Seed, w.scenario.Network.Faults),
	}
}

// join gives a party its end of the network, in each life anew.
func (n *network) join(p *party) {
	l, err := n.carrier.Join(p.addr)
	if err != nil {
		n.world.fail(err)
		return
	}
	p.link, n.ends[p.addr] = l, p
}

// send hands a datagram to the carrier, and enters a delivery for everything that is under way.
func (n *network) send(from *party, to link.Addr, payload []byte) {
	if to == "" {
		return
	}
	if n.world.severed(&from.process, n.at(to)) {
		return
	}
	if err := from.link.Send(to, payload); err != nil {
		n.world.fail(err)
		return
	}
	for n.entered < n.carrier.Pending() {
		n.entered++
		n.world.clock.After(n.delay(), n.deliver)
	}
}

// delay draws how long something is under way.
func (n *network) delay() time.Duration {
	s := n.world.scenario.Network
	return s.Latency + n.slow + time.Duration(n.random.Int64N(int64(s.Jitter)+1))
}

// at gives who is at an address.
func (n *network) at(to link.Addr) *process {
	if end := n.ends[to]; end != nil {
		return &end.process
	}
	return &n.world.broker // as far as anything travels
}

func (n *network) deliver() {
	n.entered--
	d, ok := n.carrier.Pop()
	if !ok {
		return
	}
	end := n.ends[d.To]
	if end != nil && end.up && n.world.severed(n.at(d.From), &end.process) {
		return
	}
	if !n.carrier.Hand(d) || end == nil {
		n.world.fired["datagram to nobody"]++
		return
	}
	end.receive(<-end.link.Receive())
}

// losesLedger draws whether a question to the ledger, or its answer, is lost.
func (n *network) losesLedger() bool {
	lost := n.random.Float64() < n.world.scenario.Network.LedgerLoss
	if lost {
		n.world.fired["ledger message lost"]++
	}
	return lost
}

// counts adds what the carrier did to the faults that fired.
func (n *network) counts(into map[string]int) {
	c := n.carrier.Counts()
	for name, count := range map[string]int{
		"datagram lost": c.Lost, "datagram duplicated": c.Duplicated, "datagram reordered": c.Reordered,
	} {
		if count > 0 {
			into[name] = count
		}
	}
}
