package scenario

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/meter/sim"
	"joulepay/wallet/money"
)

func (s *Scenario) readStations(r *reader, n *yaml.Node) {
	r.named(n, "stations", func(name string, n *yaml.Node) {
		count := 1
		st := Station{
			Name: name, Group: name, Service: ServiceCharging, Phase: "123",
			PowerMilliwatts: 22_000_000, TimeZone: "UTC", ClaimEvery: 30 * time.Second, GoneAfter: time.Minute,
		}
		r.object(n, "station "+clip(st.Name),
			field{"count", "makes so many, NAME-1 and so on", r.count(&count, PartiesMax)},
			field{"service", "what it sells", r.word(&st.Service, "service", ServiceCharging, ServiceParking, ServiceToll, ServiceData)},
			field{"power", "the most that it gives", r.power(&st.PowerMilliwatts, sim.PowerMilliwattsMax)},
			field{"return", "the most that it takes back", r.power(&st.ReturnMilliwatts, sim.PowerMilliwattsMax)},
			field{"give_back", "for a kWh that a vehicle gives back, tax included", r.money(&st.GiveBack)},
			field{"funds", "on its account at the start", r.money(&st.Funds)},
			field{"circuit", "of the site", r.text(&st.Circuit)},
			field{"phase", "of the circuit", r.word(&st.Phase, "phase", phases...)},
			field{"voltage", "between the ends of its load", r.measure(&st.VoltageMillivolts, 1_000_000, "400V", map[string]int64{"V": 1000})},
			field{"current", "the most that it gives, of each phase", r.current(&st.MaxMilliamps)},
			field{"tariff", "a name of tariffs", r.text(&st.Tariff)},
			field{"time_zone", "of the tariff's local times", r.text(&st.TimeZone)},
			field{"claim_every", "energy unpaid for longer is not delivered", r.duration(&st.ClaimEvery, 2*time.Second, time.Hour)},
			field{"settle_at", "ask for a withdrawal when so much is unsettled; 0 never", r.money(&st.SettleAt)},
			field{"settle_every", "or after this time", r.duration(&st.SettleEvery, time.Second, DurationMax)},
			field{"gone_after", "an unpaid vehicle that is silent for so long has left", r.duration(&st.GoneAfter, 5*time.Second, 24*time.Hour)},
			field{"inflate", "by how much its meter lies", r.share(&st.InflatePPM, 1e6)},
			field{"attack", "how it cheats", r.word(&st.Attack, "attack of a station", StationAttacks()...)},
		)
		if count == 1 {
			s.Stations = append(s.Stations, st)
			return
		}
		for i := range count {
			st.Name = fmt.Sprintf("%s-%d", name, i+1)
			s.Stations = append(s.Stations, st)
		}
	})
}

func (s *Scenario) readVehicles(r *reader, n *yaml.Node) {
	r.named(n, "vehicles", func(name string, n *yaml.Node) {
		v := ordinary(name)
		fields := append(v.fields(r), field{"visits", "in the order of their times", func(n *yaml.Node) { v.readVisits(r, n) }})
		r.object(n, "vehicle "+clip(name), fields...)
		s.Vehicles = append(s.Vehicles, v)
	})
}

// ordinary is a vehicle of which a file says nothing.
func ordinary(name string) Vehicle {
	return Vehicle{
		Name: name, Battery: sim.DefaultBattery(),
		Funds: 100 * money.Nano, Deposit: 20 * money.Nano, TopUp: 10 * money.Nano, Lifetime: 30 * 24 * time.Hour,
	}
}

// fields are what vehicles and fleets may say alike.
func (v *Vehicle) fields(r *reader) []field {
	return []field{
		{"battery", "how it takes power", func(n *yaml.Node) { readBattery(r, n, v) }},
		{"funds", "on its account at the start", r.money(&v.Funds)},
		{"deposit", "locked when a channel opens", r.money(&v.Deposit)},
		{"top_up", "added when the deposit runs short; 0 never", r.money(&v.TopUp)},
		{"meter_error", "of its own measurement", r.signedPPM(&v.GainPPM)},
		{"lifetime", "of a new channel", r.duration(&v.Lifetime, time.Minute, 10*DurationMax)},
		{"closes", "its channels, when all visits are over", r.flag(&v.Closes)},
		{"attack", "how it cheats", r.word(&v.Attack, "attack of a vehicle", VehicleAttacks()...)},
		{"priority", "larger is served first, by control that knows priorities", r.count(&v.Policy.Priority, priorityMax)},
		{"max_price", "of a kWh from the grid, above which control by price lets it wait", r.money(&v.Policy.PriceMax)},
		{"return", "the most that it gives back", r.power(&v.Policy.ReturnMilliwatts, sim.PowerMilliwattsMax)},
		{"undeclared", "it says nothing about its greatest power: control counts with the station's", r.flag(&v.Policy.Undeclared)},
		{"min_return_price", "of a kWh: for less it gives nothing back", r.money(&v.Policy.ReturnPriceMin)},
		{"soc_floor", "below which it gives nothing back", r.permille(&v.Policy.FloorPermille)},
	}
}

// priorityMax is enough for classes of service.
const priorityMax = 100

func readBattery(r *reader, n *yaml.Node, v *Vehicle) {
	b := &v.Battery
	r.object(n, "battery",
		field{"capacity", "usable", r.energy(&b.CapacityMilliwattHours, sim.EnergyMilliwattHoursMax)},
		field{"power", "the most that it takes", r.power(&b.MaxPowerMilliwatts, sim.PowerMilliwattsMax)},
		field{"knee", "state of charge from which it takes ever less", r.permille(&b.KneePermille)},
		field{"floor", "power that a full battery would still take", r.power(&b.FloorMilliwatts, sim.PowerMilliwattsMax)},
		field{"ideal", "takes full power until it is full", r.flag(&v.Policy.Ideal)},
	)
	b.FloorMilliwatts = min(b.FloorMilliwatts, b.MaxPowerMilliwatts)
}

func (v *Vehicle) readVisits(r *reader, n *yaml.Node) {
	r.list(n, "visits", "- {at: 10m, station: north, from: 20%, to: 80%}", func(item *yaml.Node) {
		visit := Visit{FromPermille: 200, ToPermille: 800}
		pieces := 0
		r.object(item, "a visit of "+clip(v.Name),
			field{"at", "arrival, from the start", r.duration(&visit.At, 0, DurationMax)},
			field{"station", "where", r.text(&visit.Station)},
			field{"from", "state of charge on arrival", r.permille(&visit.FromPermille)},
			field{"to", "where the vehicle stops asking", r.permille(&visit.ToPermille)},
			field{"energy", "or when it has so much", r.energy(&visit.EnergyMilliwattHours, sim.EnergyMilliwattHoursMax)},
			field{"pieces", "passages or messages that it wants", r.count(&pieces, piecesMax)},
			field{"stay", "or when so much time has passed", r.duration(&visit.Stay, time.Minute, DurationMax)},
			field{"departs", "when the driver says that it leaves, from the start", r.duration(&visit.Departs, 0, DurationMax)},
			field{"remains", "for all of its stay, though it has what it wants", r.flag(&visit.Remains)},
			field{"cost_max", "or when it would cost more", r.money(&visit.CostMax)},
		)
		visit.Pieces = int64(pieces)
		v.Visits = append(v.Visits, visit)
	})
}

// piecesMax bounds what one visit buys by the piece.
const piecesMax = 1_000_000
