package link

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// pendingMax bounds the datagrams under way in a Network; more are lost, as in a real one.
const pendingMax = 1 << 16

// Faults are probabilities between 0 and 1, drawn for each datagram.
type Faults struct {
	Loss      float64
	Duplicate float64
	Reorder   float64 // held back until later ones have overtaken it, or until nothing else is under way
}

// Counts say what a Network did, so that a test can show that its faults happened.
type Counts struct {
	Sent, Delivered, Lost, Duplicated, Reordered int
	Overrun                                      int // lost at a full queue
	Unreachable                                  int // lost because nobody was at the address
}

// Delivery is a datagram under way.
type Delivery struct {
	From, To Addr
	Payload  []byte
}

// Network is an in-memory carrier between any number of links. For one seed and one order of calls it does the
// same again. It has no goroutine and no clock: a queued network moves only when it is told to, an immediate one
// while Send runs. It is safe for concurrent use.
type Network struct {
	immediate bool

	mu      sync.Mutex // guards all below
	random  *rand.Rand
	faults  Faults
	ports   map[Addr]*port
	pending []Delivery // in order of delivery
	late    []Delivery // to be overtaken
	counts  Counts
}

// NewNetwork makes a queued network: datagrams wait until Pop, Deliver or DeliverAll take them. A simulator that
// has its own virtual time pops each one, and hands it over when its time has come.
func NewNetwork(seed uint64, faults Faults) *Network {
	return &Network{
		random: rand.New(rand.NewPCG(seed, 0)),
		faults: faults,
		ports:  make(map[Addr]*port),
	}
}

// NewImmediateNetwork makes a network for tests with goroutines: a datagram is with its receiver when Send returns,
// if it survives. One that is held back arrives after a later one.
func NewImmediateNetwork(seed uint64, faults Faults) *Network {
	n := NewNetwork(seed, faults)
	n.immediate = true
	return n
}

// Join makes a link at an address that no open link has.
func (n *Network) Join(addr Addr) (Link, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr == "" {
		return nil, fmt.Errorf("%w: empty", ErrAddress)
	}
	if n.ports[addr] != nil {
		return nil, fmt.Errorf("%w: %s", ErrTaken, addr)
	}
	p := &port{network: n, addr: addr, arrived: make(chan Datagram, QueueMax)}
	n.ports[addr] = p
	return p, nil
}

// SetFaults changes what happens to datagrams sent from now on. Loss 1 cuts the network.
func (n *Network) SetFaults(faults Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = faults
}

// Counts gives the counts so far.
func (n *Network) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts
}

// Pending gives the number of datagrams under way.
func (n *Network) Pending() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pending) + len(n.late)
}

// Pop takes the next datagram off the network, for a caller that delivers it itself, at once or with Hand.
func (n *Network) Pop() (Delivery, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) == 0 {
		n.pending, n.late = n.late, nil
	}
	return n.pop()
}

// Hand gives a popped datagram to the link that it is for. It tells whether there was one with room for it.
func (n *Network) Hand(d Delivery) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hand(d)
}

// Deliver moves the next datagram to its receiver, and tells whether one was under way.
func (n *Network) Deliver() bool {
	d, ok := n.Pop()
	if ok {
		n.Hand(d)
	}
	return ok
}

// DeliverAll moves everything that is under way, and gives the number.
func (n *Network) DeliverAll() int {
	moved := 0
	for n.Deliver() {
		moved++
	}
	return moved
}

// send draws the faults of one datagram, always in the same order and number, and puts it on its way.
func (n *Network) send(d Delivery) {
	n.counts.Sent++
	lost, twice, late := n.draw(n.faults.Loss), n.draw(n.faults.Duplicate), n.draw(n.faults.Reorder)
	if lost {
		n.counts.Lost++
		return
	}
	if twice {
		n.counts.Duplicated++
		n.put(Delivery{From: d.From, To: d.To, Payload: slices.Clone(d.Payload)}, false)
	}
	if late {
		n.counts.Reordered++
	}
	n.put(d, late)
	if !n.immediate {
		return
	}
	for d, ok := n.pop(); ok; d, ok = n.pop() {
		n.hand(d)
	}
}

// put queues a datagram. One that is not late may let those go that it has overtaken.
func (n *Network) put(d Delivery, late bool) {
	if len(n.pending)+len(n.late) >= pendingMax {
		n.counts.Overrun++
		return
	}
	if late {
		n.late = append(n.late, d)
		return
	}
	n.pending = append(n.pending, d)
	n.late = slices.DeleteFunc(n.late, func(held Delivery) bool {
		released := n.draw(0.5)
		if released {
			n.pending = append(n.pending, held)
		}
		return released
	})
}

func (n *Network) draw(probability float64) bool { return n.random.Float64() < probability }

func (n *Network) pop() (Delivery, bool) {
	if len(n.pending) == 0 {
		return Delivery{}, false
	}
	d := n.pending[0]
	n.pending[0] = Delivery{}
	n.pending = n.pending[1:]
	return d, true
}

func (n *Network) hand(d Delivery) bool {
	p := n.ports[d.To]
	if p == nil {
		n.counts.Unreachable++
		return false
	}
	select {
	case p.arrived <- Datagram{From: d.From, Payload: d.Payload}:
		n.counts.Delivered++
		return true
	default:
		n.counts.Overrun++
		return false
	}
}

// port is one end of a Network.
type port struct {
	network *Network
	addr    Addr
	arrived chan Datagram
	closed  bool // guarded by network.mu
}

func (p *port) Local() Addr { return p.addr }

func (p *port) Receive() <-chan Datagram { return p.arrived }

func (p *port) Send(to Addr, payload []byte) error {
	if err := CheckSize(payload); err != nil {
		return err
	}
	if to == "" {
		return fmt.Errorf("%w: empty", ErrAddress)
	}
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.network.send(Delivery{From: p.addr, To: to, Payload: slices.Clone(payload)})
	return nil
}

func (p *port) Close() error {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if !p.closed {
		p.closed = true
		delete(p.network.ports, p.addr)
		close(p.arrived)
	}
	return nil
}
