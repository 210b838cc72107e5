package vehiclecmd

import (
	"testing"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/session"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/wallet/money"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func planned(t *testing.T, args ...string) (*limits, vehicle.Config) {
	t.Helper()
	command := &cobra.Command{}
	l := addLimits(command)
	if err := command.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	c, err := l.plan(noon, nil)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if err := l.settle(&c, money.Currency{'E', 'U', 'R'}); err != nil {
		t.Fatal(err)
	}
	return l, c
}

func TestWithoutFlagsAVehicleChargesToEightyPerCent(t *testing.T) {
	_, c := planned(t)
	b, p := c.Battery, c.Policy
	if c.Measure.Kind != meter.KindSim || p.SoCPermille != 800 || b.TargetPermille != 800 || b.StateOfChargePermille != 200 || b.WantedMilliwattHours != 0 {
		t.Errorf("%+v, %+v", b, p)
	}
	if p.Deposit != 20*money.Nano || p.TopUp != 10*money.Nano || p.CostMax != 0 || p.UnitPriceMax != 0 || p.Quantity != 0 || !p.Until.IsZero() {
		t.Errorf("%+v", p)
	}
}

func TestWhatIsAskedForReplacesTheDefaultTarget(t *testing.T) {
	_, c := planned(t, "--energy", "12kWh", "--max-cost", "10EUR", "--max-price", "0.60", "--until", "45m", "--deposit", "30", "--top-up", "0")
	if c.Policy.Quantity != 12_000_000 || c.Battery.WantedMilliwattHours != 12_000_000 || c.Policy.SoCPermille != 0 || c.Battery.TargetPermille != 1000 {
		t.Errorf("%+v, %+v", c.Battery, c.Policy)
	}
	if c.Policy.CostMax != 10*money.Nano || c.Policy.UnitPriceMax != 600_000_000 || !c.Policy.Until.Equal(noon.Add(45*time.Minute)) ||
		c.Policy.Deposit != 30*money.Nano || c.Policy.TopUp != 0 {
		t.Errorf("%+v", c.Policy)
	}
	_, c = planned(t, "--energy", "12kWh", "--soc", "30", "--until", "2026-01-02T18:00:00+01:00")
	if c.Policy.SoCPermille != 300 || c.Battery.TargetPermille != 300 || !c.Policy.Until.Equal(noon.Add(5*time.Hour)) {
		t.Errorf("%+v, %+v", c.Battery, c.Policy)
	}
}

func TestAResumedSessionKeepsWhatItWanted(t *testing.T) {
	l, c := planned(t)
	l.parked(&c, session.SessionRecord{Wanted: 45_000_000, Quantity: 30_000_000})
	b := c.Battery
	if !c.Parked || c.Policy.Quantity != 45_000_000 || c.Policy.SoCPermille != 0 || b.TargetPermille != 1000 ||
		b.StateOfChargePermille != 700 || b.WantedMilliwattHours != 15_000_000 {
		t.Errorf("%+v, %+v", b, c.Policy)
	}
	l, c = planned(t)
	l.parked(&c, session.SessionRecord{Quantity: 50_000_000})
	if c.Policy.SoCPermille != 800 || c.Battery.StateOfChargePermille != 800 || c.Battery.WantedMilliwattHours != 0 {
		t.Errorf("%+v, %+v", c.Battery, c.Policy)
	}
}

func TestAVehicleThatGivesBackStaysAndKeepsWhatItNeeds(t *testing.T) {
	_, c := planned(t, "--v2g", "--soc-now", "60", "--soc", "90", "--soc-floor", "45%", "--return-power", "11kW", "--min-return-price", "0.20")
	b, p := c.Battery, c.Policy
	if b.MaxReturnMilliwatts != 11_000_000 || b.ReturnFloorPermille != 450 || b.RoundTripPPM != 900_000 || b.TargetPermille != 900 || b.StateOfChargePermille != 600 {
		t.Errorf("%+v", b)
	}
	if p.ReturnMw != 11_000_000 || p.ReturnPriceMin != 200_000_000 || p.FullIsTarget || p.SoCPermille != 0 {
		t.Errorf("%+v", p)
	}
	_, c = planned(t)
	if c.Battery.MaxReturnMilliwatts != 0 || c.Policy.ReturnMw != 0 || !c.Policy.FullIsTarget {
		t.Errorf("gives back without being told: %+v", c)
	}
}

func TestAResumedSessionGoesOnGivingBack(t *testing.T) {
	l, c := planned(t, "--soc-now", "60")
	l.parked(&c, session.SessionRecord{Quantity: 6_000_000, Returned: 10_800_000, ReturnMw: 10_000_000}) // of 60 kWh: 10 % in, 20 % drawn
	b := c.Battery
	if b.StateOfChargePermille != 500 || b.MaxReturnMilliwatts != 10_000_000 || c.Policy.ReturnMw != 10_000_000 || c.Policy.FullIsTarget || c.Policy.SoCPermille != 0 {
		t.Errorf("%+v, %+v", b, c.Policy)
	}
}

func TestATariffInShortIsItsPrices(t *testing.T) {
	words := "Tariff \"a\" in EUR, prices before tax.\nFor each of energy.\n1. 0.49 EUR per kWh\n2. 1 EUR once a session\nThe operator adds: \"1. free\"\n"
	if got := tariffInShort(words); got != "0.49 EUR per kWh; 1 EUR once a session" {
		t.Errorf("%q", got)
	}
	if got := []rune(tariffInShort("1. " + words + words)); len(got) > tariffShown+1 {
		t.Errorf("%d runes", len(got))
	}
}
