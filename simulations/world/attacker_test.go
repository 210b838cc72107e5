package world_test

import (
	"strings"
	"testing"

	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// cheating runs an honest car and a cheat at one station, of which each comes twice.
func cheating(t *testing.T, station, vehicle string) *report.Summary {
	t.Helper()
	return run(t, parse(t, `
  fee: {elements: [{price_components: [{type: FLAT, price: 1.00, step_size: 1}, {type: ENERGY, price: 0.50, step_size: 1}]}]}
stations:
  north: {tariff: fee, power: 50kW, claim_every: 10s, gone_after: 20s`+station+`}
vehicles:
  mallory: {deposit: 3, top_up: 1`+vehicle+`, visits: [{station: north, from: 20%, to: 60%, stay: 8m}, {at: 20m, station: north, from: 20%, to: 60%, stay: 5m}]}
  anna: {deposit: 3, top_up: 1, closes: true, visits: [{at: 10m, station: north, from: 20%, to: 30%, stay: 7m}]}
`), 1)
}

func TestI5_EachCheatGainsAtMostWhatQuotesDeclare(t *testing.T) {
	const most = 2 * money.Nano // fee and slice of the visits
	tests := map[string]struct {
		loses bool // it comes to nothing at all
		paid  bool // anna was served all the same
	}{
		scenario.AttackStopSigning: {paid: true},
		scenario.AttackStaleClose:  {paid: true},
		scenario.AttackOverClaim:   {paid: true},
		scenario.AttackDoubleSpend: {paid: true},
		scenario.AttackGrief:       {loses: true, paid: true},
		scenario.AttackHalfOpen:    {loses: true, paid: true},
		scenario.AttackSpam:        {paid: true},
	}
	for _, attack := range scenario.VehicleAttacks() {
		t.Run(attack, func(t *testing.T) {
			more := ", attack: " + attack
			if attack == scenario.AttackSpam {
				more += ", funds: 5" // the credit of an account follows its wealth
			}
			summary := cheating(t, "", more)
			a := attackerOf(t, summary, "mallory")
			if a.Tries == 0 || summary.Faults["attack: "+attack] == 0 || !a.Held() || a.Gained.Amount > 10*most {
				t.Errorf("%+v", a)
			}
			if attack == scenario.AttackSpam && (summary.Faults["vertex beyond credit"] == 0 || summary.Faults["malformed datagram"] == 0) {
				t.Errorf("%v", summary.Faults)
			}
			if tests[attack].loses && a.Gained.Amount > 0 {
				t.Errorf("gained %s", a.Gained)
			}
			served := false
			for _, x := range summary.Sessions {
				served = served || x.Vehicle == "anna" && x.EnergyWh > 1_000_000
			}
			if served != tests[attack].paid {
				t.Errorf("anna was served: %t", served)
			}
		})
	}
}

func TestI5_AStationThatCheatsTakesAtMostWhatQuotesDeclare(t *testing.T) {
	for attack, gains := range map[string]bool{
		"attack: " + scenario.AttackStopDelivering: true, // the start fee
		"attack: " + scenario.AttackOverAsk:        false,
		"inflate: 2%":                              true, // as much as a vehicle's comparison lets pass
		"inflate: 20%":                             true,
	} {
		t.Run(attack, func(t *testing.T) {
			summary := cheating(t, ", "+attack, "")
			a := attackerOf(t, summary, "north")
			if a.Tries == 0 || !a.Held() || gains != (a.Gained.Amount > 0) {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestAStaleCloseIsAnsweredAndPaysInFull(t *testing.T) {
	summary := cheating(t, "", ", attack: stale-close")
	if summary.Ledger.Vertices["close-request"] == 0 || summary.Ledger.Vertices["settle"] == 0 {
		t.Errorf("%v", summary.Ledger.Vertices)
	}
	for _, c := range summary.Channels {
		if c.Settled.Amount < c.Claimed.Amount {
			t.Errorf("claimed %s, settled %s", c.Claimed, c.Settled)
		}
	}
}

func TestAStaleCloseOfAChannelThatIsSettledLaterIsAnsweredByItsKeeper(t *testing.T) {
	summary := run(t, parse(t, `
  road: {tax_included: "YES", elements: [{price_components: [{type: FLAT, price: 1.50, vat: 19.0, step_size: 1}]}]}
stations: {gate: {service: toll, tariff: road}}
vehicles: {mallory: {attack: stale-close, visits: [{station: gate, pieces: 3, stay: 4m}]}}
`), 1)
	c := summary.Channels[0]
	if summary.Ledger.Vertices["close-request"] == 0 || summary.Ledger.Vertices["settle"] == 0 || c.State != "closed" || c.Payout.Amount != c.Claimed.Amount || c.Claimed.Amount == 0 {
		t.Errorf("%v, %+v", summary.Ledger.Vertices, c)
	}
}

func TestTheSecondOfTwoSpendsWithOneSequenceIsRefused(t *testing.T) {
	summary := cheating(t, "", ", attack: double-spend")
	if summary.Ledger.Refused == 0 || summary.Faults["second spend refused"]+summary.Ledger.Vertices["transfer"] == 0 || !summary.Money.Conserved {
		t.Errorf("%v, refused %d, %v", summary.Ledger.Vertices, summary.Ledger.Refused, summary.Faults)
	}
}

func TestCheatsAreNamedWithWhatTheyDo(t *testing.T) {
	summary := cheating(t, ", inflate: 2.5%", ", attack: grief")
	for name, what := range map[string]string{"north": "2.5 % too much", "mallory": "neither pays nor closes"} {
		if a := attackerOf(t, summary, name); !strings.Contains(a.Attack, what) {
			t.Errorf("%s: %q", name, a.Attack)
		}
	}
}
