package ocpp

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// v201 is OCPP 2.0.1.
type v201 struct{}

func (v201) name() string { return "OCPP 2.0.1" }

type idToken struct {
	Token string `json:"idToken"`
	Type  string `json:"type"`
}

type tokenInfo struct {
	Info accepted `json:"idTokenInfo"`
}

func (v v201) handle(st *Station, action string, payload []byte) (any, error) {
	switch action {
	case "BootNotification":
		return v.boot(st, payload)
	case "Heartbeat":
		return currentTime{st.system.config.Now().UTC()}, nil
	case "StatusNotification":
		return v.status(st, payload)
	case "Authorize":
		var m struct {
			Token idToken `json:"idToken"`
		}
		err := decode(payload, &m)
		return tokenInfo{tagAnswer(st.authorises(m.Token.Token))}, err
	case "TransactionEvent":
		return v.event(st, payload)
	case "DataTransfer":
		return accepted{"UnknownVendorId"}, nil
	case "MeterValues", "NotifyReport", "NotifyEvent", "NotifyMonitoringReport", "NotifyChargingLimit", "NotifyEVChargingNeeds",
		"NotifyEVChargingSchedule", "NotifyCustomerInformation", "NotifyDisplayMessages", "SecurityEventNotification",
		"LogStatusNotification", "FirmwareStatusNotification", "ReportChargingProfiles", "ReservationStatusUpdate",
		"ClearedChargingLimit":
		return empty{}, nil // outside a transaction, or nothing that matters here
	}
	return nil, ErrAction
}

func (v201) boot(st *Station, payload []byte) (any, error) {
	var m struct {
		Station struct {
			Vendor   string `json:"vendorName"`
			Model    string `json:"model"`
			Serial   string `json:"serialNumber"`
			Firmware string `json:"firmwareVersion"`
		} `json:"chargingStation"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	s := m.Station
	return st.boots(Identity{Vendor: s.Vendor, Model: s.Model, Serial: s.Serial, Firmware: s.Firmware})
}

func (v201) status(st *Station, payload []byte) (any, error) {
	var m struct {
		EVSE   int    `json:"evseId"`
		Status string `json:"connectorStatus"`
	}
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	st.status(m.EVSE, parseStatus(m.Status))
	return empty{}, nil
}

// transactionEvent is the one message of a transaction.
type transactionEvent struct {
	Type        string    `json:"eventType"`
	At          timestamp `json:"timestamp"`
	Sequence    int64     `json:"seqNo"`
	Transaction struct {
		ID            string `json:"transactionId"`
		ChargingState string `json:"chargingState"`
	} `json:"transactionInfo"`
	EVSE *struct {
		ID int `json:"id"`
	} `json:"evse"`
	Token  *idToken     `json:"idToken"`
	Values []meterValue `json:"meterValue"`
}

func (v v201) event(st *Station, payload []byte) (any, error) {
	var m transactionEvent
	if err := decode(payload, &m); err != nil {
		return nil, err
	}
	if m.Transaction.ID == "" || len(m.Transaction.ID) > textMax || m.At.IsZero() {
		return nil, fmt.Errorf("%w: transactionId or timestamp", ErrPayload)
	}
	looks, err := readLooks(m.Values)
	if err != nil {
		return nil, err
	}
	may := v.take(st, m, looks, payload)
	if m.Token == nil {
		return empty{}, nil
	}
	return tokenInfo{tagAnswer(may)}, nil
}

// take tells whether the token of the event may charge.
func (v v201) take(st *Station, m transactionEvent, looks []look, frame []byte) bool {
	id, token, evse := m.Transaction.ID, "", 0
	if m.Token != nil {
		token = m.Token.Token
	}
	o, tx := st.transactionOf(id)
	switch {
	case m.EVSE != nil:
		evse = m.EVSE.ID
	case tx != nil:
		evse = o.config.Number
		tx.quirks[QuirkNoEVSE] = true
	}
	if tx != nil {
		if tx.counted && m.Sequence <= tx.sequence {
			tx.quirks[QuirkSequence] = true
		}
		tx.sequence, tx.counted = m.Sequence, true
	}
	switch m.Type {
	case "Started":
		_, may := st.began(start{connector: evse, id: id, key: "event " + id, token: token, at: m.At.Time, looks: looks}, frame)
		st.charging(id, m.Transaction.ChargingState)
		return may
	case "Ended":
		st.ends(id, m.At.Time, 0, false, looks, frame)
	default:
		st.follow(evse, id, looks, frame)
		st.charging(id, m.Transaction.ChargingState)
	}
	return tx != nil && sameToken(token, tx.token)
}

// charging takes the charging state of an event: connectors of 2.0.1 only say Occupied.
func (st *Station) charging(id, state string) {
	o, _ := st.transactionOf(id)
	if o == nil {
		return
	}
	switch s := parseStatus(state); {
	case s == StatusCharging || s == StatusSuspendedEV || s == StatusSuspendedEVSE:
		o.status = s
	case state == "EVConnected":
		o.status = StatusOccupied
	}
}

func (v201) configure(c caller, o setup) error {
	var answer struct {
		Results []struct {
			Status string `json:"attributeStatus"`
		} `json:"setVariableResult"`
	}
	err := c.call("SetVariables", map[string]any{"setVariableData": []map[string]any{{
		"component": map[string]string{"name": "SampledDataCtrlr"}, "variable": map[string]string{"name": "TxUpdatedInterval"},
		"attributeValue": strconv.Itoa(int(o.meterEvery / time.Second)),
	}}}, &answer)
	if err != nil {
		return err
	}
	for _, r := range answer.Results {
		if err := refusedUnless("SetVariables TxUpdatedInterval", r.Status, "Accepted", "RebootRequired"); err != nil {
			return err
		}
	}
	return nil
}

func (v201) look(c caller, evse int) error {
	for _, message := range [...]string{"StatusNotification", "TransactionEvent"} {
		var answer accepted
		if err := c.call("TriggerMessage", map[string]any{
			"requestedMessage": message, "evse": map[string]any{"id": evse, "connectorId": 1},
		}, &answer); err != nil {
			return err
		}
	}
	return nil
}

func (v201) remoteStart(c caller, evse int, token string) error {
	var answer accepted
	err := c.call("RequestStartTransaction", map[string]any{
		"evseId": evse, "remoteStartId": c.count(), "idToken": idToken{Token: token, Type: "Central"},
	}, &answer)
	if err != nil {
		return err
	}
	return refusedUnless("RequestStartTransaction", answer.Status, "Accepted")
}

func (v201) remoteStop(c caller, transaction string) error {
	var answer accepted
	if err := c.call("RequestStopTransaction", map[string]any{"transactionId": transaction}, &answer); err != nil {
		return err
	}
	return refusedUnless("RequestStopTransaction", answer.Status, "Accepted")
}

func (v201) limit(c caller, evse int, transaction string, milliwatts int64) error {
	var err error
	for _, limit := range limitsOf(milliwatts) {
		var answer accepted
		err = c.call("SetChargingProfile", map[string]any{
			"evseId": evse,
			"chargingProfile": map[string]any{
				"id": profileID, "transactionId": transaction, "stackLevel": 0,
				"chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
				"chargingSchedule": []map[string]any{{
					"id": 1, "chargingRateUnit": limit.unit,
					"chargingSchedulePeriod": []map[string]any{{"startPeriod": 0, "limit": limit.value}},
				}},
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
