package party

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/settle/client"
)

// Services that are sold, as stations and vehicles know them.
const (
	Charging = "charging" // energy, by the kWh
	Parking  = "parking"  // a place, by the second
	Toll     = "toll"     // passages of a gate
	Data     = "data"     // messages
)

// unitOf gives in what a service is counted; one that is not known is taken for energy.
func unitOf(service string) meter.Unit {
	unit, known := map[string]meter.Unit{Parking: meter.Seconds, Toll: meter.Count, Data: meter.Count}[service]
	if !known {
		return meter.MilliwattHours
	}
	return unit
}

// PricedBy gives the word for what a unit price of a service is of: "kWh", "h", "passage", "message".
func PricedBy(service string) string {
	if word, known := map[string]string{Charging: "kWh", Parking: "h", Toll: "passage", Data: "message"}[service]; known {
		return word
	}
	return "unit"
}

// QuantityWords tells a quantity to a person: "9.632 kWh", "1h30m0s", "3 passages", "1000 messages".
func QuantityWords(service, unit string, quantity int64) string {
	switch unit {
	case meter.MilliwattHours.String():
		return fmt.Sprintf("%.3f kWh", float64(quantity)/1e6)
	case meter.Seconds.String():
		return (time.Duration(quantity) * time.Second).String()
	}
	piece := PricedBy(service)
	if service != Toll && service != Data {
		piece = "piece"
	}
	if quantity == 1 {
		return "1 " + piece
	}
	return fmt.Sprintf("%d %ss", quantity, piece)
}

// EnergyOf gives a quantity as energy, where it is one; nil otherwise.
func EnergyOf(unit string, quantity int64) *client.Energy {
	if unit != meter.MilliwattHours.String() {
		return nil
	}
	energy := client.Energy(quantity)
	return &energy
}
