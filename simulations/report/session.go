package report

import (
	"slices"
	"strconv"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// Sessions makes rows of visits in the order of their begin, for engines that keep nothing else of them.
func Sessions(visits []measure.Visit, currency money.Currency) []Session {
	rows := make([]Session, 0, len(visits))
	for _, v := range visits {
		x := Session{
			Vehicle: v.Vehicle, Station: v.Station, Arrived: &v.Arrived, Began: v.Began, Ended: &v.Left,
			Cost: money.Of(v.Cost, currency), Paid: money.Of(v.Paid, currency),
		}
		if v.Service == measure.Charging {
			x.Requested, x.EnergyWh, x.Returned = Energy(v.Requested), Energy(v.Delivered), Energy(v.Returned)
		} else {
			x.Service, x.Quantity = v.Service, v.Delivered
		}
		if v.Earned != 0 {
			x.Earned = money.Of(v.Earned, currency)
		}
		if v.Began.IsZero() {
			x.Began, x.Reason = v.Arrived, "never served"
		} else {
			x.Started = &v.Began
		}
		rows = append(rows, x)
	}
	slices.SortStableFunc(rows, func(a, b Session) int { return a.Began.Compare(b.Began) })
	return rows
}

// sold gives what was sold: kWh, or seconds or pieces of another service.
func (x *Session) sold() string {
	switch x.service() {
	case measure.Charging:
		return x.EnergyWh.KWh()
	case "parking":
		return strconv.FormatInt(x.Quantity, 10) + " s"
	default:
		return strconv.FormatInt(x.Quantity, 10) + " pieces"
	}
}

// kept tells whether the channel of a session was there before.
func (x *Session) kept() string {
	switch {
	case x.Channel == "":
		return "none"
	case x.Reused:
		return "reused"
	default:
		return "new"
	}
}

func (x *Session) service() string {
	if x.Service == "" {
		return measure.Charging
	}
	return x.Service
}

// ending says in words how a session ended.
func (x *Session) ending() string {
	end := x.StationEnd
	if x.Settled != nil {
		end = "settled"
	}
	switch {
	case x.Reason == "":
		return end
	case end == "":
		return x.Reason
	}
	return end + " (" + x.Reason + ")"
}
