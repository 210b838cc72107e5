package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/meter/sim"
	"joulepay/simulations/control"
	"joulepay/wallet/money"
)

// Random says how large a world may be that the seed draws. It charges under the tariffs of the scenario.
type Random struct {
	Stations  int // at most, as all that follows; at least one of them is honest
	Vehicles  int // at least one of them is honest
	Attackers int
	Faults    int
}

func (s *Scenario) readRandom(r *reader, n *yaml.Node) {
	s.Random = &Random{Stations: 4, Vehicles: 5, Attackers: 2, Faults: 6}
	r.object(n, "random",
		field{"stations", "at most", r.count(&s.Random.Stations, randomMax)},
		field{"vehicles", "at most", r.count(&s.Random.Vehicles, randomMax)},
		field{"attackers", "at most", r.count(&s.Random.Attackers, randomMax)},
		field{"faults", "at most", r.count(&s.Random.Faults, randomMax)},
	)
}

// randomMax keeps drawn worlds small.
const randomMax = 100

// checkRandom returns an error when no world can be drawn.
func (s *Scenario) checkRandom() error {
	switch r := s.Random; {
	case len(s.Stations)+len(s.Vehicles)+len(s.Fleets) > 0:
		return s.problem("leave out `stations:`, `vehicles:` and `fleets:`, or `random:`", "a world that is drawn has parties of its own")
	case r.Stations < 2 || r.Vehicles < 2:
		return s.problem("write `random: {stations: 4, vehicles: 5}`", "%d stations and %d vehicles, want 2 or more of each", r.Stations, r.Vehicles)
	case len(s.Tariffs) == 0:
		return s.problem("add `tariffs:` with at least one", "no tariff to draw")
	}
	return nil
}

// drawnLongest gives how long a drawn fault may last: all of them, one after the other, end before a challenge window does, which
// is chosen for longer than its parties are away.
func (s *Scenario) drawnLongest() time.Duration {
	return max(time.Second, s.Ledger.Window*3/4/time.Duration(max(1, s.Random.Faults))).Truncate(time.Second)
}

// drawWorld makes the parties, the network and the faults of a random world.
func (e *expansion) drawWorld() {
	s := &e.scenario
	if s.Random == nil {
		return
	}
	d := draw{rand.New(rand.NewPCG(e.seed, uint64(len("random world"))))}
	r := *s.Random
	s.Duration = time.Duration(d.between(20, 40)) * time.Minute
	s.Step = time.Duration(d.between(3, 5)) * time.Second
	s.Network.Latency, s.Network.Jitter = d.milliseconds(5, 100), d.milliseconds(0, 150)
	s.Network.Faults.Loss, s.Network.Faults.Duplicate, s.Network.Faults.Reorder = d.share(150), d.share(150), d.share(150)
	s.Network.LedgerLoss = d.share(80)
	s.Stations = slices.Clone(s.Stations)
	for i := range d.between(2, r.Stations) {
		s.Stations = append(s.Stations, d.station(fmt.Sprintf("station-%d", i+1), s.Tariffs))
	}
	s.Vehicles = slices.Clone(s.Vehicles)
	for i := range d.between(2, r.Vehicles) {
		s.Vehicles = append(s.Vehicles, d.vehicle(fmt.Sprintf("vehicle-%d", i+1), s))
	}
	d.corrupt(s, d.between(0, r.Attackers))
	s.Chaos = Chaos{Longest: s.drawnLongest()}
	for range d.between(1, max(1, r.Faults)) {
		switch d.IntN(8) {
		case 0:
			s.Chaos.Cuts++
		case 1:
			s.Chaos.Partitions++
		case 2:
			s.Chaos.PowerCuts++
		case 3:
			s.Chaos.Bursts++
		default:
			s.Chaos.Crashes++
		}
	}
	if d.IntN(giveBackWorlds) == 0 {
		d.giveBack(s)
	}
	s.Random = nil
}

// giveBackWorlds is how many worlds there are for each in which energy flows both ways.
const giveBackWorlds = 6

// giveBack lets vehicles give energy back when it is dear, at stations that are honest.
func (d draw) giveBack(s *Scenario) {
	s.Control.Algorithm = control.Arbitrage
	s.Prices = &Prices{FactorPPM: 1e6}
	for s.Prices.Every = 3 * time.Minute; len(s.Prices.Values) < 20; {
		s.Prices.Values = append(s.Prices.Values, int64(d.hundredths(5, 15)), int64(d.hundredths(60, 90)))
	}
	for i := range s.Stations {
		st := &s.Stations[i]
		st.Attack, st.InflatePPM = "", 0
		st.ReturnMilliwatts, st.GiveBack = st.PowerMilliwatts, d.hundredths(20, 60)
	}
	for i := range s.Vehicles {
		v := &s.Vehicles[i]
		v.Policy.ReturnMilliwatts, v.Policy.FloorPermille = v.Battery.MaxPowerMilliwatts, int16(d.between(50, 300))
		for j := range v.Visits {
			visit := &v.Visits[j]
			visit.FromPermille, visit.Stay, visit.Remains = int16(d.between(500, 900)), time.Duration(d.between(6, 12))*time.Minute, true
			visit.ToPermille, visit.EnergyMilliwattHours, visit.CostMax = visit.FromPermille+int16(d.between(1, 10)), 0, 0
		}
	}
}

// draw draws the parts of a world.
type draw struct{ *rand.Rand }

func (d draw) between(least, most int) int { return least + d.IntN(most-least+1) }

func (d draw) milliseconds(least, most int) time.Duration {
	return time.Duration(d.between(least, most)) * time.Millisecond
}

// share gives a probability up to so many thousandths.
func (d draw) share(most int) float64 { return float64(d.between(0, most)) / 1000 }

// hundredths gives money.
func (d draw) hundredths(least, most int) money.Amount {
	return money.Amount(d.between(least, most)) * (money.Nano / 100)
}

func pick[T any](d draw, of ...T) T { return of[d.IntN(len(of))] }

func (d draw) station(name string, tariffs []Tariff) Station {
	const kilowatt = 1_000_000
	st := Station{
		Name: name, Group: name, Service: ServiceCharging, Phase: "123", TimeZone: "UTC", Tariff: pick(d, tariffs...).Name,
		PowerMilliwatts: pick(d, int64(11), 22, 50, 150) * kilowatt, ClaimEvery: pick(d, 10*time.Second, 20*time.Second, 30*time.Second),
		GoneAfter: time.Duration(d.between(15, 40)) * time.Second, Funds: d.hundredths(2000, 5000),
	}
	switch d.IntN(3) {
	case 0:
		st.SettleAt = d.hundredths(20, 200)
	case 1:
		st.SettleEvery = time.Duration(d.between(1, 5)) * time.Minute
	}
	return st
}

func (d draw) vehicle(name string, s *Scenario) Vehicle {
	const kilo, seldom = 1_000_000, 5
	v := ordinary(name)
	v.Battery = sim.DefaultBattery()
	v.Battery.CapacityMilliwattHours = int64(d.between(30, 90)) * kilo
	v.Battery.MaxPowerMilliwatts = int64(d.between(20, 150)) * kilo
	v.Battery.FloorMilliwatts = min(v.Battery.FloorMilliwatts, v.Battery.MaxPowerMilliwatts)
	v.Funds, v.Deposit, v.TopUp = d.hundredths(3000, 20000), d.hundredths(100, 500), d.hundredths(5, 100)
	v.GainPPM, v.Closes = int64(d.between(-5000, 5000)), d.IntN(seldom) > 0
	if d.IntN(seldom) == 0 {
		v.Lifetime = 2*s.Ledger.Window + time.Duration(d.between(5, 10))*time.Minute
	}
	var at time.Duration
	for range d.between(1, 3) {
		at += time.Duration(d.between(0, 10)) * time.Minute
		if at > s.Duration {
			break
		}
		from := d.between(50, 700)
		visit := Visit{
			At: at, Station: pick(d, s.Stations...).Name, FromPermille: int16(from), ToPermille: int16(d.between(from+50, 1000)),
			Stay: time.Duration(d.between(2, 7)) * time.Minute, Remains: d.IntN(seldom) == 0,
		}
		if d.IntN(seldom) == 0 {
			visit.EnergyMilliwattHours = int64(d.between(1, 5)) * kilo
		}
		if d.IntN(seldom) == 0 {
			visit.CostMax = d.hundredths(50, 300)
		}
		at += visit.Stay
		v.Visits = append(v.Visits, visit)
	}
	return v
}

// corrupt makes attackers of some parties, and leaves one station and one vehicle honest.
func (d draw) corrupt(s *Scenario, attackers int) {
	for range attackers {
		if d.IntN(3) > 0 {
			v := &s.Vehicles[d.between(1, len(s.Vehicles)-1)]
			if v.Attack, v.Closes = pick(d, VehicleAttacks()...), false; v.Attack == AttackSpam {
				v.Funds, v.Deposit = d.hundredths(300, 800), d.hundredths(100, 200) // the credit of an account follows its wealth
			}
			continue
		}
		st := &s.Stations[d.between(1, len(s.Stations)-1)]
		st.Attack, st.InflatePPM = "", 0
		if attack := d.IntN(len(StationAttacks()) + 1); attack < len(StationAttacks()) {
			st.Attack = StationAttacks()[attack]
		} else {
			st.InflatePPM = int64(d.between(1, 20)) * 10_000
		}
	}
}
