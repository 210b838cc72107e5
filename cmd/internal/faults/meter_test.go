package faults_test

import (
	"os"
	"strings"
	"testing"

	"joulepay/channel/session"
	"joulepay/channel/wire"
)

func TestI6_AChargerWhoseMeterShowsTooMuchGetsWhatWasSigned(t *testing.T) {
	t.Parallel()
	truth := "exec:" + strings.Join([]string{"env", meterFileKey + "=" + t.TempDir() + "/mWh", meterFactorKey + "=3", roleKey + "=%s", os.Args[0]}, " ")
	w := newWorld(t, settings{charger: []string{"--meter", strings.Replace(truth, "%s", "meter", 1), "--gone-after", "5s", "--window", "8s"}})
	d := w.drive("2kWh", "--measure", strings.Replace(truth, "%s", "measure", 1))
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
	if claimed == 0 || charger.Paid != claimed || vehicle.Paid != claimed || charger.Cost <= claimed {
		w.fail("the charger asks for %s and has %s, the vehicle signed %s, the ledger knows %s", charger.Cost, charger.Paid, vehicle.Paid, claimed)
	}
	w.run.Count("claims overheard", w.books.count())
}
