package simtest

import (
	"encoding/binary"
	"slices"
	"time"

	"joulepay/settle/node"
	"joulepay/settle/stream"
)

// view is what the orderer shows to some: a stream. An honest orderer shows the same to all.
type view struct {
	incarnation stream.Incarnation
	bundles     [][]byte
}

func (v *view) clone() *view { return &view{v.incarnation, slices.Clone(v.bundles)} }

func (v *view) head() stream.Position {
	return stream.Position{Incarnation: v.incarnation, Sequence: uint64(len(v.bundles))}
}

// orderer is the stream of bundles. While it is faulty it shows different things to different nodes, and forgets.
type orderer struct {
	world   *world
	views   []*view
	of      []int                                     // which view each place sees
	lives   uint64                                    // incarnations so far
	after   map[stream.Incarnation]stream.Incarnation // the last one that followed another
	copies  []*view                                   // taken of a view some time
	seen    [][]byte                                  // bundles that were appended some time
	down    bool
	omitted int  // appends that will be acknowledged and forgotten
	apart   bool // what is appended to one view never comes to another
}

func newOrderer(w *world) *orderer {
	o := &orderer{world: w, views: []*view{{}}, of: make([]int, len(w.keys)), after: map[stream.Incarnation]stream.Incarnation{}}
	o.views[0].incarnation = o.fresh(1)
	return o
}

// fresh gives an incarnation that never was, of an epoch.
func (o *orderer) fresh(epoch uint64) stream.Incarnation {
	o.lives++
	var i stream.Incarnation
	binary.BigEndian.PutUint64(i[:8], epoch)
	binary.BigEndian.PutUint64(i[8:], o.lives)
	return i
}

func (o *orderer) view(place int) *view { return o.views[o.of[place]] }

// tell has everybody look at the stream.
func (o *orderer) tell() {
	for _, m := range o.world.up() {
		m.poll(o.world.upTo(15 * time.Millisecond))
	}
}

// append adds a bundle to the view of who appends it, and mostly to the others.
func (o *orderer) append(place int, bundle []byte) stream.Position {
	w, v := o.world, o.view(place)
	if len(o.seen) < 1000 {
		o.seen = append(o.seen, bundle)
	}
	if o.omitted > 0 {
		o.omitted--
		w.fire("orderer omits")
		at := v.head()
		at.Sequence++
		return at
	}
	v.bundles = append(v.bundles, bundle)
	at := v.head()
	for _, other := range o.views {
		if other != v && !o.apart && w.chance(70) {
			other.bundles = append(other.bundles, bundle)
		}
	}
	o.tell()
	return at
}

// renew ends an incarnation, and whatever there is of an earlier epoch, in the view of who asks. A liar may give two
// views new ones of the same name.
func (o *orderer) renew(place int, old stream.Incarnation) stream.Position {
	if v := o.view(place); v.incarnation == old || v.incarnation.Epoch() < old.Epoch() {
		next, followed := o.after[old]
		if !followed || len(o.views) == 1 || o.world.chance(50) {
			next = o.fresh(old.Epoch() + 1)
		}
		o.after[old] = next
		v.incarnation, v.bundles = next, nil
		o.world.note("node %d renews the stream: epoch %d", place, next.Epoch())
		o.world.fire("stream renewed")
		o.tell()
	}
	return o.view(place).head()
}

// lie does something that an orderer must not do.
func (o *orderer) lie() {
	w := o.world
	v := pick(w, o.views)
	what := pick(w, orderersLies)
	switch what {
	case "orderer forks":
		if len(o.views) > 2 {
			return
		}
		o.views = append(o.views, v.clone())
		for place := range o.of {
			if w.chance(50) {
				o.of[place] = len(o.views) - 1
			}
		}
	case "orderer joins a fork":
		if len(o.views) == 1 {
			return
		}
		o.join()
	case "orderer reorders":
		if n := len(v.bundles); n > 1 {
			i := n - 1 - w.rng.IntN(min(n-1, 4))
			v.bundles[i-1], v.bundles[i] = v.bundles[i], v.bundles[i-1]
		}
	case "orderer truncates":
		v.bundles = v.bundles[:len(v.bundles)-min(len(v.bundles), 1+w.rng.IntN(5))]
	case "orderer replays":
		for range 1 + w.rng.IntN(3) {
			if len(o.seen) > 0 {
				v.bundles = append(v.bundles, pick(w, o.seen))
			}
		}
	case "orderer restarts empty":
		v.incarnation, v.bundles = o.fresh(1), nil
	case "orderer restores an old copy":
		if len(o.copies) == 0 {
			return
		}
		*v = *pick(w, o.copies).clone()
	case "orderer will omit":
		o.omitted += 1 + w.rng.IntN(3)
	}
	w.fire(what)
	w.note("%s", what)
	o.tell()
}

var orderersLies = []string{
	"orderer forks", "orderer joins a fork", "orderer reorders", "orderer truncates", "orderer replays",
	"orderer restarts empty", "orderer restores an old copy", "orderer will omit",
}

// split shows two views, apart from now on, each to every other honest node.
func (o *orderer) split() {
	o.views, o.apart = append(o.views, o.views[0].clone()), true
	for i, m := range o.world.honest() {
		o.of[m.place] = i % 2
	}
}

// join shows one view to all.
func (o *orderer) join() {
	o.views = []*view{pick(o.world, o.views)}
	clear(o.of)
	o.tell()
}

// copy keeps what a view is now, to be restored later.
func (o *orderer) copy() { o.copies = append(o.copies, pick(o.world, o.views).clone()) }

// poll has the machine look at the stream after a while.
func (m *machine) poll(d time.Duration) {
	if m.polling || m.core == nil {
		return
	}
	m.polling = true
	m.soon(d, func() {
		m.polling = false
		m.look()
	})
}

// retryWait is the pause of the runner when the stream does not answer.
const retryWait = 200 * time.Millisecond

// look reads on from the stream as the runner does: a stream that is shorter than what was read, or is known to have
// forgotten, is started anew; another incarnation is met from its beginning.
func (m *machine) look() {
	w, o := m.world, m.world.orderer
	if !w.links.reaches(m.place) {
		m.poll(retryWait)
		return
	}
	head := o.view(m.place).head()
	same := head.Incarnation == m.at.Incarnation
	old := head.Incarnation
	if m.at.Incarnation.Epoch() > old.Epoch() {
		old = m.at.Incarnation
	}
	switch unwanted := m.renewal != nil && *m.renewal == head.Incarnation; {
	case unwanted, same && (head.Sequence < m.at.Sequence || m.lost), !same && head.Incarnation.Epoch() <= m.at.Incarnation.Epoch():
		head = o.renew(m.place, old)
	case same:
		m.read()
		return
	}
	m.lost, m.renewal = false, nil
	m.at = stream.Position{Incarnation: head.Incarnation}
	m.step(node.Renewed{Position: m.at, Empty: head.Sequence == 0})
	m.poll(w.upTo(5 * time.Millisecond))
}

// read gives the next bundles to the core.
func (m *machine) read() {
	v := m.world.orderer.view(m.place)
	var batch []stream.Delivery
	for most := 1 + m.world.rng.IntN(4); len(batch) < most && m.at.Sequence < uint64(len(v.bundles)); {
		m.at.Sequence++
		batch = append(batch, stream.Delivery{Position: m.at, Bundle: v.bundles[m.at.Sequence-1]})
	}
	if len(batch) == 0 {
		return
	}
	m.step(node.Delivered{Deliveries: batch})
	m.poll(m.world.upTo(5 * time.Millisecond))
}

// send brings bundles to the stream, in order, until each has a place.
func (m *machine) send() {
	if m.sending || len(m.outbound) == 0 {
		return
	}
	m.sending = true
	w := m.world
	m.soon(w.upTo(8*time.Millisecond), func() {
		m.sending = false
		if !w.links.reaches(m.place) {
			m.sending = true
			m.soon(retryWait, func() {
				m.sending = false
				m.send()
			})
			return
		}
		bundle := m.outbound[0]
		at := w.orderer.append(m.place, bundle)
		if w.faulty && w.chance(2) {
			w.fire("acknowledgement lost") // and the bundle is appended again
		} else {
			m.outbound = m.outbound[1:]
			m.soon(w.upTo(5*time.Millisecond), func() { m.step(node.Published{Position: at, Bundle: bundle}) })
		}
		m.send()
	})
}
