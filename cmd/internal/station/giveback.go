package station

import (
	"fmt"
	"os"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// GiveBack says that a station takes energy back from vehicles, and when.
type GiveBack struct {
	Tariff     *pricing.Tariff // what it pays
	MaxPowerMw int64           // milliwatts
	// Above is the price of a kWh, VAT included, over which the station takes energy, and up to which it gives some; nil: what it
	// pays itself at that time.
	Above *money.Amount
}

// ParseGiveBack reads what people type: a price of a kWh, VAT included, in the currency of the default tariff, or the file of an
// OCPI tariff; a power such as 10kW; and a threshold, which may be empty.
func ParseGiveBack(price, power, above string) (*GiveBack, error) {
	var back GiveBack
	var err error
	if back.Tariff, err = giveBackTariff(price); err != nil {
		return nil, fmt.Errorf("--give-back: %w", err)
	}
	if back.MaxPowerMw, err = meter.ParsePower(power); err != nil {
		return nil, fmt.Errorf("--return-power: %w", err)
	}
	if above == "" {
		return &back, nil
	}
	threshold, err := money.Parse(above)
	if err != nil {
		return nil, fmt.Errorf("--return-above: %w", err)
	}
	back.Above = &threshold
	return &back, nil
}

func giveBackTariff(text string) (*pricing.Tariff, error) {
	if _, err := os.Stat(text); err != nil {
		return pricing.FlatGiveBack(text, pricing.Default().Currency())
	}
	tariff, err := ReadTariff(text)
	if err != nil {
		return nil, err
	}
	return tariff, tariff.CheckGiveBack()
}

// takesBack tells whether an outlet takes energy back, and refuses to promise it for one that cannot.
func (at *place) takesBack() error {
	if at.station.config.GiveBack != nil && meter.MaxReturn(at.Connector) == 0 {
		return fmt.Errorf("outlet %s: %w", at.EVSE, meter.ErrLimit)
	}
	return nil
}

// quoteBack completes what a quote is made of by what the station pays for energy.
func (at *place) quoteBack(in *quote.Inputs) {
	if back := at.station.config.GiveBack; back != nil {
		in.GiveBack, in.MaxReturnMw = back.Tariff, min(back.MaxPowerMw, meter.MaxReturn(at.Connector))
	}
}

// steer takes energy back while a kWh sells for more than the threshold, and gives all that the outlet can otherwise.
func (at *place) steer(now session.Instant) (int64, bool) {
	s := at.station
	dear, err := s.dear(now, at.Connector.MaxPowerMilliwatts())
	if err != nil {
		s.log.Debug("no price to steer by", "evse", at.EVSE, "error", err)
		return 0, false
	}
	if dear {
		return -min(s.config.GiveBack.MaxPowerMw, meter.MaxReturn(at.Connector)), true
	}
	return at.Connector.MaxPowerMilliwatts(), true
}

// dear tells whether a kWh sells for more than the threshold now.
func (s *Station) dear(now session.Instant, powerMw int64) (bool, error) {
	tariff, err := s.tariff(now.Session)
	if err != nil {
		return false, err
	}
	location, err := pricing.LoadLocation(s.config.TimeZone)
	if err != nil {
		return false, err
	}
	price, err := pricing.EnergyPrice(tariff, now.Session, location, powerMw)
	if err != nil {
		return false, err
	}
	above := s.config.GiveBack.Above
	if above == nil {
		paid, err := pricing.EnergyPrice(s.config.GiveBack.Tariff, now.Session, location, powerMw)
		return price > paid, err
	}
	return price > *above, nil
}
