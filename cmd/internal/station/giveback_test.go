package station

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
)

// evening is 1 EUR from five to eight, and 0.20 otherwise.
const evening = `{"id":"evening","currency":"EUR","elements":[
	{"price_components":[{"type":"ENERGY","price":1,"step_size":0}],"restrictions":{"start_time":"17:00","end_time":"20:00"}},
	{"price_components":[{"type":"ENERGY","price":0.20,"step_size":0}]}],"last_updated":"2026-01-01T00:00:00Z"}`

func steered(t *testing.T, price, above string, hour int) int64 {
	t.Helper()
	tariff, err := pricing.ParseTariff([]byte(evening))
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseGiveBack(price, "11kW", above)
	if err != nil {
		t.Fatal(err)
	}
	cable, err := sim.NewTwoWayCable(50_000_000, 22_000_000, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := Default(tariff)
	c.TimeZone, c.GiveBack = "UTC", back
	at := &place{Place: Place{Connector: sim.NewConnector(cable)}, station: &Station{config: c}}
	limit, ok := at.steer(session.Instant{Session: time.Date(2026, 3, 2, hour, 30, 0, 0, time.UTC)})
	if !ok {
		t.Fatal("it does not steer")
	}
	return limit
}

func TestAStationTakesEnergyBackWhileItSellsForMore(t *testing.T) {
	for _, v := range []struct {
		price, above string
		hour         int
		want         int64
	}{
		{"0.30", "0.50", 12, 50_000_000}, {"0.30", "0.50", 17, -11_000_000}, {"0.30", "0.50", 20, 50_000_000},
		{"0.30", "", 18, -11_000_000}, {"1.00", "", 18, 50_000_000}, {"0.19", "", 12, -11_000_000},
		{"0.30", "0.20", 12, 50_000_000}, {"0.30", "0", 12, -11_000_000},
	} {
		if got := steered(t, v.price, v.above, v.hour); got != v.want {
			t.Errorf("pays %s, above %q, at %d h: %d mW, want %d", v.price, v.above, v.hour, got, v.want)
		}
	}
}

func TestAnOutletThatTakesNothingBackPromisesNothing(t *testing.T) {
	cable, err := sim.NewCable(50_000_000, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := &place{Place: Place{EVSE: "E1", Connector: sim.NewConnector(cable)}, station: &Station{config: Config{GiveBack: &GiveBack{}}}}
	if err := at.takesBack(); !errors.Is(err, meter.ErrLimit) {
		t.Error(err)
	}
}

func TestWhatIsPaidForEnergyBackIsReadStrictly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "energy.json")
	if err := os.WriteFile(file, []byte(evening), 0o600); err != nil {
		t.Fatal(err)
	}
	if back, err := ParseGiveBack(file, "7400W", ""); err != nil || back.Tariff.ID() != "evening" || back.MaxPowerMw != 7_400_000 {
		t.Errorf("%+v, %v", back, err)
	}
	for _, v := range [][3]string{{"-1", "1kW", ""}, {"0.2", "1kWh", ""}, {"0.2", "0kW", ""}, {"0.2", "1kW", "much"}, {"none.json", "1kW", ""}} {
		if _, err := ParseGiveBack(v[0], v[1], v[2]); err == nil {
			t.Errorf("%v is taken", v)
		}
	}
}
