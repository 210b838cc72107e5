package charging_test

import (
	"math"
	"testing"
	"time"
	_ "time/tzdata" // the tariff's hours are those of Los Angeles

	"joulepay/internal/shared"
	"joulepay/simulations/charging"
	"joulepay/simulations/measure"
)

// timeOfUse is a tariff whose price of energy depends on the hour and on the kind of day.
type timeOfUse struct {
	Schedule []struct {
		ID           string    `json:"id"`
		Days         string    `json:"dow_mask"`
		Start        string    `json:"effective_start"`
		Times        []int     `json:"times"`
		Prices       []float64 `json:"tariffs"`
		DemandCharge float64   `json:"demand_charge"`
	} `json:"schedule"`
}

// winter gives the price of a kWh in 10⁻⁹ dollars at a local time between October and May.
func (u *timeOfUse) winter(at time.Time) int64 {
	days := "WEEKDAYS"
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		days = "WEEKENDS"
	}
	price := math.NaN()
	for _, s := range u.Schedule {
		if s.Days != days || s.Start != "10-01" {
			continue
		}
		for i, hour := range s.Times {
			if at.Hour() >= hour {
				price = s.Prices[i]
			}
		}
	}
	return int64(math.Round(price * 1e9))
}

// bill adds up what the energy of the steps costs.
type bill struct {
	nano float64
	peak int64
}

func (b *bill) Add(s measure.Step) {
	b.nano += float64(s.Circuits[0].PowerMilliwatts) / 1e6 * s.Length.Hours() * float64(s.Price)
	b.peak = max(b.peak, s.Circuits[0].PowerMilliwatts)
}

func (b *bill) AddVisit(measure.Visit) {}

func TestACNSimExperiment21IsBilledAsInTheReference(t *testing.T) {
	network := readNetwork(t)
	config := acnConfig(t, network.site(t, "three_phase", 50), "Unctrl", readSessions(t, network))
	var tariff timeOfUse
	shared.ReadJSON(t, "data/tariffs/sce_tou_ev_4_march_2019.json", &tariff)
	config.Price = charging.Series{Step: acnPeriod}
	for at := config.Start; at.Before(config.Start.AddDate(0, 0, 38)); at = at.Add(acnPeriod) {
		config.Price.Values = append(config.Price.Values, tariff.winter(at))
	}
	var b bill
	if _, err := charging.Run(config, &b); err != nil {
		t.Fatal(err)
	}
	const demandCharge, wantEnergy, wantDemand = 15.51, 651.5608, 1535.49
	energy, demand := b.nano/1e9, float64(b.peak)/1e6*demandCharge
	if math.Abs(energy-wantEnergy) > 0.001 || math.Abs(demand-wantDemand) > 0.001 {
		t.Errorf("energy %.4f $, demand %.4f $; want %.4f and %.4f", energy, demand, wantEnergy, wantDemand)
	}
}
