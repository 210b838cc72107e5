package measure_test

import (
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// touTariff is a time-of-use tariff as ACN-Sim writes it.
type touTariff struct {
	Schedule []struct {
		ID           string    `json:"id"`
		Days         string    `json:"dow_mask"`
		Times        []int     `json:"times"`
		Tariffs      []float64 `json:"tariffs"`
		DemandCharge float64   `json:"demand_charge"`
	} `json:"schedule"`
}

// at gives the winter price of a local time.
func (t *touTariff) at(local time.Time) money.Amount {
	id := "Winter-Weekday"
	if day := local.Weekday(); day == time.Saturday || day == time.Sunday {
		id = "Winter-Weekend"
	}
	for _, s := range t.Schedule {
		if s.ID != id {
			continue
		}
		for i, hour := range slices.Backward(s.Times) {
			if local.Hour() >= hour {
				return amount(s.Tariffs[i])
			}
		}
	}
	return measure.Unknown
}

func amount(v float64) money.Amount { return money.Amount(math.Round(v * money.Nano)) }

// acnSession is a row of the sessions of Caltech.
type acnSession struct {
	arrival, departure int
	requested, left    int64 // mWh
}

func acnSessions(t *testing.T) []acnSession {
	rows, err := csv.NewReader(strings.NewReader(string(shared.Read(t, "data/sessions/acn_caltech_2019_03.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []acnSession
	for _, row := range rows[1:] {
		arrival, err1 := strconv.Atoi(row[0])
		departure, err2 := strconv.Atoi(row[1])
		energy, err3 := strconv.ParseFloat(row[3], 64)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(row)
		}
		wanted := int64(math.Round(energy * 1e6))
		all = append(all, acnSession{arrival, departure, wanted, wanted})
	}
	return all
}

// The month of ACN-Sim's experiment 2.1 without control: every vehicle charges at 6.6 kW until it is full or leaves.
func TestTheBillOfACNSimsMonthWithoutControl(t *testing.T) {
	var tariff touTariff
	shared.ReadJSON(t, "data/tariffs/sce_tou_ev_4_march_2019.json", &tariff)
	var reference struct {
		Check struct {
			Energy    float64 `json:"energy_cost_usd"`
			Demand    float64 `json:"demand_charge_usd"`
			Delivered float64 `json:"delivered_kwh"`
		} `json:"tariff_check"`
	}
	shared.ReadJSON(t, "data/reference/acnsim_2.1_reference.json", &reference)
	sessions := acnSessions(t)

	const period = 5 * time.Minute
	const perHour = int64(time.Hour / period)
	zone := time.FixedZone("PST", -8*3600) // ACN-Sim adds periods to the wall clock: it knows no summer time
	begin := time.Date(2019, 3, 1, 0, 0, 0, 0, zone)
	r := measure.New(measure.Site{
		Start: begin, Duration: 31 * 24 * time.Hour, Currency: money.Currency{'U', 'S', 'D'}, Circuits: []string{"grid"},
		Demand: measure.Demand{PerKilowatt: amount(tariff.Schedule[0].DemandCharge)},
	})
	for now, open := 0, true; open; now++ {
		open = false
		var power int64
		for i := range sessions {
			s := &sessions[i]
			open = open || s.departure > now
			if s.arrival > now || s.departure <= now || s.left <= 1000 {
				continue
			}
			rate := min(6_600_000, s.left*perHour)
			s.left -= rate / perHour
			power += rate
		}
		at := begin.Add(time.Duration(now) * period)
		r.Add(measure.Step{
			At: at, Length: period, Circuits: []measure.Flow{{PowerMilliwatts: power}}, Charge: power,
			Price: tariff.at(at), Intensity: measure.Unknown, AtRisk: measure.Unknown,
		})
	}
	for _, s := range sessions {
		r.AddVisit(measure.Visit{Service: measure.Charging, Arrived: begin, Began: begin, Requested: s.requested, Delivered: s.requested - s.left})
	}
	f := r.Figures()
	near := func(what string, got, want, within float64) {
		if math.Abs(got-want) > within {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	near("energy cost", float64(f.Money.EnergyCost.Amount)/money.Nano, reference.Check.Energy, 0.001)
	near("demand charge", float64(f.Money.DemandCharge.Amount)/money.Nano, reference.Check.Demand, 0.001)
	near("drawn kWh", float64(f.Grid.Import)/1e6, reference.Check.Delivered, 0.001)
	near("delivered share", float64(*f.Service.DeliveredShare)/1e4, 99.8837, 0.001)
	near("demands met", float64(*f.Service.DemandsMet)/1e4, 96.96, 0.001)
	near("peak", float64(f.Grid.Peak)/1e6, 99, 0.001)
}
