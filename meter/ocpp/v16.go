package ocpp

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// v16 is OCPP 1.6J.
type v16 struct{}

func (v16) name() string { return "OCPP 1.6" }

// heartbeatSeconds is how often a station that says nothing else says that it lives.
const heartbeatSeconds = 60

type empty struct{}

type currentTime struct {
	CurrentTime time.Time `json:"currentTime"`
}

type bootAnswer struct {
	CurrentTime time.Time `json:"currentTime"`
	Interval    int       `json:"interval"`
	Status      string    `json:"status"`
}

type tagInfo struct {
	Info accepted `json:"idTagInfo"`
}

func tagAnswer(may bool) accepted {
	if may {
		return accepted{"Accepted"}
	}
	return accepted{"Invalid"}
}

func (v v16) handle(st *Station, action string, payload []byte) (any, error) {
	switch action {
	case "BootNotification":
		return v.boot(st, payload)
	case "Heartbeat":
		return currentTime{st.system.config.Now().UTC()}, nil
	case "StatusNotification":
		return v.status(st, payload)
	case "Authorize":
		var m struct {
			IDTag string `json:"idTag"`
		}
		err := decode(payload, &m)
		return tagInfo{tagAnswer(st.authorises(m.IDTag))}, err
	case "StartTransaction":
		return v.start(st, payload)
	case "MeterValues":
		return v.values(st, payload)
	case "StopTransaction":
		return v.stop(st, payload)
	case "DataTransfer":
		return accepted{"UnknownVendorId"}, nil
	case "DiagnosticsStatusNotification", "FirmwareStatusNotification", "SecurityEventNotification", "LogStatusNotification",
		"SignedFirmwareStatusNotification":
		return empty{}, nil
	}
	return nil, ErrAction
}

func (v16) boot(st *Station, payload []byte) (any, error) {
	var m struct {
		Vendor   string `json:"chargePointVendor"`
		Model    string `json:"chargePointModel"`
		Serial   string `json:"chargePointSerialNumber"`
		Firmware string `json:"firmwareVersion"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	return st.boots(Identity{Vendor: m.Vendor, Model: m.Model, Serial: m.Serial, Firmware: m.Firmware})
}

// boots answers a station that says, in either version, what it is.
func (st *Station) boots(i Identity) (any, error) {
	if err := bounded(&i.Vendor, &i.Model, &i.Serial, &i.Firmware); err != nil {
		return nil, err
	}
	st.booting(i)
	st.kick()
	return bootAnswer{st.system.config.Now().UTC(), heartbeatSeconds, "Accepted"}, nil
}

func (v16) status(st *Station, payload []byte) (any, error) {
	var m struct {
		Connector int    `json:"connectorId"`
		Status    string `json:"status"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	st.status(m.Connector, parseStatus(m.Status))
	return empty{}, nil
}

// whMax bounds a register of 1.6 in Wh, so that mWh fit.
const whMax = math.MaxInt64 / 4000

func (v16) start(st *Station, payload []byte) (any, error) {
	var m struct {
		Connector int       `json:"connectorId"`
		IDTag     string    `json:"idTag"`
		Meter     int64     `json:"meterStart"`
		At        timestamp `json:"timestamp"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	if err := bounded(&m.IDTag); err != nil {
		return nil, err
	}
	if m.Meter < 0 || m.Meter > whMax || m.At.IsZero() || m.IDTag == "" {
		return nil, fmt.Errorf("%w: meterStart, timestamp or idTag", ErrPayload)
	}
	id, may := st.began(start{
		connector: m.Connector, key: fmt.Sprintf("%d %s %d %d", m.Connector, m.IDTag, m.Meter, m.At.UnixNano()), token: m.IDTag,
		at: m.At.Time, register: m.Meter * 1000, known: true,
	}, payload)
	number, err := strconv.ParseInt(id, 10, 64)
	return struct {
		tagInfo
		Transaction int64 `json:"transactionId"`
	}{tagInfo{tagAnswer(may)}, number}, err
}

func (v16) values(st *Station, payload []byte) (any, error) {
	var m struct {
		Connector   int          `json:"connectorId"`
		Transaction *int64       `json:"transactionId"`
		Values      []meterValue `json:"meterValue"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	looks, err := readLooks(m.Values)
	if err != nil || m.Transaction == nil {
		return empty{}, err // without a transaction nothing is billed
	}
	st.follow(m.Connector, strconv.FormatInt(*m.Transaction, 10), looks, payload)
	return empty{}, nil
}

func (v16) stop(st *Station, payload []byte) (any, error) {
	var m struct {
		Transaction int64        `json:"transactionId"`
		IDTag       string       `json:"idTag"`
		Meter       int64        `json:"meterStop"`
		At          timestamp    `json:"timestamp"`
		Data        []meterValue `json:"transactionData"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	if m.Meter < 0 || m.Meter > whMax || m.At.IsZero() {
		return nil, fmt.Errorf("%w: meterStop or timestamp", ErrPayload)
	}
	looks, err := readLooks(m.Data)
	if err != nil {
		return nil, err
	}
	st.ends(strconv.FormatInt(m.Transaction, 10), m.At.Time, m.Meter*1000, true, looks, payload)
	return tagInfo{accepted{"Accepted"}}, nil
}

func (v16) configure(c caller, o setup) error {
	var answer accepted
	err := c.call("ChangeConfiguration", map[string]string{
		"key": "MeterValueSampleInterval", "value": strconv.Itoa(int(o.meterEvery / time.Second)),
	}, &answer)
	if err != nil {
		return err
	}
	return refusedUnless("ChangeConfiguration MeterValueSampleInterval", answer.Status, "Accepted", "RebootRequired")
}

func (v16) look(c caller, connector int) error {
	for _, message := range [...]string{"StatusNotification", "MeterValues"} {
		var answer accepted
		if err := c.call("TriggerMessage", map[string]any{"requestedMessage": message, "connectorId": connector}, &answer); err != nil {
			return err
		}
	}
	return nil
}

func (v16) remoteStart(c caller, connector int, token string) error {
	var answer accepted
	err := c.call("RemoteStartTransaction", map[string]any{"connectorId": connector, "idTag": token}, &answer)
	if err != nil {
		return err
	}
	return refusedUnless("RemoteStartTransaction", answer.Status, "Accepted")
}

func (v16) remoteStop(c caller, transaction string) error {
	number, err := strconv.ParseInt(transaction, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: transaction %.40q", ErrPayload, transaction)
	}
	var answer accepted
	if err := c.call("RemoteStopTransaction", map[string]any{"transactionId": number}, &answer); err != nil {
		return err
	}
	return refusedUnless("RemoteStopTransaction", answer.Status, "Accepted")
}

// profileID is the one charging profile that this central system sets.
const profileID = 1

// Voltage and phases by which a station that knows only amperes is told a power: the least that European stations have, so that
// the power is never more than was meant.
const (
	profileVolts  = 230
	profilePhases = 3
)

// scheduleLimit is a limit in watts or amperes, with one decimal.
type scheduleLimit struct {
	unit  string
	value float64
}

func limitsOf(milliwatts int64) [2]scheduleLimit {
	tenths := func(v float64) float64 { return math.Floor(v*10) / 10 }
	return [2]scheduleLimit{
		{"W", tenths(float64(milliwatts) / 1000)},
		{"A", tenths(float64(milliwatts) / 1000 / profileVolts / profilePhases)},
	}
}

func (v16) limit(c caller, connector int, transaction string, milliwatts int64) error {
	number, err := strconv.ParseInt(transaction, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: transaction %.40q", ErrPayload, transaction)
	}
	for _, limit := range limitsOf(milliwatts) {
		var answer accepted
		err = c.call("SetChargingProfile", map[string]any{
			"connectorId": connector,
			"csChargingProfiles": map[string]any{
				"chargingProfileId": profileID, "transactionId": number, "stackLevel": 0,
				"chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
				"chargingSchedule": map[string]any{
					"chargingRateUnit":       limit.unit,
					"chargingSchedulePeriod": []map[string]any{{"startPeriod": 0, "limit": limit.value}},
				},
			},
		}, &answer)
		if err == nil {
			err = refusedUnless("SetChargingProfile", answer.Status, "Accepted")
		}
		if err == nil || errors.Is(err, ErrTimeout) || errors.Is(err, ErrOffline) {
			return err
		}
	}
	return err
}
