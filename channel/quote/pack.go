package quote

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"joulepay/pricing"
)

// Forms of a quote's tariff.
const (
	FormPlain    uint8 = 0
	FormDeflated uint8 = 1 // RFC 1951
)

// tariffPlainMax bounds a tariff before it is deflated: two days of quarter-hour prices take 36 KB, and 2 KB deflated.
const tariffPlainMax = 64 << 10

// packTariff gives the bytes of a tariff as a quote carries them: deflated only where they do not fit as they are.
func packTariff(plain []byte, most int) ([]byte, uint8, error) {
	if len(plain) <= most {
		return plain, FormPlain, nil
	}
	if len(plain) > tariffPlainMax {
		return nil, 0, fmt.Errorf("%w: tariff of %d bytes, at most %d fit a quote", ErrQuote, len(plain), tariffPlainMax)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, 0, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, 0, err
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	if b.Len() > most {
		return nil, 0, fmt.Errorf("%w: tariff of %d bytes, %d deflated, at most %d fit a quote", ErrQuote, len(plain), b.Len(), most)
	}
	return b.Bytes(), FormDeflated, nil
}

// TariffJSON gives the tariff as the operator wrote it.
func (q Quote) TariffJSON() ([]byte, error) { return unpackTariff(q.Tariff, q.TariffForm) }

// GiveBackJSON gives the tariff of energy that is given back as the operator wrote it.
func (q Quote) GiveBackJSON() ([]byte, error) { return unpackTariff(q.GiveBack, q.GiveBackForm) }

func unpackTariff(raw []byte, form uint8) ([]byte, error) {
	if form == FormPlain {
		return raw, nil
	}
	packed := bytes.NewReader(raw)
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(packed), tariffPlainMax+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: tariff: %w", ErrQuote, err)
	case len(plain) > tariffPlainMax:
		return nil, fmt.Errorf("%w: tariff of more than %d bytes", ErrQuote, tariffPlainMax)
	case packed.Len() > 0:
		return nil, fmt.Errorf("%w: tariff: %w", ErrQuote, errTrailing)
	}
	return plain, nil
}

var errTrailing = errors.New("bytes after its end")

// ParseTariff gives the tariff, parsed.
func (q Quote) ParseTariff() (*pricing.Tariff, error) {
	plain, err := q.TariffJSON()
	if err != nil {
		return nil, err
	}
	tariff, err := pricing.ParseTariff(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuote, err)
	}
	return tariff, nil
}
