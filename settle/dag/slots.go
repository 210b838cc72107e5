package dag

import (
	"fmt"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// slotTable holds the content of all slots, in the order in which they were made.
type slotTable struct {
	index   map[settle.SlotKey]uint32
	keys    []settle.SlotKey
	content [][]byte // never changed in place, so that history may keep the old ones
}

func newSlotTable(size int) slotTable {
	return slotTable{
		index: make(map[settle.SlotKey]uint32, size), keys: make([]settle.SlotKey, 0, size), content: make([][]byte, 0, size),
	}
}

func (t *slotTable) get(key settle.SlotKey) ([]byte, bool) {
	if i, ok := t.index[key]; ok {
		return t.content[i], true
	}
	return nil, false
}

// put stores the content and gives the slot's index and what it held before.
func (t *slotTable) put(key settle.SlotKey, content []byte) (index uint32, before []byte) {
	i, ok := t.index[key]
	if !ok {
		i = uint32(len(t.keys))
		t.index[key] = i
		t.keys = append(t.keys, key)
		t.content = append(t.content, content)
		return i, nil
	}
	before, t.content[i] = t.content[i], content
	return i, before
}

func (s *State) createSlot(key settle.SlotKey, content []byte) {
	i, _ := s.slots.put(key, content)
	s.history.open.before[i] = nil
	s.unsaved[i] = struct{}{}
}

// stage collects what one entry changes: all of it is kept, or nothing.
type stage struct {
	state   *State
	changed map[settle.SlotKey][]byte
	order   []settle.SlotKey
	effects []ChannelEffect // filled by commit

	work    uint64                        // that the payer pays for, in credit
	payer   wallet.DID                    // the issuer, or a party that signed with it
	covered map[channel.ID]settle.Prepaid // what pays for the work on a channel

	err error // corruption; ends the node
}

func (s *State) newStage() *stage { return &stage{state: s, changed: make(map[settle.SlotKey][]byte)} }

func (g *stage) get(key settle.SlotKey) ([]byte, bool) {
	if raw, ok := g.changed[key]; ok {
		return raw, true
	}
	return g.state.slots.get(key)
}

func (g *stage) put(key settle.SlotKey, content []byte) {
	if _, ok := g.changed[key]; !ok {
		g.order = append(g.order, key)
	}
	g.changed[key] = content
}

// load decodes a slot; a slot that does not decode is recorded as corruption and reads as missing.
func load[T any](g *stage, key settle.SlotKey, decode func([]byte) (T, error)) (T, bool) {
	var zero T
	raw, ok := g.get(key)
	if !ok {
		return zero, false
	}
	value, err := decode(raw)
	if err != nil {
		g.err = corrupt(key, err)
		return zero, false
	}
	return value, true
}

// commit applies the stage after checking I1 from the slots themselves, not from what the rules meant to do.
func (g *stage) commit() error {
	if g.err != nil {
		return g.err
	}
	var sum worth
	for _, key := range g.order {
		before, _ := g.state.slots.get(key)
		if err := sum.add(key, before, g.changed[key]); err != nil {
			return err
		}
	}
	if err := sum.check(); err != nil {
		return err
	}
	s := g.state
	s.head.Changed = s.head.Changed || len(g.order) > 0
	for _, key := range g.order {
		i, before := s.slots.put(key, g.changed[key])
		if s.history.open.record(i, before) && s.undoable {
			s.undo = append(s.undo, SlotUndo{s.last.Number, i, before})
		}
		s.unsaved[i] = struct{}{}
	}
	g.effects = sum.effects
	s.live += sum.live
	for _, e := range sum.expiring {
		s.expiries.push(e)
	}
	return nil
}

// worth sums what a stage changes.
type worth struct {
	balances money.Amount // of accounts
	locked   money.Amount // in channels
	owned    money.Amount // of what is locked, by accounts
	totals   settle.Totals
	live     int // channels
	expiring []expiry
	effects  []ChannelEffect
}

// add counts the difference between two contents of a slot; before is nil for a new one. The differences of one entry
// are far from the range of an Amount, because each amount is at most what was ever issued.
func (w *worth) add(key settle.SlotKey, before, after []byte) error {
	switch key.Kind {
	case settle.SlotAccount:
		return difference(key, before, after, settle.DecodeAccount, w.addAccount)
	case settle.SlotChannel:
		add := func(b, a settle.Channel) error { return w.addChannel(key.ID, b, a) }
		return difference(key, before, after, settle.DecodeChannel, add)
	case settle.SlotTotals:
		return difference(key, before, after, settle.DecodeTotals, w.addTotals)
	}
	return nil
}

func difference[T any](key settle.SlotKey, before, after []byte, decode func([]byte) (T, error), add func(b, a T) error) error {
	var b T
	if before != nil {
		var err error
		if b, err = decode(before); err != nil {
			return corrupt(key, err)
		}
	}
	a, err := decode(after)
	if err != nil {
		return corrupt(key, err)
	}
	return add(b, a)
}

func (w *worth) addAccount(before, after settle.Account) error {
	if after.Balance < 0 || after.Locked < 0 {
		return fmt.Errorf("%w: balance %s, locked %s", ErrConservation, after.Balance, after.Locked)
	}
	w.balances += after.Balance - before.Balance
	w.owned += after.Locked - before.Locked
	return nil
}

func (w *worth) addTotals(before, after settle.Totals) error {
	w.totals.Issued += after.Issued - before.Issued
	w.totals.Redeemed += after.Redeemed - before.Redeemed
	w.totals.Locked += after.Locked - before.Locked
	return nil
}

// addChannel takes the zero value for a channel that was not open before.
func (w *worth) addChannel(id channel.ID, before, after settle.Channel) error {
	was, err := before.Locked()
	if err != nil {
		return fmt.Errorf("%w: channel held %w", ErrConservation, err)
	}
	is, err := after.Locked()
	if err != nil || is < 0 {
		return fmt.Errorf("%w: channel holds %s", ErrConservation, is)
	}
	w.locked += is - was
	if before.State == 0 {
		w.live++
	}
	if after.State == channel.Closed {
		w.live--
	}
	if after.State == channel.Open && !after.Expiry.Equal(before.Expiry) {
		w.expiring = append(w.expiring, expiry{settle.LedgerTimeOf(after.Expiry), id})
	}
	w.effects = append(w.effects, effectOf(id, before, after))
	return nil
}

func (w *worth) check() error {
	if w.locked != w.totals.Locked || w.owned != w.locked || w.balances+w.locked != w.totals.Issued-w.totals.Redeemed {
		return fmt.Errorf("%w: balances %s, locked %s, of accounts %s, issued %s, redeemed %s", ErrConservation,
			w.balances, w.locked, w.owned, w.totals.Issued, w.totals.Redeemed)
	}
	return nil
}
