package api

import (
	"context"
	"errors"
	"strconv"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// NodeLedger answers for what a node of this process holds: it is a Ledger, Claims and Events.
type NodeLedger struct {
	node *node.Node
}

// OfNode makes a ledger of a running node.
func OfNode(n *node.Node) NodeLedger { return NodeLedger{node: n} }

// WithNode gives a configuration that serves all that a node of this process can answer.
func (c Config) WithNode(n *node.Node) Config {
	l := OfNode(n)
	c.Ledger = l
	if c.Claims == nil {
		c.Claims = l
	}
	c.Events = append(c.Events[:len(c.Events):len(c.Events)], l)
	c.Checks = append(c.Checks[:len(c.Checks):len(c.Checks)], Check{Name: "ledger", Well: l.Well})
	return c
}

// Well tells whether the node runs.
func (l NodeLedger) Well(context.Context) error {
	select {
	case <-l.node.Done():
		return errors.Join(node.ErrStopped, l.node.Err())
	default:
		return nil
	}
}

func (l NodeLedger) money(a money.Amount) money.Money {
	return money.Of(a, l.node.Network().Genesis.Currency)
}

func (l NodeLedger) perParty(p [2]money.Amount) client.PerParty {
	return client.PerParty{Opener: l.money(p[channel.Opener]), Partner: l.money(p[channel.Partner])}
}

// Network implements Network.
func (l NodeLedger) Network(context.Context) (client.Network, error) {
	status, genesis := l.node.Status(), l.node.Network().Genesis
	final := l.checkpoint(l.node.LatestFinal().Checkpoint, true)
	n := client.Network{
		Network: status.Network, Name: status.Name, Currency: genesis.Currency, Genesis: l.node.Genesis().Encode(),
		Height: status.Head.Height, Final: &final, Trust: status.Trust, Tips: idsOf(l.node.Tips()), Limits: l.limits(),
		Justified: status.Justified, Certifies: status.Witness,
		Stream: &client.Stream{Epoch: status.Stream.Epoch(), Incarnation: status.Stream.String()},
	}
	for _, e := range status.Evidence {
		n.Accused = append(n.Accused, genesis.Witnesses[e.Witness()].DID)
	}
	for _, w := range genesis.Witnesses {
		n.Witnesses = append(n.Witnesses, client.Witness{DID: w.DID, Key: w.Key, Weight: uint64(w.Weight)})
	}
	for _, i := range genesis.Issuers {
		n.Issuers = append(n.Issuers, i.DID)
	}
	return n, nil
}

func (l NodeLedger) limits() client.Limits {
	limits := l.node.Network().Genesis.Limits
	return client.Limits{
		CreditIntervalMillis: uint64(limits.CreditInterval.Milliseconds()), CreditCapMillis: uint64(limits.CreditCap.Milliseconds()),
		RegistrationCredit: limits.RegistrationCredit, AccountLock: l.money(limits.AccountLock), ChannelLock: l.money(limits.ChannelLock),
	}
}

func idsOf(vertices []settle.VertexID) []client.ID {
	ids := make([]client.ID, len(vertices))
	for i, id := range vertices {
		ids[i] = client.ID(id)
	}
	return ids
}

// Account implements Ledger.
func (l NodeLedger) Account(ctx context.Context, did wallet.DID) (client.Account, error) {
	slot, height, err := l.node.Account(ctx, did)
	status := accountStatus(slot)
	if errors.Is(err, node.ErrNotFound) {
		status, err = client.AccountAbsent, nil
	}
	if err != nil {
		return client.Account{}, err
	}
	certified, err := l.certified(settle.AccountKey(did))
	credit := slot.Credit.At(l.node.Status().Head.Time, slot.Wealth(), l.node.Network().Genesis.Limits)
	return client.Account{DID: did, Key: slot.Key, Status: status, Balance: l.money(slot.Balance), Locked: l.money(slot.Locked),
		Credit: credit.Units, Sequence: slot.Sequence, Height: height, Certified: certified}, err
}

func accountStatus(a settle.Account) string {
	switch {
	case a.Status == settle.AccountDeactivated:
		return client.AccountDeactivated
	case a.Closed():
		return client.AccountClosed
	}
	return client.AccountActive
}

// certified gives the proof of a slot, or nothing while nothing about it is final.
func (l NodeLedger) certified(key settle.SlotKey) ([]byte, error) {
	slot, err := l.node.ProveSlot(key)
	switch {
	case errors.Is(err, node.ErrNotFinal), errors.Is(err, node.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return slot.Encode(), nil
}

// Channel implements Ledger.
func (l NodeLedger) Channel(ctx context.Context, id client.ID) (client.Channel, error) {
	slot, height, err := l.node.Channel(ctx, channel.ID(id))
	if err != nil {
		return client.Channel{}, err
	}
	c, err := l.channel(slot, height)
	if err != nil {
		return client.Channel{}, err
	}
	c.Certified, err = l.certified(settle.ChannelKey(channel.ID(id)))
	return c, err
}

func (l NodeLedger) channel(slot settle.Channel, height uint64) (client.Channel, error) {
	locked, err := slot.Locked()
	if err != nil {
		return client.Channel{}, err
	}
	o := slot.Opening
	c := client.Channel{
		ID: client.ID(o.ID()), State: slot.State.String(), Opener: o.Opener, Partner: o.Partner, Payout: o.Payout,
		OpenerKey: o.OpenerKey, PartnerKey: o.PartnerKey, WindowSeconds: int64(o.Terms.Window.Seconds()), Expiry: slot.Expiry,
		Deposited: l.perParty(slot.Funds.Deposited), Withdrawn: l.perParty(slot.Funds.Withdrawn), Claimed: l.perParty(slot.Maxima()),
		PaidOut: l.perParty(slot.Payout), Locked: l.money(locked), Opening: o.Encode(), Height: height,
	}
	if slot.State == channel.Closing {
		since := slot.ClosingSince.Time()
		c.ClosingSince = &since
	}
	return c, nil
}

// Channels implements Ledger.
func (l NodeLedger) Channels(ctx context.Context, q client.ChannelQuery) (client.Page[client.Channel], error) {
	if !q.Since.IsZero() || !q.Until.IsZero() {
		return l.channelsOpened(ctx, q)
	}
	var page client.Page[client.Channel]
	before, err := number(q.Cursor)
	if err != nil {
		return page, err
	}
	height := l.node.Status().Head.Height
	items, err := l.node.Channels(ctx, store.ChannelQuery{
		Page: store.Page{Before: before, Limit: limit(q.PageQuery) + 1}, Party: q.Party, State: channelState(q.State),
	})
	if err != nil {
		return page, err
	}
	if len(items) > limit(q.PageQuery) {
		items = items[:limit(q.PageQuery)]
		page.Next = strconv.FormatUint(items[len(items)-1].Cursor, 10)
	}
	for _, item := range items {
		c, err := l.channel(item.Channel, height)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, c)
	}
	return page, nil
}

// channelsOpened lists channels by when they were opened, along the vertices that did.
func (l NodeLedger) channelsOpened(ctx context.Context, q client.ChannelQuery) (client.Page[client.Channel], error) {
	height := l.node.Status().Head.Height
	ask := store.VertexQuery{Kind: settle.KindOpen, Only: store.AcceptedOnly}
	return journal(ctx, l.node, ask, q.PageQuery, q.Span, func(e store.Entry) ([]client.Channel, error) {
		if e.Verdict != settle.Applied || len(e.Channels) != 1 {
			return nil, nil // it repeated what another had done
		}
		slot, _, err := l.node.Channel(ctx, e.Channels[0].Channel)
		if errors.Is(err, node.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		_, party := slot.Opening.PartyOf(q.Party)
		if !party && !q.Party.IsZero() || q.State != "" && q.State != slot.State.String() {
			return nil, nil
		}
		c, err := l.channel(slot, height)
		return []client.Channel{c}, err
	})
}

func channelState(name string) channel.State {
	for _, state := range []channel.State{channel.Open, channel.Closing, channel.Closed} {
		if state.String() == name {
			return state
		}
	}
	return 0
}

// Claims implements Claims with what the ledger knows.
func (l NodeLedger) Claims(ctx context.Context, id client.ID) (client.Page[client.Claim], error) {
	var page client.Page[client.Claim]
	slot, _, err := l.node.Channel(ctx, channel.ID(id))
	if err != nil {
		return page, err
	}
	claims, err := l.node.Claims(ctx, channel.ID(id))
	if err != nil {
		return page, err
	}
	for _, best := range claims {
		if best != nil {
			page.Items = append(page.Items, client.ClaimOf(*best, slot.Opening))
		}
	}
	return page, nil
}

// limit gives the size of a page.
func limit(q client.PageQuery) int {
	if q.Limit <= 0 || q.Limit > client.PageSizeMax {
		return client.PageSizeDefault
	}
	return q.Limit
}

// number reads a cursor that is a number; the empty one is zero.
func number(cursor string) (uint64, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(cursor, 10, 64)
	if err != nil || n == 0 {
		return 0, badRequest("cursor", errCursor)
	}
	return n, nil
}
