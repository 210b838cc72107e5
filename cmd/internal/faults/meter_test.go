package faults_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
)

func TestI6_AChargerWhoseMeterShowsTooMuchGetsWhatTheVehicleMeasured(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mWh")
	command := func(role string) string {
		return strings.Join([]string{"exec:env", meterFileKey + "=" + file, meterFactorKey + "=3", roleKey + "=" + role, os.Args[0]}, " ")
	}
	w := newWorld(t, settings{charger: []string{"--meter", command("meter"), "--gone-after", "5s", "--window", "8s"}})
	d := w.drive("2kWh", "--measure", command("measure"))
	w.eventually("a claim", func() bool { return w.delivered().Claims > 0 })
	d.last()
	d.finish()
	w.eventually("the charger ends the session too", func() bool { return w.delivered().Phase.Over() })
	w.settled()

	claimed := w.paid()
	charger := w.delivered()
	vehicle := w.read("vehicle").sessions[charger.ID]
	if vehicle.Phase != session.PhaseEnded || vehicle.Reason != wire.ReasonMeter || !strings.Contains(vehicle.Failure, "meter") {
		w.fail("the vehicle's session is %s, %q: %q", vehicle.Phase, vehicle.Reason, vehicle.Failure)
	}
	if claimed == 0 || charger.Paid != claimed || vehicle.Paid != claimed {
		w.fail("the charger has %s, the vehicle signed %s, the ledger knows %s", charger.Paid, vehicle.Paid, claimed)
	}
	truth, err := os.ReadFile(file)
	w.noError(err)
	flowed, err := strconv.ParseInt(string(truth), 10, 64)
	w.noError(err)
	tolerated, err := meter.DefaultComparison(meter.SideDC)
	w.noError(err)
	signed := w.read("charger").channels[charger.Channel].Side.In.Signed.Claim.Quantity
	w.noError(tolerated.Check(signed, flowed))
	w.run.Count("claims overheard", w.books.count())
}
