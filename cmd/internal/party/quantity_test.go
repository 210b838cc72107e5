package party

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"joulepay/channel/session"
	"joulepay/wallet/money"
)

func TestEachServiceIsToldInItsOwnUnit(t *testing.T) {
	for _, test := range []struct {
		service, unit string
		quantity      int64
		want          string
	}{
		{Charging, "mWh", 9_632_000, "9.632 kWh"},
		{Parking, "s", 5400, "1h30m0s"},
		{Toll, "count", 1, "1 passage"},
		{Toll, "count", 3, "3 passages"},
		{Data, "count", 1000, "1000 messages"},
		{"watering", "count", 2, "2 pieces"},
	} {
		if got := QuantityWords(test.service, test.unit, test.quantity); got != test.want {
			t.Errorf("%s: %q, want %q", test.service, got, test.want)
		}
	}
	for service, want := range map[string]string{Charging: "kWh", Parking: "h", Toll: "passage", Data: "message", "watering": "unit"} {
		if got := PricedBy(service); got != want {
			t.Errorf("%s is priced by the %q, want %q", service, got, want)
		}
	}
	for amount, want := range map[money.Amount]string{money.Nano / 1000: "0.001", 35 * money.Nano / 100: "0.35", 12*money.Nano + 3_000_000: "12.00"} {
		if got := PriceWords(amount); got != want {
			t.Errorf("%s: %q, want %q", amount, got, want)
		}
	}
	line := ProgressLine(session.Progress{Phase: session.PhaseCharging, Service: Data, Quantity: 40, Paid: 4 * money.Nano / 100, Claims: 2}, money.Currency{'E', 'U', 'R'})
	if want := "0s  40 messages  0.04 EUR  2 claims  charging"; line != want {
		t.Errorf("%q, want %q", line, want)
	}
}

func TestI4_CountsOutliveTheirProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counts")
	r, kept, err := OpenRegister(path, 2)
	if err != nil || !slices.Equal(kept, []int64{0, 0}) {
		t.Fatal(kept, err)
	}
	for _, n := range []int64{1, 1 << 40} {
		if err := r.Keep(n, n+1); err != nil {
			t.Fatal(err)
		}
	}
	// The process is killed here: nothing is closed.
	_, kept, err = OpenRegister(path, 2)
	if err != nil || !slices.Equal(kept, []int64{1 << 40, 1<<40 + 1}) {
		t.Fatal(kept, err)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenRegister(path, 2); !errors.Is(err, ErrRegister) {
		t.Fatal(err)
	}
}
