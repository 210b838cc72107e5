package session_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// A world couples a vehicle and a station on a virtual clock: a cable, a network, a ledger, and two stores that outlive
// the machines. Nothing in it runs by itself: run takes what is due, in order of time.
type world struct {
	t       testing.TB
	setup   setup
	now     time.Time
	queue   agenda
	entries int

	cable   *sim.Cable
	ledger  *ledger
	vehicle *node
	station *node
	told    strings.Builder // the transcript
	bodies  map[string]channel.Hash
	exposed money.Amount // the most that the station ever delivered unpaid
	givenUp money.Amount // the most that the vehicle ever gave back unpaid
	counts  map[string]int
	broken  []string // invariants that did not hold
	fatal   func(string)
}

// setup is what a scenario chooses. The zero value of a field means the default of newWorld.
type setup struct {
	tariff      string
	energy      int64 // mWh that the vehicle's battery asks for
	powerMw     int64
	claimEvery  time.Duration
	settleAt    money.Amount
	settleEvery time.Duration
	balance     money.Amount // of the vehicle's account
	payer       func(*session.PayerPolicy)
	payee       func(*session.PayeePolicy)
	inflatePPM  int64                              // by which the station's meter lies
	clockPPM    int64                              // by which the station's clock runs fast
	demandMore  money.Amount                       // by which the station asks for more than the reading costs
	link        func(w *world, l *letter) []string // "lose", "again" or "late" for a message; nil delivers all
	ledgerTakes time.Duration                      // from an operation to its certificate
	crash       func(n *node) bool                 // asked before every effect
	downFor     time.Duration
	merged      bool                                          // store all of a step first, as the agent does
	change      *change                                       // of tariff, during the session
	offers      func(*quote.Quote)                            // changes what the station offers
	samples     func(*world, session.Sampled) session.Sampled // changes what the station's outlet says
	keys        quote.Keys
	battery     *sim.Battery              // at an outlet that takes energy back; nil: it takes energy only, and an outlet gives it only
	giveBack    string                    // what the station pays for a kWh; with battery
	returnMw    int64                     // the most that it takes back
	steer       func(time.Duration) int64 // what its controller wants, by the time since the session began
	hidePPM     int64                     // by which its meter shows less than was given back
	ungiving    bool                      // the battery does not hear what it may give back
	random      *rand.Rand
	sold        *sold // something else than energy; nil: energy
}

// change is another tariff that the station offers some time after the beginning, for a time to come.
type change struct {
	tariff      string
	asked, from time.Duration
}

const (
	pulse     = 500 * time.Millisecond
	linkTakes = 20 * time.Millisecond
	looksTake = 50 * time.Millisecond
	limit     = 30 * time.Minute // of virtual time: no session may take so long
)

var (
	network   = wallet.NetworkID{0: 0x4a}
	began     = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	firstID   = channel.SessionID{0: 0x51}
	plainRate = tariffOf(`{"type":"ENERGY","price":0.36,"step_size":1}`)
)

// tariffOf gives a tariff of price components: 0.36 EUR/kWh at 36 kW is 3.6 EUR an hour, or a tenth of a cent a second.
func tariffOf(components string) string {
	return `{"country_code":"DE","party_id":"JOU","id":"t","currency":"EUR","elements":[{"price_components":[` + components +
		`]}],"last_updated":"2026-01-01T00:00:00Z"}`
}

func testKey(n byte) wallet.PrivateKey { return wallet.NewPrivateKey([wallet.SeedSize]byte{n}) }

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	s.fill()
	w := &world{t: t, setup: s, now: began, bodies: map[string]channel.Hash{}, counts: map[string]int{}}
	var err error
	before := int64(0) // given back by vehicles that came earlier
	if s.battery != nil {
		before = 500_000
	}
	if w.cable, err = sim.NewTwoWayCable(s.powerMw, s.returnMw, 1_000_000, before); err != nil {
		t.Fatal(err)
	}
	w.plug(s.energy)
	w.ledger = newLedger(w)
	w.vehicle = newVehicle(w)
	w.station = newStation(w)
	w.ledger.balance[w.vehicle.did] = s.balance
	w.ledger.balance[w.station.did] = 100 * money.Nano
	w.ledger.issued = s.balance + 100*money.Nano
	return w
}

func (s *setup) fill() {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	if s.tariff == "" {
		s.tariff = plainRate
	}
	if s.energy == 0 {
		s.energy = 300_000 // 30 s at 36 kW
	}
	if s.powerMw == 0 {
		s.powerMw = 36_000_000
	}
	if s.balance == 0 {
		s.balance = 50 * money.Nano
	}
	set(&s.claimEvery, 10*time.Second)
	set(&s.ledgerTakes, time.Second)
	set(&s.downFor, 2*time.Second)
	if s.random == nil {
		s.random = rand.New(rand.NewPCG(1, 1))
	}
}

// plug connects a vehicle that asks for so much energy at the outlet's full power.
func (w *world) plug(energyMilliwattHours int64) {
	const microjoules = 3_600_000 // a mWh
	if w.setup.battery != nil {
		w.plugBattery()
		return
	}
	load, err := sim.NewLoad([]sim.Step{{EnergyMicrojoules: energyMilliwattHours * microjoules, PowerMilliwatts: w.setup.powerMw}},
		meter.StateOfChargeUnknown, meter.StateOfChargeUnknown)
	if err != nil {
		w.t.Fatal(err)
	}
	w.cable.Unplug(w.now)
	if err := w.cable.Plug(load); err != nil {
		w.t.Fatal(err)
	}
}

// plugBattery connects the vehicle that gives back.
func (w *world) plugBattery() {
	load, err := w.setup.battery.Load()
	if err != nil {
		w.t.Fatal(err)
	}
	w.cable.Unplug(w.now)
	if err := w.cable.Plug(load); err != nil {
		w.t.Fatal(err)
	}
}

// feedIn gives the tariff of what is given back; nil where nothing is.
func (w *world) feedIn() *pricing.Tariff {
	if w.setup.giveBack == "" {
		return nil
	}
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		w.t.Fatal(err)
	}
	tariff, err := pricing.FlatGiveBack(w.setup.giveBack, eur)
	if err != nil {
		w.t.Fatal(err)
	}
	return tariff
}

// steered does as the station's controller does with every pulse.
func (w *world) steered() {
	payee, ok := w.station.machine.(*session.Payee)
	if w.setup.steer == nil || !ok || w.station.down {
		return
	}
	var since time.Duration
	if record := payee.Record(); record.StartedMs != 0 {
		since = w.now.Sub(time.UnixMilli(record.StartedMs))
	}
	w.station.step(session.Steered{LimitMilliwatts: w.setup.steer(since)})
}

// offer gives the quote of a session that begins now.
func (w *world) offer() quote.Quote { return w.offerOf(w.setup.tariff, w.now) }

func (w *world) offerOf(text string, at time.Time) quote.Quote {
	tariff, err := pricing.ParseTariff([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	q, err := quote.Build(quote.Inputs{
		Network: network, Station: w.station.did, MeterKey: testKey(23).Public(), Attestation: meter.AttestedByStation,
		Service: "charging", EVSE: "E1", Unit: meter.MilliwattHours, Tariff: tariff, TimeZone: "Europe/Berlin",
		MaxPowerMw: w.setup.powerMw, ClaimEvery: w.setup.claimEvery, Window: time.Minute,
		SettleAt: w.setup.settleAt, SettleEvery: w.setup.settleEvery, GiveBack: w.feedIn(), MaxReturnMw: w.setup.returnMw,
	}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.setup.sold != nil {
		q = w.setup.sold.quote(w, tariff, at)
	}
	if w.setup.offers != nil {
		w.setup.offers(&q)
	}
	return q
}

// entry is something that happens at a moment. Entries of one moment happen in the order in which they were made.
type entry struct {
	at    time.Time
	order int
	do    func()
}

// agenda implements heap.Interface.
type agenda []entry

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}

func (w *world) after(d time.Duration, do func()) {
	w.entries++
	heap.Push(&w.queue, entry{w.now.Add(d), w.entries, do})
}

// pulses samples the outlet and lets time pass for both, for ever.
func (w *world) pulses() {
	w.after(pulse, func() {
		w.steered()
		w.station.pulse()
		w.changeTariff()
		w.vehicle.pulse()
		w.measureExposure()
		w.pulses()
	})
}

// run takes what is due until the condition holds, or fails the test when it never does.
func (w *world) run(until func() bool) {
	w.t.Helper()
	w.pulses()
	w.runOn(until)
}

func (w *world) runOn(until func() bool) {
	w.t.Helper()
	stop := w.now.Add(limit)
	for !until() {
		e := heap.Pop(&w.queue).(entry)
		if e.at.After(stop) {
			w.fatalf("the session does not end: vehicle %s, station %s", w.vehicle.phase(), w.station.phase())
		}
		w.now = e.at
		e.do()
		if len(w.broken) > 0 {
			w.fatalf("%s", strings.Join(w.broken, "\n"))
		}
	}
}

// bothOver tells whether neither side needs another step.
func (w *world) bothOver() bool { return w.vehicle.over() && w.station.over() }

// breaks notes that an invariant does not hold.
func (w *world) breaks(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// letter is a message under way.
type letter struct {
	to      *node
	number  int
	message wire.Message
}

// carry takes a message over the network, as bytes.
func (w *world) carry(to *node, id channel.SessionID, m wire.Message) {
	w.entries++
	l := &letter{to: to, number: w.entries, message: m}
	deliver := func() {
		frame, err := wire.Decode(wire.Frame{Session: id, Message: l.message}.Encode())
		if err != nil {
			w.breaks("a message of our own does not decode: %v", err)
			return
		}
		to.receive(frame)
	}
	takes := linkTakes
	if w.setup.link != nil {
		for _, fate := range w.setup.link(w, l) {
			w.counts[fate]++
			switch fate {
			case "lose":
				return
			case "again":
				w.after(takes+time.Duration(w.setup.random.IntN(2000))*time.Millisecond, deliver)
			case "late":
				takes += time.Duration(w.setup.random.IntN(3000)) * time.Millisecond
			}
		}
	}
	w.after(takes, deliver)
}

// measureExposure compares what has flowed with what the station holds claims for (I5).
func (w *world) measureExposure() {
	record, ch := w.station.stored()
	if record == nil || ch == nil || record.Phase < session.PhaseCharging || record.Phase > session.PhaseFinal || w.setup.sold != nil {
		return
	}
	readings := w.station.disk.readings[record.ID]
	if len(readings) == 0 {
		return
	}
	signed, err := meter.DecodeSigned(readings[0].Signed)
	if err != nil {
		w.breaks("a stored reading does not decode: %v", err)
		return
	}
	state, err := w.cable.State(w.now)
	if err != nil {
		w.breaks("cable: %v", err)
		return
	}
	owed := w.worth(signed.Reading.Time, state.Register-w.station.meterShows(signed.Reading.Register)) - w.credit(state.Exported-w.returnedAtFirst(signed.Reading))
	paid := ch.Side.In.Owed() - record.Base[0] - (ch.Side.Out.Owed() - record.Base[1])
	w.exposed = max(w.exposed, owed-paid)
	if v, ch := w.vehicle.stored(); v != nil && ch != nil && v.Phase <= session.PhaseStopping { // later come the surcharges of the end
		got := ch.Side.In.Owed() - record.Base[1] - (ch.Side.Out.Owed() - record.Base[0])
		w.givenUp = max(w.givenUp, -owed-got)
	}
}

// returnedAtFirst gives the truth of what had been given back before the session.
func (w *world) returnedAtFirst(r meter.Reading) int64 {
	return r.Exported * 1_000_000 / (1_000_000 - w.setup.hidePPM)
}

// credit prices what was given back.
func (w *world) credit(energyMilliwattHours int64) money.Amount {
	tariff := w.feedIn()
	if tariff == nil {
		return 0
	}
	price, err := pricing.EnergyPrice(tariff, began, time.UTC, w.setup.returnMw)
	if err != nil {
		w.t.Fatal(err)
	}
	credit, err := price.MulDiv(energyMilliwattHours, 1_000_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return credit
}

// worth prices energy without regard to how long it took.
func (w *world) worth(at time.Time, energyMilliwattHours int64) money.Amount {
	tariff, err := pricing.ParseTariff([]byte(w.setup.tariff))
	if err != nil {
		w.t.Fatal(err)
	}
	run, err := pricing.NewRun(tariff, at, time.UTC)
	if err != nil {
		w.t.Fatal(err)
	}
	if run.Add(pricing.Sample{Time: at, EnergyMilliwattHours: max(energyMilliwattHours, 0)}) != nil {
		return 0 // a tariff that cannot be measured here
	}
	cost, err := run.Cost()
	if err != nil {
		w.t.Fatal(err)
	}
	return cost.Payable()
}

// changeTariff offers what the setup changes to, as a station's agent does: while the time for it has not come.
func (w *world) changeTariff() {
	c := w.setup.change
	if c == nil || w.now.Before(began.Add(c.asked)) || !w.now.Before(began.Add(c.from)) {
		return
	}
	if payee, ok := w.station.machine.(*session.Payee); ok && len(payee.Record().Earlier) == 0 {
		w.station.step(session.Reoffered{Offer: w.offerOf(c.tariff, began.Add(c.from)), From: began.Add(c.from)})
	}
}
