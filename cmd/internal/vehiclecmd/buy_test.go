package vehiclecmd

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/wallet/money"
)

// plannedFor plans a purchase that is not charging.
func plannedFor(t *testing.T, service string, set func(*limits), args ...string) (vehicle.Config, error) {
	t.Helper()
	command := &cobra.Command{}
	l := addTerms(command, service)
	l.wanted.passages = 1
	if err := command.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if set != nil {
		set(l)
	}
	c, err := l.plan(noon, cli.New(cli.Streams{}))
	if err != nil {
		return c, err
	}
	return c, l.settle(&c, money.Currency{'E', 'U', 'R'})
}

func TestEachPurchaseWantsWhatItsFlagsSay(t *testing.T) {
	c, err := plannedFor(t, party.Parking, func(l *limits) { l.wanted.lasting = 45 * time.Minute }, "--max-cost", "3")
	if err != nil || c.Policy.Quantity != 2700 || c.Policy.CostMax != 3*money.Nano || c.Policy.Service != "parking" || c.Policy.FullIsTarget {
		t.Errorf("parking: %+v, %v", c.Policy, err)
	}
	c, err = plannedFor(t, party.Parking, func(l *limits) { l.until = "12:30" })
	if local := noon.Local(); err != nil || c.Policy.Until.Sub(noon) > 24*time.Hour || !c.Policy.Until.After(noon) || c.Policy.Until.Minute() != 30 {
		t.Errorf("parking until %s, asked at %s, %v", c.Policy.Until, local, err)
	}
	c, err = plannedFor(t, party.Toll, func(l *limits) { l.wanted.passages = 3 }, "--max-price", "0.40")
	if err != nil || c.Policy.Quantity != 3 || !c.Policy.StopsItself || c.Policy.UnitPriceMax != 4*money.Nano/10 || c.Buying.Passed == nil {
		t.Errorf("toll: %+v, %v", c.Policy, err)
	}
	c, err = plannedFor(t, party.Data, func(l *limits) { l.wanted.messages, l.wanted.out = 1000, "file" })
	if err != nil || c.Policy.Quantity != 1000 || c.Buying.Out != "file" || c.Policy.Deposit != 5*money.Nano {
		t.Errorf("data: %+v, %v", c.Policy, err)
	}
	for name, test := range map[string]struct {
		service string
		set     func(*limits)
	}{
		"parking for less than a second": {party.Parking, func(l *limits) { l.wanted.lasting = time.Millisecond }},
		"parking until no time":          {party.Parking, func(l *limits) { l.until = "25:00" }},
		"no passage":                     {party.Toll, func(l *limits) { l.wanted.passages = 0 }},
		"more messages than are priced":  {party.Data, func(l *limits) { l.wanted.messages = 10_001 }},
	} {
		if _, err := plannedFor(t, test.service, test.set); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAnInterruptedSessionGoesOnWhateverCommandResumesIt(t *testing.T) {
	command := &cobra.Command{}
	charging := addLimits(command)
	charging.maxCost = "7"
	for _, service := range []string{party.Parking, party.Toll, party.Data, party.Charging} {
		l := charging.forService(service)
		c, err := l.plan(noon, cli.New(cli.Streams{}))
		if err != nil || c.Policy.Service != service || l.maxCost != "7" {
			t.Errorf("%s: %+v, %v", service, c.Policy, err)
		}
		l.parked(&c, session.SessionRecord{Service: service, Wanted: 5_000_000, Quantity: 1})
		if c.Policy.Quantity != 5_000_000 || !c.Parked {
			t.Errorf("%s goes on for %d", service, c.Policy.Quantity)
		}
	}
	other := addTerms(&cobra.Command{}, party.Toll).forService(party.Charging)
	if c, err := other.plan(noon, nil); err != nil || c.Battery.CapacityMilliwattHours == 0 {
		t.Errorf("charging goes on without a battery: %v", err)
	}
}

func TestPassagesAreToldWithTheirTimes(t *testing.T) {
	var w wanted
	app := cli.New(cli.Streams{Err: &strings.Builder{}, Out: &strings.Builder{}})
	for i := range 100 {
		w.pass(app, vehicle.Passage{Number: int64(i + 1), Took: time.Duration(i+1) * time.Millisecond})
	}
	told, ok := w.told(party.Result{Service: party.Toll}).(gate)
	if !ok || len(told.Passages) != 100 || told.P50 != 50 || told.P99 != 99 {
		t.Errorf("%d passages, p50 %d, p99 %d", len(told.Passages), told.P50, told.P99)
	}
	if _, plain := w.told(party.Result{Service: party.Charging}).(party.Result); !plain {
		t.Error("charging has passages")
	}
}
