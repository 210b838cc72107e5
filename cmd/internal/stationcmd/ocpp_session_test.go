package stationcmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	payer   *party.Party
	meter   *os.File // what is written here the vehicle measures

	mu     sync.Mutex // guards below
	events []ocpp.Event
}

func newOCPPWorld(t *testing.T, recordedAt time.Time, o station.OCPP) *ocppWorld {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sessionMax)
	t.Cleanup(cancel)
	w := &ocppWorld{t: t, ctx: ctx, clock: shifted(time.Until(recordedAt))}
	own := wallet.Generate()
	o.Connector, o.MaxPowerMw, o.Report = 1, 150_000_000, w.told
	o.MeterEvery = time.Minute // a machine that is busy is not a station that is silent
	o.Listener = listenLow(t)
	car := wallet.Generate()
	o.Contracts = map[string]string{car.DID().String(): "DID-0001"} // what the recorded station knows its driver by
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
			if o.SignedRequired {
				c.Attestation, c.OCMFKey = meter.AttestedOCMF, o.MeterKey.DER()
			}
			return c, nil
		},
	}
	var err error
	if w.charger, err = Start(ctx, w.options, listenLow(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.charger.Close() })
	w.payer, err = party.Open(ctx, party.Options{
		Wallet: car, Dir: folder(t, "vehicle"), NATS: w.charger.NATS, Ledger: w.charger.URL, Log: w.options.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.payer.Close)
	ask := client.IssueRequest{To: car.DID(), Amount: money.Of(100*money.Nano, w.payer.Ledger.Trusted().Genesis.Currency), Reference: "test"}
	if _, err := w.charger.node.Issue(ctx, ask); err != nil {
		t.Fatal(err)
	}
	return w
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
func (w *ocppWorld) measures(registerMwh int64) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.meter, `{"register_mwh":%d}`+"\n", registerMwh); err != nil {
		w.t.Fatal(err)
	}
}

// charge runs the vehicle's session; stop ends it politely. What it gives is sent when it is over.
func (w *ocppWorld) charge() (stop func(), over <-chan session.SessionRecord) {
	w.t.Helper()
	pipe := filepath.Join(w.t.TempDir(), "meter")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		w.t.Fatal(err)
	}
	var err error
	if w.meter, err = os.OpenFile(pipe, os.O_RDWR, 0); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.meter.Close() })
	w.measures(500)
	policy := session.DefaultPayerPolicy()
	policy.ClockStart = sessionMax
	car, err := vehicle.New(w.payer, vehicle.Config{
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
		err := car.Drive(w.ctx, polite, nil, func(r session.SessionRecord) error { records <- r; return nil })
		if err != nil {
			w.t.Errorf("the vehicle: %v", err)
			close(records)
		}
	}()
	w.t.Cleanup(func() { stop(); <-done; _ = car.Close() })
	return stop, records
}

// receipt gives the receipt of a session, which must verify.
func (w *ocppWorld) receipt(over <-chan session.SessionRecord) receipt.Receipt {
	w.t.Helper()
	record, ok := <-over
	if !ok {
		w.t.FailNow()
	}
	if record.Phase != session.PhaseEnded {
		w.t.Fatalf("the session is %s: %s", record.Phase, record.Failure)
	}
	r, err := w.payer.AwaitReceipt(w.ctx, record.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := receipt.Verify(r, receipt.Options{}); err != nil {
		w.t.Fatal(err)
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
			stop, over = w.charge()
		case "MeterValues", "TransactionEvent":
			w.measures(500 + measuredMwh)
		case last:
			w.measures(500 + measuredMwh)
			stop()
		}
	}, nil)
	return w.receipt(over)
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
			w := newOCPPWorld(t, c.begins, station.OCPP{Station: "S001", SignedRequired: true, MeterKey: meterKey(t, lines)})
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
	w := newOCPPWorld(t, time.Date(2026, 11, 20, 8, 2, 17, 0, time.UTC), station.OCPP{Station: "S001", SignedRequired: true, MeterKey: key})
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
	_, over := w.charge()
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

// A charger that was restarted in a session has the station end the transaction that it does not know any more, and goes on
// with another one.
func TestASessionGoesOnAfterItsChargerWasRestarted(t *testing.T) {
	w := newOCPPWorld(t, time.Now(), station.OCPP{Station: "BOX7"})
	now := func() string { return w.clock.Now().Session.UTC().Format(time.RFC3339Nano) }
	begin := func(s *ocpptest.Station, id string, wh int) (transaction int) {
		s.Expect("RemoteStartTransaction")
		begun := s.Ask(id, "StartTransaction", fmt.Sprintf(`{"connectorId":1,"idTag":"DID-0001","meterStart":%d,"timestamp":%q}`, wh, now()))
		var m struct {
			Transaction int               `json:"transactionId"`
			Info        map[string]string `json:"idTagInfo"`
		}
		if err := json.Unmarshal(begun.Payload, &m); err != nil || m.Info["status"] != "Accepted" {
			t.Fatalf("%s, %v", begun.Payload, err)
		}
		return m.Transaction
	}
	says := func(s *ocpptest.Station, id string, transaction int, wh string) {
		s.Ask(id, "MeterValues", fmt.Sprintf(`{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":%q}]}]}`,
			transaction, now(), wh))
	}
	s := ocpptest.MustDial(t, w.charger.OCPP, "ocpp1.6", nil)
	s.Ask("boot", "BootNotification", `{"chargePointVendor":"Acme","chargePointModel":"One"}`)
	stop, over := w.charge()
	first := begin(s, "start", 5000)
	w.measures(500 + 100_000)
	says(s, "first", first, "5100")
	w.reads(100_000)
	w.restart()
	<-s.Gone()
	s = ocpptest.MustDial(t, w.charger.OCPP, "ocpp1.6", nil)
	says(s, "again", first, "5120")
	s.Expect("RemoteStopTransaction")
	s.Ask("stop", "StopTransaction", fmt.Sprintf(`{"transactionId":%d,"meterStop":5121,"timestamp":%q}`, first, now()))
	second := begin(s, "second", 5121)
	w.measures(500 + 150_000)
	says(s, "more", second, "5150")
	stop()
	s.Expect("RemoteStopTransaction")
	s.Ask("end", "StopTransaction", fmt.Sprintf(`{"transactionId":%d,"meterStop":5151,"timestamp":%q}`, second, now()))
	if r := w.receipt(over); r.Summary.EnergyWh != "130" {
		t.Errorf("%s Wh are paid; 100 were read before the restart, and 30 delivered after it", r.Summary.EnergyWh)
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
