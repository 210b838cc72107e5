package scenario

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// Parse reads a file. The name is that of the scenario, and stands in errors, which are *Problem.
func Parse(name string, data []byte) (*Scenario, error) {
	r := &reader{file: name}
	whole := &yaml.Node{}
	if len(data) > SizeMax {
		r.fail(whole, "", "%d bytes, at most %d", len(data), SizeMax)
		return nil, r.err()
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(whole); err != nil {
		r.fail(&yaml.Node{}, "check the file at the line that it names", "not YAML: %v", err)
		return nil, r.err()
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.fail(whole, "keep one document in the file", "more than one YAML document")
		return nil, r.err()
	}
	s := defaults(name)
	s.read(r, whole.Content[0])
	if r.failed() {
		return nil, r.err()
	}
	return s, s.Check()
}

// defaults is a scenario that says nothing.
func defaults(name string) *Scenario {
	return &Scenario{
		Name: name, Seed: 1, Start: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Duration: time.Hour, Step: time.Second,
		Ledger:  Ledger{Currency: money.Currency{'E', 'U', 'R'}, Window: 10 * time.Minute, Heartbeat: 5 * time.Second},
		Network: Network{Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond},
		Chaos:   Chaos{Longest: time.Minute},
	}
}

func (s *Scenario) read(r *reader, n *yaml.Node) {
	var tariffs *yaml.Node
	r.object(n, "the scenario",
		field{"about", r.text(&s.About)},
		field{"seed", r.seed(&s.Seed)},
		field{"start", r.instant(&s.Start)},
		field{"duration", r.duration(&s.Duration, time.Second, DurationMax)},
		field{"step", r.duration(&s.Step, 100*time.Millisecond, time.Minute)},
		field{"ledger", func(n *yaml.Node) { s.readLedger(r, n) }},
		field{"tariffs", func(n *yaml.Node) { tariffs = n }},
		field{"stations", func(n *yaml.Node) { s.readStations(r, n) }},
		field{"vehicles", func(n *yaml.Node) { s.readVehicles(r, n) }},
		field{"network", func(n *yaml.Node) { s.readNetwork(r, n) }},
		field{"faults", func(n *yaml.Node) { s.readFaults(r, n) }},
		field{"chaos", func(n *yaml.Node) { s.readChaos(r, n) }},
	)
	if tariffs != nil && !r.failed() {
		s.readTariffs(r, tariffs) // after the ledger, whose currency they share
	}
}

func (s *Scenario) readLedger(r *reader, n *yaml.Node) {
	r.object(n, "ledger",
		field{"currency", func(n *yaml.Node) {
			text, _ := r.scalar(n)
			currency, err := money.ParseCurrency(text)
			if err != nil {
				r.fail(n, "write it as EUR", "%q: %v", clip(text), err)
			}
			s.Ledger.Currency = currency
		}},
		field{"window", r.duration(&s.Ledger.Window, 2*time.Second, 30*24*time.Hour)},
		field{"heartbeat", r.duration(&s.Ledger.Heartbeat, 10*time.Millisecond, 10*time.Second)},
	)
}

func (s *Scenario) readTariffs(r *reader, n *yaml.Node) {
	for _, e := range r.mapping(n, "tariffs") {
		var t *pricing.Tariff
		if !r.failed() {
			t = r.tariff(e.key.Value, e.value, s.Ledger.Currency.String())
		}
		s.Tariffs = append(s.Tariffs, Tariff{e.key.Value, t})
	}
}

func (s *Scenario) readStations(r *reader, n *yaml.Node) {
	for _, e := range r.mapping(n, "stations") {
		st := Station{
			Name: e.key.Value, PowerMilliwatts: 22_000_000, TimeZone: "UTC", ClaimEvery: 30 * time.Second, GoneAfter: time.Minute,
		}
		r.object(e.value, "station "+clip(st.Name),
			field{"power", r.power(&st.PowerMilliwatts, sim.PowerMilliwattsMax)},
			field{"tariff", r.text(&st.Tariff)},
			field{"time_zone", r.text(&st.TimeZone)},
			field{"claim_every", r.duration(&st.ClaimEvery, 2*time.Second, time.Hour)},
			field{"settle_at", r.money(&st.SettleAt)},
			field{"settle_every", r.duration(&st.SettleEvery, time.Second, DurationMax)},
			field{"gone_after", r.duration(&st.GoneAfter, 5*time.Second, 24*time.Hour)},
			field{"inflate", r.share(&st.InflatePPM, 1e6)},
		)
		s.Stations = append(s.Stations, st)
	}
}

func (s *Scenario) readVehicles(r *reader, n *yaml.Node) {
	for _, e := range r.mapping(n, "vehicles") {
		v := Vehicle{
			Name: e.key.Value, Battery: sim.DefaultBattery(),
			Funds: 100 * money.Nano, Deposit: 20 * money.Nano, TopUp: 10 * money.Nano, Lifetime: 30 * 24 * time.Hour,
		}
		r.object(e.value, "vehicle "+clip(v.Name),
			field{"battery", func(n *yaml.Node) { readBattery(r, n, &v.Battery) }},
			field{"funds", r.money(&v.Funds)},
			field{"deposit", r.money(&v.Deposit)},
			field{"top_up", r.money(&v.TopUp)},
			field{"meter_error", r.signedPPM(&v.GainPPM)},
			field{"lifetime", r.duration(&v.Lifetime, time.Minute, 10*DurationMax)},
			field{"closes", r.flag(&v.Closes)},
			field{"visits", func(n *yaml.Node) { v.readVisits(r, n) }},
		)
		s.Vehicles = append(s.Vehicles, v)
	}
}

func readBattery(r *reader, n *yaml.Node, b *sim.Battery) {
	r.object(n, "battery",
		field{"capacity", r.energy(&b.CapacityMilliwattHours, sim.EnergyMilliwattHoursMax)},
		field{"power", r.power(&b.MaxPowerMilliwatts, sim.PowerMilliwattsMax)},
		field{"knee", r.permille(&b.KneePermille)},
		field{"floor", r.power(&b.FloorMilliwatts, sim.PowerMilliwattsMax)},
	)
	b.FloorMilliwatts = min(b.FloorMilliwatts, b.MaxPowerMilliwatts)
}

func (v *Vehicle) readVisits(r *reader, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "write visits as a list: `- {at: 10m, station: north, from: 20%, to: 80%}`", "visits of %q are not a list", clip(v.Name))
		return
	}
	for _, item := range n.Content {
		visit := Visit{FromPermille: 200, ToPermille: 800}
		r.object(item, "a visit of "+clip(v.Name),
			field{"at", r.duration(&visit.At, 0, DurationMax)},
			field{"station", r.text(&visit.Station)},
			field{"from", r.permille(&visit.FromPermille)},
			field{"to", r.permille(&visit.ToPermille)},
			field{"energy", r.energy(&visit.EnergyMilliwattHours, sim.EnergyMilliwattHoursMax)},
			field{"stay", r.duration(&visit.Stay, time.Minute, DurationMax)},
			field{"cost_max", r.money(&visit.CostMax)},
		)
		v.Visits = append(v.Visits, visit)
	}
}

func (s *Scenario) readNetwork(r *reader, n *yaml.Node) {
	net := &s.Network
	r.object(n, "network",
		field{"latency", r.duration(&net.Latency, 0, 10*time.Second)},
		field{"jitter", r.duration(&net.Jitter, 0, 10*time.Second)},
		field{"loss", r.probability(&net.Faults.Loss)},
		field{"duplicate", r.probability(&net.Faults.Duplicate)},
		field{"reorder", r.probability(&net.Faults.Reorder)},
		field{"ledger_loss", r.probability(&net.LedgerLoss)},
	)
}

// pointNames are the instants of a crash, as files write them.
var pointNames = map[string]Point{
	"idle": PointIdle, "before-commit": PointBeforeCommit, "after-commit": PointAfterCommit, "while-sending": PointSending,
}

func (s *Scenario) readFaults(r *reader, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "write faults as a list: `- {at: 10m, crash: north, for: 30s}`", "faults are not a list")
		return
	}
	for _, item := range n.Content {
		f := Fault{For: 30 * time.Second, Dies: PointIdle}
		named := func(kind FaultKind) func(*yaml.Node) {
			return func(n *yaml.Node) {
				if f.Kind != 0 {
					r.fail(n, "write one fault an item", "a fault that is two")
				}
				f.Kind = kind
				r.text(&f.Who)(n)
			}
		}
		r.object(item, "a fault",
			field{"at", r.duration(&f.At, 0, DurationMax)},
			field{"for", r.duration(&f.For, time.Second, 24*time.Hour)},
			field{"crash", named(FaultCrash)},
			field{"cut", named(FaultCut)},
			field{"point", func(n *yaml.Node) {
				text, _ := r.scalar(n)
				f.Dies = pointNames[text]
				if f.Dies == 0 {
					r.fail(n, suggest(text, []string{"idle", "before-commit", "after-commit", "while-sending"}), "unknown point %q", clip(text))
				}
			}},
		)
		if f.Kind == 0 {
			r.fail(item, "write `crash: NAME` or `cut: NAME`", "a fault of nothing")
		}
		s.Faults = append(s.Faults, f)
	}
}

func (s *Scenario) readChaos(r *reader, n *yaml.Node) {
	r.object(n, "chaos",
		field{"crashes", r.count(&s.Chaos.Crashes, FaultsMax)},
		field{"cuts", r.count(&s.Chaos.Cuts, FaultsMax)},
		field{"longest", r.duration(&s.Chaos.Longest, time.Second, 24*time.Hour)},
	)
}

// stationNames gives the names that visits may use.
func (s *Scenario) stationNames() []string {
	names := make([]string, len(s.Stations))
	for i, st := range s.Stations {
		names[i] = st.Name
	}
	return names
}

// names gives all processes, the ledger node first.
func (s *Scenario) names() []string {
	names := append([]string{LedgerName}, s.stationNames()...)
	for _, v := range s.Vehicles {
		names = append(names, v.Name)
	}
	return slices.Clip(names)
}
