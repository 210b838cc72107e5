package station

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"joulepay/pricing"
)

// ErrTariffFile is returned for a tariff file that cannot be read.
var ErrTariffFile = errors.New("station: the tariff file cannot be read")

// ReadTariff reads an OCPI tariff object from a file.
func ReadTariff(path string) (*pricing.Tariff, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTariffFile, err)
	}
	defer func() { _ = file.Close() }() // read only
	raw, err := io.ReadAll(io.LimitReader(file, pricing.TariffBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTariffFile, err)
	}
	tariff, err := pricing.ParseTariff(raw) // which refuses one that is larger
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tariff, nil
}

// TariffAt gives the tariff of sessions that begin at a time of the session clock.
type TariffAt func(time.Time) (*pricing.Tariff, error)

// MarketAt gives the market price of a time, EUR/MWh as published; false where none is known.
type MarketAt func(time.Time) (string, bool)

func (s *Station) tariff(at time.Time) (*pricing.Tariff, error) {
	if s.config.TariffAt != nil {
		return s.config.TariffAt(at)
	}
	return s.config.Tariff, nil
}
