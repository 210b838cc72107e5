package station

import (
	"errors"
	"fmt"
	"io"
	"os"

	"joulepay/pricing"
)

// ErrTariffFile is returned for a tariff file that cannot be read.
var ErrTariffFile = errors.New("station: the tariff file cannot be read")

// tariffSizeMax bounds a tariff file: it must fit a quote.
const tariffSizeMax = 8 << 10

// ReadTariff reads an OCPI tariff object from a file.
func ReadTariff(path string) (*pricing.Tariff, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTariffFile, err)
	}
	defer func() { _ = file.Close() }() // read only
	raw, err := io.ReadAll(io.LimitReader(file, tariffSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTariffFile, err)
	}
	if len(raw) > tariffSizeMax {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrTariffFile, path, tariffSizeMax)
	}
	tariff, err := pricing.ParseTariff(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tariff, nil
}
