package stationcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"joulepay/cmd/internal/station"
	"joulepay/pricing"
)

const (
	// tariffsMax bounds the tariffs of a file: a year of days.
	tariffsMax = 366
	// tariffFileMax bounds the file: most tariffs have some hundred bytes.
	tariffFileMax = 4 << 20
)

// errNoTariff is returned for a time at which no tariff of a file is valid.
var errNoTariff = errors.New("no tariff is valid at this time")

// tariffFile is a file of one OCPI tariff, or of a list of them that follow one another. It is read again when it changes, and
// safe for concurrent use.
type tariffFile struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex // guards what follows
	read    time.Time  // modification of the file that was read last
	size    int64
	tariffs []*pricing.Tariff
}

// openTariffs reads the file once, so that a charger with a wrong tariff does not start.
func openTariffs(path string, log *slog.Logger) (*tariffFile, error) {
	t := &tariffFile{path: path, log: log}
	info, missing := os.Stat(path) // before it is read: what changes meanwhile is read again
	var err error
	if t.tariffs, err = readTariffs(path); err != nil {
		return nil, err
	}
	if missing == nil {
		t.read, t.size = info.ModTime(), info.Size()
	}
	return t, nil
}

// readTariffs reads an OCPI tariff object, or a list of them, in one currency.
func readTariffs(path string) ([]*pricing.Tariff, error) {
	raw, err := readBounded(path, tariffFileMax)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", station.ErrTariffFile, err)
	}
	documents := []json.RawMessage{raw}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		documents = nil
		if err := json.Unmarshal(raw, &documents); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", station.ErrTariffFile, path, err)
		}
	}
	if len(documents) == 0 || len(documents) > tariffsMax {
		return nil, fmt.Errorf("%w: %s: %d tariffs, want 1 to %d", station.ErrTariffFile, path, len(documents), tariffsMax)
	}
	var out []*pricing.Tariff
	for i, document := range documents {
		tariff, err := pricing.ParseTariff(document)
		switch {
		case err != nil && len(documents) == 1:
			return nil, fmt.Errorf("%s: %w", path, err)
		case err != nil:
			return nil, fmt.Errorf("%s: tariff %d of %d: %w", path, i+1, len(documents), err)
		}
		if tariff.Currency() != first(out, tariff).Currency() {
			return nil, fmt.Errorf("%w: %s: tariff %q in %s, and others in %s", station.ErrTariffFile, path, tariff.ID(), tariff.Currency(), out[0].Currency())
		}
		out = append(out, tariff)
	}
	return out, nil
}

func first(list []*pricing.Tariff, other *pricing.Tariff) *pricing.Tariff {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

// At gives the tariff of sessions that begin at a time: of those that are valid then the one that became so last. The only
// tariff of a file is given whatever its validity: what is offered under it is refused by its own words.
func (t *tariffFile) At(at time.Time) (*pricing.Tariff, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh()
	var found *pricing.Tariff
	var since time.Time
	for _, tariff := range t.tariffs {
		from, _ := tariff.Validity()
		if tariff.ValidAt(at) == nil && (found == nil || from.After(since)) {
			found, since = tariff, from
		}
	}
	switch {
	case found != nil:
		return found, nil
	case len(t.tariffs) == 1:
		return t.tariffs[0], t.tariffs[0].ValidAt(at)
	}
	return nil, fmt.Errorf("%w: %s", errNoTariff, at.UTC().Format(time.RFC3339))
}

// refresh reads a file that changed. One that cannot be read leaves the tariffs that are known.
func (t *tariffFile) refresh() {
	info, err := os.Stat(t.path)
	if err != nil || info.ModTime().Equal(t.read) && info.Size() == t.size {
		return // it is being replaced, or is the same
	}
	t.read, t.size = info.ModTime(), info.Size()
	tariffs, err := readTariffs(t.path)
	if err != nil {
		t.log.Warn("tariffs not read again", "file", t.path, "error", err)
		return
	}
	t.tariffs = tariffs
	t.log.Info("tariffs read again", "file", t.path, "tariffs", len(tariffs))
}
