package ocpp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// notebook is a Memory that can fail.
type notebook struct {
	pages  map[int][]byte
	broken error
}

func (n *notebook) Keep(_ string, connector int, state []byte) error {
	if n.broken != nil {
		return n.broken
	}
	n.pages[connector] = state
	return nil
}

// crashing is a central system of one outlet that can be killed at any instant: what goes on is what was kept, and where the
// session's readings stand.
type crashing struct {
	t      *testing.T
	memory *notebook
	config ConnectorConfig
	now    time.Time

	st *Station
	o  *Outlet
	id string // of the transaction, as the station was told
}

const holderDID = "did:joule:somebody"

func newCrashing(t *testing.T) *crashing {
	c := &crashing{
		t: t, memory: &notebook{pages: map[int][]byte{}}, now: at(0),
		config: ConnectorConfig{Number: 1, MaxPowerMw: outletMw, SignedRequired: true},
	}
	c.begins(Unfinished{})
	return c
}

// begins starts the central system anew from what was kept.
func (c *crashing) begins(goesOn Unfinished) {
	c.t.Helper()
	c.config.Kept, c.config.GoesOn = c.memory.pages[1], goesOn
	system, err := New(Config{
		Now: func() time.Time { return c.now }, Memory: c.memory, Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{c.config}}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.st = system.Station(0)
	c.o = c.st.Outlet(1)
}

// crash kills the central system, and begins it as a charger does: the outlet is turned off, then its session goes on.
func (c *crashing) crash(stopping bool) {
	c.t.Helper()
	c.begins(Unfinished{Holder: holderDID, Stopping: stopping})
	_ = c.o.Stop(c.now) // ErrPending, or nothing
	c.o.Hold(holderDID)
}

// sends lets the station call, and gives the answer.
func (c *crashing) sends(action, payload string) Frame {
	return c.st.answer(v16{}, Frame{Kind: Call, ID: "1", Action: action, Payload: json.RawMessage(payload)})
}

func (c *crashing) begin() {
	c.t.Helper()
	c.o.Hold(holderDID)
	if err := c.o.Start(c.now, outletMw); err != nil {
		c.t.Fatal(err)
	}
	c.startsTransaction(0, 5_000)
}

func (c *crashing) startsTransaction(second, wh int) {
	c.t.Helper()
	answer := c.sends("StartTransaction", fmt.Sprintf(`{"connectorId":1,"idTag":%q,"meterStart":%d,"timestamp":%q}`,
		Token(holderDID), wh, at(second).Format(time.RFC3339)))
	var m struct {
		Transaction json.Number       `json:"transactionId"`
		Info        map[string]string `json:"idTagInfo"`
	}
	if err := json.Unmarshal(answer.Payload, &m); err != nil || m.Info["status"] != "Accepted" {
		c.t.Fatalf("%+v, %v", answer, err)
	}
	c.id = m.Transaction.String()
}

func (c *crashing) meters(second, wh int) {
	c.t.Helper()
	c.now = at(second)
	if a := c.sends("MeterValues", fmt.Sprintf(`{"connectorId":1,"transactionId":%s,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":"%d"}]}]}`,
		c.id, c.now.Format(time.RFC3339), wh)); a.Kind != CallResult {
		c.t.Fatalf("%+v", a)
	}
}

// reads makes a reading durable, as a session does, and gives it.
func (c *crashing) reads() meter.Sample {
	c.t.Helper()
	s, err := c.o.Sample(c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	c.config.RegisterMwh = s.Register
	return s
}

func (c *crashing) stops(m testMeter, second, wh int, page uint64) Frame {
	c.now = at(second)
	record := m.value(m.signs(page, Token(holderDID), m.reading(ocmf.Begin, 0, 5_000_000), m.reading(ocmf.End, second, int64(wh)*1000)))
	signed, err := json.Marshal(record)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := json.Marshal(string(signed))
	if err != nil {
		c.t.Fatal(err)
	}
	return c.sends("StopTransaction", fmt.Sprintf(`{"transactionId":%s,"meterStop":%d,"timestamp":%q,"transactionData":[
		{"timestamp":%[3]q,"sampledValue":[{"value":%s,"format":"SignedData"}]}]}`, c.id, wh, c.now.Format(time.RFC3339), text))
}

// Wherever the central system is killed, what the meter signed from begin to end is what the session ends on.
func TestI4_ASignedEndIsNotLostWhereverTheCentralSystemIsKilled(t *testing.T) {
	type step func(c *crashing, m testMeter)
	never, charging, stopping := step(nil), step(func(c *crashing, _ testMeter) { c.crash(false) }), step(func(c *crashing, _ testMeter) { c.crash(true) })
	for _, test := range []struct {
		name                               string
		afterStart, afterReading, afterEnd step
	}{
		{"nowhere", never, never, never},
		{"after the start", charging, never, never},
		{"after a reading", never, charging, never},
		{"after a reading, when it was told to stop", never, stopping, never},
		{"after the end, before the session knew of it", never, never, charging},
		{"after the end, before the last reading", never, never, stopping},
		{"everywhere", charging, charging, charging},
		{"everywhere, and twice at the end", charging, stopping, func(c *crashing, _ testMeter) { c.crash(true); c.crash(true) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, m := newCrashing(t), newTestMeter(t)
			at := func(s step) {
				if s != nil {
					s(c, m)
				}
			}
			c.begin()
			at(test.afterStart)
			c.meters(30, 5_100)
			if s := c.reads(); s.Register != 100_000 || s.Evidence != "" {
				t.Fatalf("%+v", s)
			}
			at(test.afterReading)
			if answer := c.stops(m, 60, 5_200, 1); answer.Kind != CallResult {
				t.Fatalf("%+v", answer)
			}
			at(test.afterEnd)
			if s := c.ended(); s.Register != 200_000 || s.Evidence == "" || !s.Time.Equal(c.now) {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// ended goes on as a session does until the sample of its last reading.
func (c *crashing) ended() meter.Sample {
	c.t.Helper()
	if c.o.recalled && !c.o.stopped { // its session is charging, as far as it knows
		if err := c.o.SetLimit(c.now, outletMw); err == nil || errors.Is(err, meter.ErrNotStarted) && c.o.Start(c.now, outletMw) != nil {
			c.t.Fatal("the session cannot go on")
		}
		s, err := c.o.Sample(c.now.Add(time.Second))
		if c.o.away != errors.Is(err, ErrEndedAway) || s.State != meter.Ended || s.Evidence == "" {
			c.t.Fatalf("it does not hear that its transaction is over: %+v, %v", s, err)
		}
	}
	if err := c.o.Stop(c.now); err != nil {
		c.t.Fatal(err)
	}
	s, err := c.o.Sample(c.now.Add(time.Second))
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func TestATransactionThatGoesOnAfterARestartIsPausedUntilItsSessionDoes(t *testing.T) {
	c := newCrashing(t)
	c.begin()
	c.meters(30, 5_100)
	c.reads()
	c.crash(false)
	if s, err := c.o.Sample(c.now); err != nil || s.State != meter.SuspendedStation || s.Register != 100_000 {
		t.Fatalf("%+v, %v", s, err)
	}
	if c.o.rests() != true || c.o.limitMw != 0 {
		t.Error("energy may flow before anybody pays")
	}
	if err := c.o.Start(c.now, outletMw); err != nil || c.o.rests() {
		t.Fatal(err)
	}
	c.meters(40, 5_150)
	if s := c.reads(); s.Register != 150_000 || s.State != meter.Charging {
		t.Errorf("%+v", s)
	}
}

func TestATransactionWhoseSessionIsOverIsStoppedAfterARestart(t *testing.T) {
	for name, goesOn := range map[string]Unfinished{"nobody's": {}, "another's": {Holder: "did:joule:else"}} {
		c := newCrashing(t)
		c.begin()
		c.begins(goesOn)
		if _, stray := c.st.strays[c.id]; !stray || c.o.delivers() {
			t.Errorf("%s transaction goes on", name)
		}
	}
}

func TestTheEndOfAVisitIsNotTakenForThatOfTheSameVehiclesNext(t *testing.T) {
	c, m := newCrashing(t), newTestMeter(t)
	c.begin()
	c.stops(m, 60, 5_200, 1)
	c.config.RegisterMwh = 200_000
	c.o.Hold("")
	c.o.Hold(holderDID)
	c.crash(false)
	if s, err := c.o.Sample(c.now); err != nil || s.State == meter.Ended || s.Evidence != "" || s.Register != 200_000 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTheFirstKeyOfAMeterAndItsPageAreKeptAcrossARestart(t *testing.T) {
	c, m := newCrashing(t), newTestMeter(t)
	c.begin()
	c.stops(m, 60, 5_200, 7)
	c.begins(Unfinished{})
	if string(c.o.key.DER()) != string(m.key.Public().DER()) {
		t.Error("the key is forgotten")
	}
	if page, known := c.st.pageAfter("1234"); !known || page != 7 {
		t.Errorf("page %d, %v", page, known)
	}
	c.config.MeterKey = newTestMeter(t).key.Public()
	c.begins(Unfinished{})
	if string(c.o.key.DER()) != string(c.config.MeterKey.DER()) {
		t.Error("a key that was kept overrules the one that was configured")
	}
}

func TestOneRecordIsNotBilledAtTwoOutlets(t *testing.T) {
	system, err := New(Config{Now: func() time.Time { return at(0) }, Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{
		{Number: 1, MaxPowerMw: outletMw}, {Number: 2, MaxPowerMw: outletMw},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	st := system.Station(0)
	st.Outlet(1).lastMeter, st.Outlet(1).lastPage = "1234", 7
	about := told()
	about.pageAfter = st.pageAfter
	m, met := newTestMeter(t), quirks{}
	value := m.value(m.signs(7, "TOKEN", m.reading(ocmf.Begin, 0, 5_000_000), m.reading(ocmf.End, 60, 5_800_000)))
	if _, err := verifySigned([]signedValue{value}, about, met); err != nil || !met[QuirkPage] {
		t.Errorf("the page of the other outlet is not looked at: %v, %v", err, met)
	}
}

// What cannot be kept is not acknowledged, so that the station says it again.
func TestI4_AStationIsNotAnsweredBeforeWhatItSaidIsKept(t *testing.T) {
	c, m := newCrashing(t), newTestMeter(t)
	c.begin()
	before := maps.Clone(c.memory.pages)
	c.memory.broken = errors.New("no space left")
	if answer := c.stops(m, 60, 5_200, 1); answer.Kind != CallError || answer.Code != "InternalError" {
		t.Fatalf("%+v", answer)
	}
	c.memory.broken, c.memory.pages = nil, before
	if answer := c.stops(m, 60, 5_200, 1); answer.Kind != CallResult {
		t.Fatalf("%+v", answer)
	}
	c.crash(true)
	if s := c.ended(); s.Register != 200_000 || s.Evidence == "" {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsKeptKeepsWhyASessionEnded(t *testing.T) {
	c := newCrashing(t)
	c.begin()
	c.meters(30, 5_100)
	c.reads()
	c.meters(40, 7)
	c.crash(false)
	s, err := c.o.Sample(c.now)
	if !errors.Is(err, ErrRegisterFell) || s.Register != 100_000 || len(s.Evidence) == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzKept(f *testing.F) {
	f.Add([]byte(`{"version":1,"total_mwh":5}`), "did")
	f.Add([]byte(`{"version":1,"holder":"did","total_mwh":5,"transaction":{"id":"7","began":"2026-01-01T00:00:00Z","start_mwh":5,"started":true}}`), "did")
	f.Add([]byte(`{"version":1,"holder":"did","total_mwh":5,"final":{"at":"2026-01-01T00:00:00Z","register_mwh":9,"failure":"ocpp: the register fell: x"}}`), "did")
	f.Fuzz(func(t *testing.T, state []byte, holder string) {
		system, err := New(Config{Now: func() time.Time { return at(0) }, Stations: []StationConfig{{ID: "S", Connectors: []ConnectorConfig{
			{Number: 1, MaxPowerMw: outletMw, Kept: state, GoesOn: Unfinished{Holder: holder}},
		}}}})
		if err != nil {
			if !errors.Is(err, ErrKept) && !errors.Is(err, ErrConfig) {
				t.Fatal(err)
			}
			return
		}
		o := system.Station(0).Outlet(1)
		o.Hold(holder)
		if s, _ := o.Sample(at(1)); s.Register < 0 {
			t.Errorf("%+v", s)
		}
		_ = o.Stop(at(2))
	})
}
