package world

import (
	"context"
	"maps"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/dag"
	settlestore "joulepay/settle/store"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// summary gathers what the stores and the ledger hold at the end.
func (w *World) summary() (*report.Summary, error) {
	s := &report.Summary{
		Scenario: w.scenario.Name, Engine: scenario.EngineFull, About: w.scenario.About, Seed: w.options.Seed,
		Start: w.scenario.Start, End: w.clock.Now(), Events: w.clock.Ran(),
		Invariants: w.oracle.checks, Faults: maps.Clone(w.fired), Sessions: []report.Session{}, Channels: []report.Channel{},
	}
	w.network.counts(s.Faults)
	for _, fill := range []func(*report.Summary) error{w.addLedger, w.addSessions, w.addChannels, w.addAccounts, w.addFigures} {
		if err := fill(s); err != nil {
			return nil, err
		}
	}
	w.addTotals(s)
	for _, p := range w.parties() {
		if p.cheat != nil {
			s.Attackers = append(s.Attackers, w.oracle.attacker(p))
		}
	}
	s.Incidents = w.incidents
	return s, w.failure
}

func (w *World) money(a money.Amount) money.Money { return money.Of(a, w.scenario.Ledger.Currency) }

func (w *World) addLedger(s *report.Summary) error {
	head := w.ledger.core.State().Head()
	s.Ledger = report.Ledger{
		Network: w.ledger.trusted.ID.String(), Height: head.Height, Log: head.Log.String(), Vertices: map[string]int{settle.KindGenesis.String(): 1},
		Checkpoints: w.ledger.core.Finality().Final().Checkpoint.Number,
	}
	return w.ledger.disk.Entries(context.Background(), 0, func(e settlestore.Entry) error {
		switch {
		case e.Kind != dag.EntryVertex:
		case e.Verdict.Accepted():
			s.Ledger.Vertices[e.PayloadKind.String()]++
		default:
			s.Ledger.Refused++
		}
		return nil
	})
}

// addSessions lists every session that a station took up, and those that no station knows, in the order of their begin.
func (w *World) addSessions(s *report.Summary) error {
	stops := map[channel.SessionID]*stop{}
	for _, x := range w.stops {
		for _, id := range x.sessions {
			stops[id] = x
		}
	}
	for _, v := range w.vehicles {
		records, err := v.disk.Sessions(context.Background(), channel.SessionID{}, sessionsMax)
		if err != nil {
			return err
		}
		slices.Reverse(records)
		used := map[channel.ID]bool{}
		for _, r := range records {
			x, err := w.sessionRow(v, r)
			if err != nil {
				return err
			}
			if at := stops[r.ID]; at != nil {
				at.fill(&x)
			}
			x.Reused = used[r.Channel]
			used[r.Channel] = r.Channel != channel.ID{}
			s.Sessions = append(s.Sessions, x)
		}
	}
	slices.SortStableFunc(s.Sessions, func(a, b report.Session) int { return a.Began.Compare(b.Began) })
	return nil
}

func (w *World) sessionRow(v *vehicle, r session.SessionRecord) (report.Session, error) {
	st := v.stationOf(r)
	x := report.Session{
		ID: r.ID.String(), Vehicle: v.name, Station: st.name, Began: w.oracle.began[r.ID], Reason: string(r.Reason), Failure: r.Failure,
		EnergyWh: report.Energy(r.Quantity), Cost: w.money(r.Cost), Paid: w.money(r.Paid), Claims: r.Claims, VehicleEnd: r.Phase.String(),
		Vertices: w.finalOps(&v.party, r),
	}
	if r.Channel != (channel.ID{}) {
		x.Channel = r.Channel.String()
	}
	theirs, err := st.disk.Session(context.Background(), r.ID)
	if err != nil {
		x.StationEnd = "unknown"
		return x, nil // it never heard of the session
	}
	// What was paid is what the station holds: a claim that never arrived paid nothing.
	x.EnergyWh, x.Cost, x.Paid, x.Claims = report.Energy(theirs.Quantity), w.money(theirs.Cost), w.money(theirs.Paid), theirs.Claims
	x.StationEnd = theirs.Phase.String()
	x.Vertices += w.finalOps(&st.party, theirs)
	if x.Reason == "" {
		x.Reason = string(theirs.Reason)
	}
	if theirs.StartedMs != 0 {
		started, ended := time.UnixMilli(theirs.StartedMs).UTC(), time.UnixMilli(theirs.EndedMs).UTC()
		x.Started, x.Ended = &started, &ended
	}
	if st.spec.Service != scenario.ServiceCharging {
		x.Service, x.Quantity, x.EnergyWh = st.spec.Service, theirs.Quantity, 0
	}
	x.Returned = report.Energy(theirs.Returned)
	if theirs.Cost < 0 {
		x.Earned = w.money(-theirs.Cost)
	}
	if at, ok := w.oracle.settled[r.ID]; ok {
		x.Settled = &at
	}
	return x, nil
}

// finalOps counts the ledger operations of a session that took effect.
func (w *World) finalOps(p *party, r session.SessionRecord) int {
	n := 0
	for _, id := range r.Vertices {
		if op, err := p.disk.Op(context.Background(), id); err == nil && op.State == session.OpFinal {
			n++
		}
	}
	return n
}

func (w *World) addChannels(s *report.Summary) error {
	for _, id := range w.oracle.channels {
		c, ok := w.oracle.books.channels[id]
		if !ok {
			continue // its opening was refused
		}
		row := report.Channel{
			ID: id.String(), Vehicle: w.oracle.party(c.Opening.Opener).name, Station: w.oracle.party(c.Opening.Partner).name,
			State: c.State.String(), Deposited: w.money(c.Funds.Deposited[channel.Opener]),
			Withdrawn: w.money(c.Funds.Withdrawn[channel.Partner]), Payout: w.money(c.Payout[channel.Partner]),
			Settled: w.money(c.Lanes[0].Maximum), Claimed: w.money(0),
		}
		if station := w.oracle.side(id, c.Opening, channel.Partner); station != nil {
			row.Claimed = w.money(station.Side.In.Owed())
		}
		for _, x := range s.Sessions {
			if x.Channel == row.ID {
				row.Sessions++
			}
		}
		s.Channels = append(s.Channels, row)
	}
	return nil
}

func (w *World) addAccounts(s *report.Summary) error {
	for _, p := range w.parties() {
		locked, err := w.share(p)
		if err != nil {
			return err
		}
		s.Accounts = append(s.Accounts, report.Account{
			Name: p.name, DID: p.did.String(), Balance: w.money(w.ledger.account(p.did).Balance), Locked: w.money(locked),
		})
	}
	return nil
}

// share gives what a party would get if its open channels ended at the claims that stations hold.
func (w *World) share(p *party) (money.Amount, error) {
	var sum money.Amount
	for _, id := range w.oracle.channels {
		c, ok := w.oracle.books.channels[id]
		if !ok || c.State == channel.Closed {
			continue
		}
		me, mine := c.Opening.PartyOf(p.did)
		if !mine {
			continue
		}
		lanes := c.Maxima()
		if r := w.oracle.side(id, c.Opening, channel.Partner); r != nil {
			lanes[0], lanes[1] = max(lanes[0], r.Side.In.Owed()), max(lanes[1], r.Side.Out.Owed())
		}
		shares, err := channel.Payout(c.Funds, lanes)
		if err != nil {
			return 0, err
		}
		sum += shares[me]
	}
	return sum, nil
}

func (w *World) addTotals(s *report.Summary) {
	t := &s.Totals
	var cost, paid money.Amount
	t.Sessions, t.Channels = len(s.Sessions), len(s.Channels)
	for _, x := range s.Sessions {
		if x.Started == nil {
			t.Failed++
		}
		t.EnergyWh += x.EnergyWh
		t.Claims += x.Claims
		t.Vertices += x.Vertices
		cost, paid = cost+x.Cost.Amount, paid+x.Paid.Amount
	}
	t.Cost, t.Paid, t.Readings = w.money(cost), w.money(paid), w.oracle.read
	for _, st := range w.stations {
		if st.cable != nil {
			delivered, _ := st.goods.registers(w.clock.Now())
			t.Delivered += report.Energy(delivered)
		}
	}
	issued, balances, locked := w.ledger.issued, w.oracle.books.balances, w.oracle.books.locked
	s.Money = report.Conservation{
		Issued: w.money(issued), Balances: w.money(balances), Locked: w.money(locked), Conserved: balances+locked == issued,
	}
}
