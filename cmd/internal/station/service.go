package station

import (
	_ "embed"
	"errors"
	"fmt"
	"time"

	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
)

// Services that a station sells, as vehicles know them.
const (
	Charging = party.Charging
	Parking  = party.Parking
	Toll     = party.Toll
	Data     = party.Data
)

// ErrService is returned for a service that no station sells, or a tariff that does not price it.
var ErrService = errors.New("station: not a service")

//go:embed tariffs/parking.json
var parkingTariff []byte

//go:embed tariffs/toll.json
var tollTariff []byte

//go:embed tariffs/data.json
var dataTariff []byte

// DefaultOf gives the settings of a station that sells a service and is started without flags: a charger at 0.49 EUR/kWh, a place
// at 1.80 EUR/h, a passage at 0.35 EUR, a message at 0.001 EUR, tax included but for the charger.
func DefaultOf(service string) (Config, error) {
	if service == Charging {
		return Default(pricing.Default()), nil
	}
	own, known := map[string]struct {
		tariff []byte
		unit   meter.Unit
		evse   string
		change func(*Config)
	}{
		// A claim a minute, of 3 cents: what goes on anyway need not be paid by the second.
		Parking: {parkingTariff, meter.Seconds, "DE*JLP*P1", func(c *Config) { c.ClaimEvery = time.Minute }},
		// One passage at a time; what a visit comes to stays in the channel, or each would cost a vertex.
		Toll: {tollTariff, meter.Count, "DE*JLP*T1", func(c *Config) { c.UnpaidMax, c.Deferred, c.ClaimEvery = 1, true, 2*time.Second }},
		Data: {dataTariff, meter.Count, "DE*JLP*D1", func(c *Config) { c.UnpaidMax = dataUnpaid }},
	}[service]
	if !known {
		return Config{}, fmt.Errorf("%w: %.40q", ErrService, service)
	}
	tariff, err := pricing.ParseTariff(own.tariff)
	if err != nil {
		return Config{}, err
	}
	c := Default(tariff)
	c.Service, c.Unit, c.EVSE = service, own.unit, own.evse
	own.change(&c)
	return c, nil
}

// dataUnpaid is how many messages go out before the first of them is paid: 5 cents at a tenth of a cent each.
const dataUnpaid = 50

// PulseOf gives how often the meters of a service are looked at, real time: nobody waits at a barrier for the next look.
func PulseOf(service string) time.Duration {
	switch service {
	case Toll:
		return 25 * time.Millisecond
	case Data:
		return 50 * time.Millisecond
	}
	return 250 * time.Millisecond
}

// CheckPriced returns ErrService for an offer that asks nothing for what is sold, which is seldom meant: a place is priced by
// PARKING_TIME, a piece by FLAT.
func CheckPriced(offer client.Station) error {
	component := map[string]string{Parking: "PARKING_TIME", Toll: "FLAT", Data: "FLAT"}[offer.Service]
	for _, e := range offer.Estimates {
		if e.Amount.Amount != 0 {
			return nil
		}
	}
	if component == "" {
		return nil
	}
	return fmt.Errorf("%w: the tariff asks nothing for %s, which %s prices", ErrService, offer.Service, component)
}
