package stationcmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/vehicle"
	"joulepay/internal/freeport"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// sessionMax is patience with a loaded machine; nothing is decided by it.
const sessionMax = 3 * time.Minute

// shifted is a clock whose session time began at another moment: that of a recording.
type shifted time.Duration

func (s shifted) Now() session.Instant {
	now := time.Now()
	return session.Instant{Session: now.Add(time.Duration(s)), Real: now}
}

// ocppWorld is a charger with embedded broker and ledger, waiting for a charging station, and a vehicle with money.
type ocppWorld struct {
	t       *testing.T
	ctx     context.Context
	clock   agent.Clock
	charger *Charger
	options Options
	*car    // the first, whose driver the recorded stations know

	mu     sync.Mutex // guards below
	events []ocpp.Event
}

func newOCPPWorld(t *testing.T, recordedAt time.Time, o station.OCPP) *ocppWorld {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sessionMax)
	t.Cleanup(cancel)
	w := &ocppWorld{t: t, ctx: ctx, clock: shifted(time.Until(recordedAt))}
	own := wallet.Generate()
	o.Report = w.told
	if o.Stations == nil {
		o.Stations = []station.OCPPStation{{}}
	}
	for i := range o.Stations {
		st := &o.Stations[i]
		if st.Connectors == nil {
			st.Connectors = []station.OCPPConnector{{Number: 1}}
		}
		for j := range st.Connectors {
			st.Connectors[j].MaxPowerMw = 150_000_000
		}
	}
	o.MeterEvery = time.Minute // a machine that is busy is not a station that is silent
	o.Listener = listenLow(t)
	driver := wallet.Generate()
	o.Contracts = map[string]string{driver.DID().String(): "DID-0001"} // what the recorded station knows its driver by
	broker := listenLow(t)
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	w.options = Options{
		Dir: folder(t, "charger"), Wallet: own, NATS: Embedded, NATSListen: broker.Addr().String(), Ledger: Embedded,
		Meter: meter.Spec{Kind: meter.KindOCPP}, OCPP: o, Log: slog.New(slog.DiscardHandler), OnNATS: func(error) {},
		Settings: func(*party.Party) (station.Config, error) {
			c := station.Default(pricing.Default())
			c.ClaimEvery, c.PulseEvery, c.Clock = time.Second, 20*time.Millisecond, w.clock
			c.Policy.SampleEvery = c.PulseEvery
			c.Policy.GoneAfter = sessionMax
			return c, nil
		},
	}
	var err error
	if w.charger, err = Start(ctx, w.options, listenLow(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.charger.Close() })
	w.car = w.newCar(driver)
	return w
}

// car is a vehicle with money, and a meter of its own.
type car struct {
	w     *ocppWorld
	payer *party.Party
	meter *os.File // what is written here it measures
}

func (w *ocppWorld) newCar(driver *wallet.Wallet) *car {
	w.t.Helper()
	p, err := party.Open(w.ctx, party.Options{
		Wallet: driver, Dir: folder(w.t, "vehicle"), NATS: w.charger.NATS, Ledger: w.charger.URL, Log: w.options.Log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	ask := client.IssueRequest{
		To: driver.DID(), Amount: money.Of(100*money.Nano, p.Ledger.Trusted().Genesis.Currency), Reference: "test " + driver.DID().String(),
	}
	if _, err := w.charger.node.Issue(w.ctx, ask); err != nil {
		w.t.Fatal(err)
	}
	return &car{w: w, payer: p}
}

// listenLow listens where a charger can listen again after a restart.
func listenLow(t *testing.T) net.Listener {
	t.Helper()
	for {
		address, err := freeport.Next()
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp", address); err == nil {
			return l
		}
	}
}

func folder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (w *ocppWorld) told(e ocpp.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// measures lets the vehicle's own meter say where its register stands.
func (c *car) measures(registerMwh int64) {
	c.w.t.Helper()
	if _, err := fmt.Fprintf(c.meter, `{"register_mwh":%d}`+"\n", registerMwh); err != nil {
		c.w.t.Fatal(err)
	}
}

// charge runs the vehicle's session, at an EVSE or at any; stop ends it politely. What it gives is sent when it is over.
func (c *car) charge(evse string) (stop func(), over <-chan session.SessionRecord) {
	w := c.w
	w.t.Helper()
	pipe := filepath.Join(w.t.TempDir(), "meter")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		w.t.Fatal(err)
	}
	var err error
	if c.meter, err = os.OpenFile(pipe, os.O_RDWR, 0); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.meter.Close() })
	c.measures(500)
	policy := session.DefaultPayerPolicy()
	policy.ClockStart, policy.EVSE = sessionMax, evse
	driven, err := vehicle.New(c.payer, vehicle.Config{
		Policy: policy, Measure: meter.Spec{Kind: meter.KindExec, Command: []string{"cat", pipe}}, Clock: w.clock,
		PulseEvery: 20 * time.Millisecond,
	}, w.charger.options.Wallet.DID(), slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	polite, stop := context.WithCancel(context.Background())
	records, done := make(chan session.SessionRecord, 1), make(chan struct{})
	go func() {
		defer close(done)
		err := driven.Drive(w.ctx, polite, nil, func(r session.SessionRecord) error { records <- r; return nil })
		if err != nil {
			w.t.Errorf("the vehicle: %v", err)
			close(records)
		}
	}()
	w.t.Cleanup(func() { stop(); <-done; _ = driven.Close() })
	return stop, records
}

// receipt gives the receipt of a session, which must verify.
func (c *car) receipt(over <-chan session.SessionRecord) receipt.Receipt {
	t := c.w.t
	t.Helper()
	record, ok := <-over
	if !ok {
		t.FailNow()
	}
	if record.Phase != session.PhaseEnded {
		t.Fatalf("the session is %s: %s", record.Phase, record.Failure)
	}
	r, err := c.payer.AwaitReceipt(c.w.ctx, record.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(r, receipt.Options{}); err != nil {
		t.Fatal(err)
	}
	return r
}

// readings gives the readings of a receipt, oldest first.
func readings(t *testing.T, r receipt.Receipt) []meter.Signed {
	t.Helper()
	var out []meter.Signed
	for _, raw := range r.Evidence.Readings {
		signed, err := meter.DecodeSigned(raw)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, signed)
	}
	return out
}

// meterKey gives the key that a recorded station's records travel with: in the field it is printed on the meter.
func meterKey(t *testing.T, lines []ocpptest.Line) ocmf.PublicKey {
	t.Helper()
	for _, l := range lines {
		for _, part := range l.Frame {
			found := regexp.MustCompile(`publicKey\\*": *\\*"([A-Za-z0-9+/=]+)`).FindSubmatch(part)
			if found == nil {
				continue
			}
			printed, err := base64.StdEncoding.DecodeString(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			key, err := ocmf.DecodePublicKey(string(printed), ocmf.Quirks{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
	}
	t.Fatal("the recording has no key")
	return ocmf.PublicKey{}
}

// replayed runs a session at a recorded station: the vehicle stops once it is told to stop there, and measures what it got.
func (w *ocppWorld) replayed(lines []ocpptest.Line, subprotocol, last string, measuredMwh int64) receipt.Receipt {
	w.t.Helper()
	s := ocpptest.MustDial(w.t, w.charger.OCPP, subprotocol, nil)
	var stop func()
	var over <-chan session.SessionRecord
	s.Replay(lines, func(step ocpptest.Step) {
		switch step.Action {
		case "RemoteStartTransaction", "RequestStartTransaction": // comes when the vehicle has paid for the baseline
			stop, over = w.charge("")
		case "MeterValues", "TransactionEvent":
			w.measures(500 + measuredMwh)
		case last:
			w.measures(500 + measuredMwh)
			stop()
		}
	}, nil)
	return w.receipt(over)
}

// signing is a station that must sign.
func signing(id string, key ocmf.PublicKey) station.OCPP {
	return station.OCPP{Stations: []station.OCPPStation{{
		ID: id, Connectors: []station.OCPPConnector{{Number: 1, SignedRequired: true, MeterKey: key}},
	}}}
}

func TestASessionAtARecordedStationIsPaidAndSettled(t *testing.T) {
	for _, c := range []struct {
		file, subprotocol, last string
		begins                  time.Time
		energyWh                string
		measured                int64
	}{
		{"vcp-ocpp16.jsonl", "ocpp1.6", "SetChargingProfile", time.Date(2026, 11, 20, 8, 2, 17, 0, time.UTC), "140.1", 139_900},
		{"vcp-ocpp201.jsonl", "ocpp2.0.1", "RequestStopTransaction", time.Date(2026, 11, 20, 8, 2, 57, 0, time.UTC), "200", 199_500},
	} {
		t.Run(c.subprotocol, func(t *testing.T) {
			lines := ocpptest.Recording(t, c.file)
			w := newOCPPWorld(t, c.begins, signing("S001", meterKey(t, lines)))
			r := w.replayed(lines, c.subprotocol, c.last, c.measured)
			if r.Summary.EnergyWh != c.energyWh {
				t.Errorf("the receipt is about %s Wh, want %s", r.Summary.EnergyWh, c.energyWh)
			}
			all := readings(t, r)
			last := all[len(all)-1]
			if last.Reading.Attestation != meter.AttestedOCMF || len(last.Evidence) == 0 || last.Reading.State != meter.Ended {
				t.Errorf("what is paid does not end on the signed record: %+v", last.Reading)
			}
			for _, before := range all[:len(all)-1] {
				if before.Reading.Attestation != meter.AttestedByStation {
					t.Errorf("a reading between is attested by %s", before.Reading.Attestation)
				}
			}
		})
	}
}

// A record with one digit changed is not paid, and neither is what it says.
func TestASessionWhoseStopIsNotSignedEndsWithWhatWasPaidBefore(t *testing.T) {
	lines := ocpptest.Recording(t, "vcp-ocpp16.jsonl")
	key := meterKey(t, lines)
	for i, l := range lines {
		for j, part := range l.Frame {
			tampered, changed := tamper(t, part)
			if changed {
				lines[i].Frame[j] = tampered
			}
		}
	}
	w := newOCPPWorld(t, time.Date(2026, 11, 20, 8, 2, 17, 0, time.UTC), signing("S001", key))
	r := w.replayed(lines, "ocpp1.6", "SetChargingProfile", 139_900)
	if r.Summary.EnergyWh != "0" || r.Summary.Paid.Amount != 0 {
		t.Errorf("%s Wh are paid with %s", r.Summary.EnergyWh, r.Summary.Paid)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == ocpp.EventFault && errors.Is(e.Err, ocpp.ErrUnsigned) && errors.Is(e.Err, ocmf.ErrSignature) {
			return
		}
	}
	t.Errorf("nobody is told: %+v", w.events)
}

// tamper changes a digit of the signed register in a frame.
func tamper(t *testing.T, frame json.RawMessage) (json.RawMessage, bool) {
	t.Helper()
	found := regexp.MustCompile(`signedMeterData\\*": *\\*"([A-Za-z0-9+/=]+)`).FindSubmatch(frame)
	if found == nil {
		return frame, false
	}
	record, err := base64.StdEncoding.DecodeString(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(record, []byte("0.1401"), []byte("0.1409"), 1)
	coded := base64.StdEncoding.EncodeToString(changed)
	return bytes.Replace(frame, found[1], []byte(coded), 1), true
}

// A register that is reset ends the session with what was good, and both sides keep the frame that says so.
func TestASessionWhoseRegisterIsResetEndsWithItsProof(t *testing.T) {
	w := newOCPPWorld(t, time.Now(), station.OCPP{})
	s := ocpptest.MustDial(t, strings.Replace(w.charger.OCPP, "STATION", "BOX7", 1), "ocpp1.6", nil)
	s.Ask("boot", "BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
	_, over := w.charge("")
	s.Expect("RemoteStartTransaction")
	now := func() string { return w.clock.Now().Session.UTC().Format(time.RFC3339Nano) }
	begun := s.Ask("start", "StartTransaction", `{"connectorId":1,"idTag":"did-0001","meterStart":5000,"timestamp":"`+now()+`"}`)
	var m struct {
		Transaction int `json:"transactionId"`
	}
	if err := json.Unmarshal(begun.Payload, &m); err != nil {
		t.Fatal(err)
	}
	says := func(id, wh string) {
		s.Ask(id, "MeterValues", fmt.Sprintf(`{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%q}]}]}`,
			m.Transaction, now(), wh))
	}
	w.measures(500 + 100_000)
	says("first", "5100")
	says("second", "7")
	s.Expect("RemoteStopTransaction")
	s.Ask("stop", "StopTransaction", fmt.Sprintf(`{"transactionId":%d,"meterStop":9,"timestamp":%q}`, m.Transaction, now()))
	r := w.receipt(over)
	if r.Summary.EnergyWh != "100" {
		t.Errorf("%s Wh are paid", r.Summary.EnergyWh)
	}
	all := readings(t, r)
	last := all[len(all)-1]
	if !bytes.HasPrefix(last.Evidence, []byte("OCPP|")) || !bytes.Contains(last.Evidence, []byte(`"value":"7"`)) {
		t.Errorf("the vehicle has no proof: %q", last.Evidence)
	}
	kept, err := w.charger.Party.Store.Readings(w.ctx, last.Reading.Session)
	if err != nil || len(kept) == 0 || !bytes.Equal(kept[len(kept)-1].Signed, last.Encode()) {
		t.Errorf("the charger has no proof: %d readings, %v", len(kept), err)
	}
}

// restart stops the charger, with broker, ledger and central system, and starts it again where it was.
func (w *ocppWorld) restart() {
	w.t.Helper()
	api, station := strings.TrimPrefix(w.charger.URL, "http://"), w.options.OCPP.Listener.Addr().String()
	w.charger.Close()
	listen := func(address string) net.Listener {
		l, err := net.Listen("tcp", address)
		if err != nil {
			w.t.Fatal(err)
		}
		return l
	}
	w.options.OCPP.Listener = listen(station)
	var err error
	if w.charger, err = Start(w.ctx, w.options, listen(api)); err != nil {
		w.t.Fatal(err)
	}
}

// box is a charging station by hand: OCPP 1.6, one transaction at a time.
type box struct {
	*ocpptest.Station
	w           *ocppWorld
	connector   int
	calls       int
	transaction int
}

// dials connects a station; several connectors of one share its connection.
func (w *ocppWorld) dials(id string) *box {
	w.t.Helper()
	url := w.charger.OCPP[:strings.LastIndexByte(w.charger.OCPP, '/')+1] + id
	return &box{Station: ocpptest.MustDial(w.t, url, "ocpp1.6", nil), w: w, connector: 1}
}

func (b *box) says(action, format string, args ...any) ocpp.Frame {
	b.w.t.Helper()
	b.calls++
	return b.Ask(fmt.Sprintf("%d-%d", b.connector, b.calls), action, fmt.Sprintf(format, args...))
}

func (b *box) now() string { return b.w.clock.Now().Session.UTC().Format(time.RFC3339Nano) }

func (b *box) boots() {
	b.says("BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
}

// begins awaits the remote start and begins its transaction.
func (b *box) begins(wh int) {
	b.w.t.Helper()
	var asked struct {
		Connector int    `json:"connectorId"`
		Token     string `json:"idTag"`
	}
	if err := json.Unmarshal(b.Expect("RemoteStartTransaction").Payload, &asked); err != nil || asked.Connector != b.connector {
		b.w.t.Fatalf("started at connector %d, not %d (%v)", asked.Connector, b.connector, err)
	}
	begun := b.says("StartTransaction", `{"connectorId":%d,"idTag":%q,"meterStart":%d,"timestamp":%q}`, b.connector, asked.Token, wh, b.now())
	var m struct {
		Transaction int               `json:"transactionId"`
		Info        map[string]string `json:"idTagInfo"`
	}
	if err := json.Unmarshal(begun.Payload, &m); err != nil || m.Info["status"] != "Accepted" {
		b.w.t.Fatalf("%s, %v", begun.Payload, err)
	}
	b.transaction = m.Transaction
}

func (b *box) meters(wh string) {
	b.w.t.Helper()
	b.says("MeterValues", `{"connectorId":%d,"transactionId":%d,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%q}]}]}`,
		b.connector, b.transaction, b.now(), wh)
}

// stops ends the transaction, as it was told.
func (b *box) stops(wh int) {
	b.w.t.Helper()
	b.Expect("RemoteStopTransaction")
	b.says("StopTransaction", `{"transactionId":%d,"meterStop":%d,"timestamp":%q}`, b.transaction, wh, b.now())
}

// A transaction goes on through a restart of its charger: nothing flows until the vehicle pays again, and it is paid as one.
func TestASessionGoesOnAfterItsChargerWasRestarted(t *testing.T) {
	w := newOCPPWorld(t, time.Now(), station.OCPP{Stations: []station.OCPPStation{{ID: "BOX7"}}})
	s := w.dials("BOX7")
	s.boots()
	stop, over := w.charge("")
	s.begins(5000)
	w.measures(500 + 100_000)
	s.meters("5100")
	w.reads(100_000)
	w.restart()
	<-s.Gone()
	again := w.dials("BOX7")
	again.transaction = s.transaction
	again.meters("5120") // by which the station is back
	again.limited(0)
	again.limited(150_000) // once the vehicle is
	w.measures(500 + 150_000)
	again.meters("5150")
	stop()
	again.stops(5151)
	if r := w.receipt(over); r.Summary.EnergyWh != "151" {
		t.Errorf("%s Wh are paid", r.Summary.EnergyWh)
	}
}

// What a driver ends at the station while the charger is away is paid as the meter signed it, once the charger is back.
func TestATransactionThatEndsWhileItsChargerIsAwayIsPaidAsItsMeterSignedIt(t *testing.T) {
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		t.Fatal(err)
	}
	w := newOCPPWorld(t, time.Now(), signing("BOX7", key.Public()))
	s := w.dials("BOX7")
	s.boots()
	_, over := w.charge("")
	began := w.clock.Now().Session
	s.begins(5000)
	w.measures(500 + 130_000)
	s.meters("5100")
	w.reads(100_000)
	w.restart()
	<-s.Gone()
	ended := w.clock.Now().Session
	reading := func(event ocmf.Event, at time.Time, wh int64) ocmf.Reading {
		return ocmf.Reading{
			Time: at.UTC(), Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(wh * 1000), Register: "01-00:98.08.00.FF", Unit: "Wh",
			Current: "DC", Status: ocmf.Good,
		}
	}
	record, err := ocmf.Sign(ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: 1}, Meter: ocmf.Meter{Serial: "1234"},
		User:     ocmf.User{Assigned: true, Type: "CENTRAL", Data: "DID-0001"},
		Readings: []ocmf.Reading{reading(ocmf.Begin, began, 5000), reading(ocmf.End, ended, 5130)},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	value, err := json.Marshal(map[string]string{"signedMeterData": base64.StdEncoding.EncodeToString(record.Raw()), "encodingMethod": "OCMF"})
	if err != nil {
		t.Fatal(err)
	}
	again := w.dials("BOX7")
	again.says("StopTransaction", `{"transactionId":%d,"meterStop":5130,"timestamp":%q,"reason":"EVDisconnected","transactionData":[
		{"timestamp":%[2]q,"sampledValue":[{"value":%q,"format":"SignedData"}]}]}`, s.transaction, ended.UTC().Format(time.RFC3339Nano), value)
	r := w.receipt(over)
	all := readings(t, r)
	last := all[len(all)-1]
	if r.Summary.EnergyWh != "130" || last.Reading.Attestation != meter.AttestedOCMF || last.Reading.State != meter.Ended || !bytes.Equal(last.Evidence, record.Raw()) {
		t.Errorf("%s Wh are paid, ending on %+v", r.Summary.EnergyWh, last.Reading)
	}
}

// limited awaits a limit in watts.
func (b *box) limited(watts float64) {
	b.w.t.Helper()
	var m struct {
		Profile struct {
			Schedule struct {
				Periods []struct {
					Limit float64 `json:"limit"`
				} `json:"chargingSchedulePeriod"`
			} `json:"chargingSchedule"`
		} `json:"csChargingProfiles"`
	}
	for {
		if err := json.Unmarshal(b.Expect("SetChargingProfile").Payload, &m); err != nil || len(m.Profile.Schedule.Periods) != 1 {
			b.w.t.Fatalf("%+v, %v", m, err)
		}
		if m.Profile.Schedule.Periods[0].Limit == watts {
			return
		}
	}
}

// knows waits until a vehicle knows these outlets, and which of them are free.
func (w *ocppWorld) knows(want map[string]bool) {
	w.t.Helper()
	for w.ctx.Err() == nil {
		found, err := vehicle.Discover(w.ctx, w.payer, vehicle.Wish{}, 300*time.Millisecond)
		if err != nil {
			w.t.Fatal(err)
		}
		known := map[string]bool{}
		for _, a := range found {
			known[a.EVSE] = a.Free
		}
		if maps.Equal(known, want) {
			return
		}
	}
	w.t.Fatalf("it never came to %v", want)
}

// Several charging stations at one central system, each connector an outlet of its own: vehicles name it, pay for what flows
// there, and no other session notices.
func TestTwoStationsServeTwoVehiclesAtOnce(t *testing.T) {
	w := newOCPPWorld(t, time.Now(), station.OCPP{Stations: []station.OCPPStation{
		{ID: "BOX1", Connectors: []station.OCPPConnector{{Number: 1, EVSE: "DE*JLP*E1*1"}, {Number: 2, EVSE: "DE*JLP*E1*2"}}},
		{ID: "BOX2", Connectors: []station.OCPPConnector{{Number: 1, EVSE: "DE*JLP*E2*1"}}},
	}})
	one, two := w.dials("BOX1"), w.dials("BOX2")
	one.connector = 2
	one.boots()
	two.boots()
	other := w.newCar(wallet.Generate())
	stopOne, overOne := w.charge("DE*JLP*E1*2")
	stopTwo, overTwo := other.charge("DE*JLP*E2*1")
	one.begins(5000)
	two.begins(70_000)
	w.measures(500 + 100_000)
	other.measures(500 + 30_000)
	one.meters("5100")
	two.meters("70030")
	one.says("StatusNotification", `{"connectorId":1,"errorCode":"NoError","status":"Available"}`)
	w.knows(map[string]bool{"DE*JLP*E1*1": true, "DE*JLP*E1*2": false, "DE*JLP*E2*1": false})
	w.reads(100_000)
	w.reads(30_000)
	stopTwo()
	two.stops(70_030)
	stopOne()
	one.stops(5_100)
	for evse, r := range map[string]receipt.Receipt{"DE*JLP*E1*2": w.receipt(overOne), "DE*JLP*E2*1": other.receipt(overTwo)} {
		want := map[string]string{"DE*JLP*E1*2": "100", "DE*JLP*E2*1": "30"}[evse]
		if r.Summary.EVSE != evse || r.Summary.EnergyWh != want {
			t.Errorf("a receipt of %s Wh at %s, want %s at %s", r.Summary.EnergyWh, r.Summary.EVSE, want, evse)
		}
	}
	page, err := w.charger.Station.Stations(w.ctx, client.StationQuery{PageQuery: client.PageQuery{Limit: 2}})
	if err != nil || len(page.Items) != 2 || page.Items[0].EVSE != "DE*JLP*E1*1" || page.Next != "DE*JLP*E1*2" {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = w.charger.Station.Stations(w.ctx, client.StationQuery{PageQuery: client.PageQuery{Limit: 2, Cursor: page.Next}})
	if err != nil || len(page.Items) != 1 || page.Items[0].EVSE != "DE*JLP*E2*1" || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
}

// reads waits until the charger has signed for a register.
func (w *ocppWorld) reads(registerMwh int64) {
	w.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for w.ctx.Err() == nil {
		unfinished, err := w.charger.Party.Store.Unfinished(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range unfinished {
			if r.Quantity >= registerMwh {
				return
			}
		}
		<-look.C
	}
	w.t.Fatal("the charger never read so much")
}
