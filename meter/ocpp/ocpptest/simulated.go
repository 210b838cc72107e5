package ocpptest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp"
)

// Simulated is a charging station of one connector, OCPP 1.6, that does by itself what a real one does: it connects again
// whenever it is cut off, delivers while its limit lets it, says what was not answered again, and signs with its meter.
type Simulated struct {
	URL        string // with its identity
	Password   string // user is the identity; empty for none
	ID         string
	Connector  int
	RegisterWh int
	TickWh     int // what flows in a tick at any limit above zero
	Tick       time.Duration
	Key        *ocmf.PrivateKey // of its meter; nil: it signs nothing
	ResetAtWh  int              // of a transaction: then its register begins at zero; 0: never
	HoldsStop  bool             // it does not report a stop before it was cut off and has connected again
	Vehicle    io.Writer        // hears lines of what the vehicle at the connector measures; nil for nobody
	Says       io.Writer        // hears lines of what happens

	ws    *websocket.Conn
	calls int
	queue []call // the first may be under way
	sent  bool
	held  []call

	transaction json.Number
	token       string
	began       time.Time
	startWh     int
	measuredWh  int
	flowing     bool
	reset       bool
	page        uint64
	reported    time.Time
}

// call is what the station has to say.
type call struct {
	action, payload string
	then            func(payload json.RawMessage)
}

// dialTimeMax is how long a station tries to connect before it tries again.
const dialTimeMax = 10 * time.Second

// reconnectEvery is how often a station that is cut off tries again.
const reconnectEvery = 200 * time.Millisecond

// Run plays the station until ctx ends.
func (s *Simulated) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.connected(ctx); err != nil && ctx.Err() == nil {
			s.says("cut off")
			select {
			case <-ctx.Done():
			case <-time.After(reconnectEvery):
			}
		}
	}
	return nil
}

func (s *Simulated) says(format string, args ...any) {
	if s.Says != nil {
		_, _ = fmt.Fprintf(s.Says, format+"\n", args...)
	}
}

// connected plays one connection.
func (s *Simulated) connected(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := &websocket.DialOptions{Subprotocols: []string{"ocpp1.6"}, HTTPHeader: http.Header{}}
	if s.Password != "" {
		options.HTTPHeader.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.ID+":"+s.Password)))
	}
	dialing, gaveUp := context.WithTimeout(ctx, dialTimeMax)
	ws, _, err := websocket.Dial(dialing, s.URL, options)
	gaveUp()
	if err != nil {
		s.says("not connected: %v", err)
		return err
	}
	defer func() { _ = ws.CloseNow() }() // nothing is lost: what was not answered is said again
	ws.SetReadLimit(ocpp.FrameSizeMax)
	s.ws, s.sent = ws, false
	s.queue, s.held = append(s.queue, s.held...), nil
	s.queue = append([]call{{action: "BootNotification", payload: `{"chargePointVendor":"Acme","chargePointModel":"Simulated"}`}}, s.queue...)
	s.says("connected")
	frames, failed := make(chan ocpp.Frame), make(chan error, 1)
	go func() { failed <- receive(ctx, ws, frames) }()
	tick := time.NewTicker(s.Tick)
	defer tick.Stop()
	for {
		var err error
		select {
		case err = <-failed:
		case f := <-frames:
			err = s.take(ctx, f)
		case <-tick.C:
			s.flow()
			err = s.next(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func receive(ctx context.Context, ws *websocket.Conn, frames chan<- ocpp.Frame) error {
	for {
		_, raw, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		f, err := ocpp.DecodeFrame(raw)
		if err != nil {
			return err
		}
		select {
		case frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flow delivers a tick's energy, and reports the meter now and then.
func (s *Simulated) flow() {
	defer s.measured()
	if s.transaction == "" {
		return
	}
	if s.flowing {
		s.RegisterWh += s.TickWh
		s.measuredWh += s.TickWh
		if s.ResetAtWh > 0 && !s.reset && s.RegisterWh-s.startWh >= s.ResetAtWh {
			s.reset, s.RegisterWh = true, 0
			s.says("the register was reset")
		}
	}
	if len(s.queue) == 0 && time.Since(s.reported) > 3*s.Tick {
		s.reported = time.Now()
		s.queues("MeterValues", nil, `{"connectorId":%d,"transactionId":%s,"meterValue":[{"timestamp":%q,"sampledValue":[{"value":"%d"}]}]}`,
			s.Connector, s.transaction, stamp(s.reported), s.RegisterWh)
	}
}

// measured tells what the vehicle measures.
func (s *Simulated) measured() {
	if s.Vehicle != nil {
		_, _ = fmt.Fprintf(s.Vehicle, "{\"register_mwh\":%d}\n", s.measuredWh*1000)
	}
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Simulated) queues(action string, then func(json.RawMessage), format string, args ...any) {
	s.queue = append(s.queue, call{action, fmt.Sprintf(format, args...), then})
}

// next says what is to be said next, once the last was answered.
func (s *Simulated) next(ctx context.Context) error {
	if s.sent || len(s.queue) == 0 {
		return nil
	}
	s.sent = true
	s.calls++
	return s.write(ctx, ocpp.Frame{
		Kind: ocpp.Call, ID: fmt.Sprintf("s%d", s.calls), Action: s.queue[0].action, Payload: json.RawMessage(s.queue[0].payload),
	})
}

func (s *Simulated) write(ctx context.Context, f ocpp.Frame) error {
	raw, err := f.Encode()
	if err != nil {
		return err
	}
	return s.ws.Write(ctx, websocket.MessageText, raw)
}

// take takes an answer, or does what it is told.
func (s *Simulated) take(ctx context.Context, f ocpp.Frame) error {
	switch {
	case f.Kind == ocpp.Call:
		s.told(f)
		return s.write(ctx, ocpp.Frame{Kind: ocpp.CallResult, ID: f.ID, Payload: json.RawMessage(`{"status":"Accepted"}`)})
	case !s.sent || f.ID != fmt.Sprintf("s%d", s.calls):
		return nil
	}
	s.sent = false
	if f.Kind == ocpp.CallError {
		s.says("not taken: %s", s.queue[0].action)
		return nil // it is said again
	}
	done := s.queue[0]
	s.queue = s.queue[1:]
	if done.then != nil {
		done.then(f.Payload)
	}
	return nil
}

func (s *Simulated) told(f ocpp.Frame) {
	var m struct {
		Tag     string `json:"idTag"`
		Profile struct {
			Schedule struct {
				Periods []struct {
					Limit float64 `json:"limit"`
				} `json:"chargingSchedulePeriod"`
			} `json:"chargingSchedule"`
		} `json:"csChargingProfiles"`
	}
	_ = json.Unmarshal(f.Payload, &m) // what it cannot read it does not do
	switch {
	case f.Action == "RemoteStartTransaction" && s.transaction == "":
		s.starts(m.Tag)
	case f.Action == "RemoteStopTransaction" && s.transaction != "":
		s.stops()
	case f.Action == "SetChargingProfile" && len(m.Profile.Schedule.Periods) == 1:
		s.flowing = m.Profile.Schedule.Periods[0].Limit > 0
	}
}

func (s *Simulated) starts(tag string) {
	s.token, s.began, s.startWh = tag, time.Now(), s.RegisterWh
	s.queues("StartTransaction", func(answer json.RawMessage) {
		var m struct {
			Transaction json.Number       `json:"transactionId"`
			Info        map[string]string `json:"idTagInfo"`
		}
		if err := json.Unmarshal(answer, &m); err == nil && m.Info["status"] == "Accepted" {
			s.transaction, s.flowing = m.Transaction, true
			s.says("transaction %s began", s.transaction)
		}
	}, `{"connectorId":%d,"idTag":%q,"meterStart":%d,"timestamp":%q}`, s.Connector, tag, s.startWh, stamp(s.began))
}

func (s *Simulated) stops() {
	s.flowing = false
	ended := time.Now()
	data := ""
	if s.Key != nil {
		data = `,"transactionData":[` + s.signed(ended) + `]`
	}
	stop := call{"StopTransaction", fmt.Sprintf(`{"transactionId":%s,"meterStop":%d,"timestamp":%q%s}`, s.transaction, s.RegisterWh, stamp(ended), data),
		func(json.RawMessage) { s.says("transaction ended at %d Wh", s.RegisterWh-s.startWh) }}
	s.transaction = ""
	s.says("told to stop")
	if s.HoldsStop {
		s.held, s.HoldsStop = append(s.held, stop), false
		return
	}
	s.queue = append(s.queue, stop)
}

// signed gives the meter value with the record that the meter signs of the transaction.
func (s *Simulated) signed(ended time.Time) string {
	s.page++
	reading := func(event ocmf.Event, at time.Time, wh int) ocmf.Reading {
		return ocmf.Reading{
			Time: at, Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(int64(wh) * 1000), Register: "01-00:98.08.00.FF", Unit: "Wh",
			Current: "DC", Status: ocmf.Good,
		}
	}
	record, err := ocmf.Sign(ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: s.page}, Meter: ocmf.Meter{Serial: "SIM-" + s.ID},
		User:     ocmf.User{Assigned: true, Type: "CENTRAL", Data: s.token},
		Readings: []ocmf.Reading{reading(ocmf.Begin, s.began, s.startWh), reading(ocmf.End, ended, s.RegisterWh)},
	}, *s.Key)
	if err != nil {
		s.says("the meter cannot sign: %v", err)
		return `{"timestamp":"` + stamp(ended) + `","sampledValue":[]}`
	}
	value, _ := json.Marshal(map[string]string{ // texts only
		"signedMeterData": base64.StdEncoding.EncodeToString(record.Raw()), "signingMethod": "", "encodingMethod": "OCMF",
		"publicKey": hex.EncodeToString(s.Key.Public().DER()),
	})
	text, _ := json.Marshal(string(value))
	return fmt.Sprintf(`{"timestamp":%q,"sampledValue":[{"value":%s,"format":"SignedData","context":"Transaction.End"}]}`, stamp(ended), text)
}
