package scenario

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/pricing"
	"joulepay/simulations/control"
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
		Name: name, Engine: EngineFull, Seed: 1, Start: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Duration: time.Hour, Step: time.Second,
		Ledger:  Ledger{Currency: money.Currency{'E', 'U', 'R'}, Window: 10 * time.Minute, Heartbeat: 5 * time.Second},
		Network: Network{Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond},
		Chaos:   Chaos{Longest: time.Minute},
		Site:    Site{VoltageMillivolts: 230_000},
		Control: Control{Algorithm: control.Uncontrolled, Every: time.Minute, Horizon: 24 * time.Hour},
	}
}

func (s *Scenario) read(r *reader, n *yaml.Node) {
	var tariffs *yaml.Node
	r.object(n, "the scenario",
		field{"about", "what to look at", r.text(&s.About)},
		field{"engine", "full: wallets, sessions, channels and the ledger; control: grid and control alone", r.word(&s.Engine, "engine", EngineFull, EngineControl)},
		field{"seed", "number that everything random is drawn from", r.seed(&s.Seed)},
		field{"start", "when it begins", r.instant(&s.Start)},
		field{"duration", "for how long visits may begin", r.duration(&s.Duration, time.Second, DurationMax)},
		field{"step", "how often meters are read", r.duration(&s.Step, 100*time.Millisecond, time.Hour)},
		field{"site", "the electricity behind the stations", func(n *yaml.Node) { s.readSite(r, n) }},
		field{"control", "who charges when, and how fast", func(n *yaml.Node) { s.readControl(r, n) }},
		field{"prices", "of energy from the grid", func(n *yaml.Node) { s.readPrices(r, n) }},
		field{"carbon", "grams of CO₂ a kWh from the grid", func(n *yaml.Node) { s.readCarbon(r, n) }},
		field{"signals", "limits that somebody sets for a time", func(n *yaml.Node) { s.readSignals(r, n) }},
		field{"sources", "of signals, that must be heard all the time", func(n *yaml.Node) { s.readSources(r, n) }},
		field{"ledger", "the network that settles", func(n *yaml.Node) { s.readLedger(r, n) }},
		field{"tariffs", "OCPI tariffs, by the names that stations use", func(n *yaml.Node) {
			r.describes(Schema{Type: "object", Additional: &Schema{Type: "object", Description: "an OCPI 2.2.1 or 2.3.0 tariff; id and currency may be left out"}})
			tariffs = n
		}},
		field{"stations", "who sells", func(n *yaml.Node) { s.readStations(r, n) }},
		field{"vehicles", "who buys, by name", func(n *yaml.Node) { s.readVehicles(r, n) }},
		field{"fleets", "vehicles by the number: drawn by the seed, or from a data set", func(n *yaml.Node) { s.readFleets(r, n) }},
		field{"network", "how messages travel", func(n *yaml.Node) { s.readNetwork(r, n) }},
		field{"faults", "what breaks, and when", func(n *yaml.Node) { s.readFaults(r, n) }},
		field{"chaos", "faults that the seed draws", func(n *yaml.Node) { s.readChaos(r, n) }},
		field{"random", "a world that the seed draws", func(n *yaml.Node) { s.readRandom(r, n) }},
	)
	if tariffs != nil && !r.failed() {
		s.readTariffs(r, tariffs) // after the ledger, whose currency they share
	}
}

func (s *Scenario) readLedger(r *reader, n *yaml.Node) {
	r.object(n, "ledger",
		field{"currency", "ISO 4217 code", func(n *yaml.Node) {
			if r.describes(Schema{Type: "string", Pattern: "^[A-Z]{3}$"}) {
				return
			}
			text, _ := r.scalar(n)
			currency, err := money.ParseCurrency(text)
			if err != nil {
				r.fail(n, "write it as EUR", "%q: %v", clip(text), err)
			}
			s.Ledger.Currency = currency
		}},
		field{"window", "challenge window of channels", r.duration(&s.Ledger.Window, 2*time.Second, 30*24*time.Hour)},
		field{"heartbeat", "how often a checkpoint is made while a channel is open", r.duration(&s.Ledger.Heartbeat, 10*time.Millisecond, time.Hour)},
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

// stationNames gives the names that visits may use.
func (s *Scenario) stationNames() []string {
	names := make([]string, len(s.Stations))
	for i, st := range s.Stations {
		names[i] = st.Name
	}
	return names
}

// names gives all processes, the ledger node and the broker first.
func (s *Scenario) names() []string {
	names := append([]string{LedgerName, BrokerName}, s.stationNames()...)
	for _, v := range s.Vehicles {
		names = append(names, v.Name)
	}
	return slices.Clip(names)
}
