// Package report owns what a run leaves behind: its summary, in words, as JSON, as CSV files and as one page of HTML with
// plots. It leaves the numbers to simulations/measure and the engines, and where they are written to its caller.
// It keeps reports repeatable: the same summary gives the same bytes, with money and energy as exact decimal text and
// without the time of the machine that ran it.
package report

import (
	"encoding/json"
	"time"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// Summary is everything that a run tells.
type Summary struct {
	Scenario string    `json:"scenario"`
	Engine   string    `json:"engine,omitempty"` // "full" or "control"
	About    string    `json:"about,omitempty"`
	Seed     uint64    `json:"seed"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"` // virtual time at which everything was over
	Events   uint64    `json:"events"`

	Totals     Totals           `json:"totals"`
	Figures    *measure.Figures `json:"figures,omitempty"`
	Money      Conservation     `json:"money,omitzero"`  // without payments: none
	Invariants map[string]int64 `json:"invariants"`      // how often each was checked; a broken one gives no summary
	Faults     map[string]int   `json:"faults"`          // what fired, by kind
	Ledger     Ledger           `json:"ledger,omitzero"` // without payments: none
	Attackers  []Attacker       `json:"attackers,omitempty"`
	Incidents  []Incident       `json:"incidents,omitempty"`

	Sessions []Session `json:"sessions"`
	Channels []Channel `json:"channels"`
	Accounts []Account `json:"accounts"`

	Curves measure.Curves `json:"-"` // in curves.csv and report.html
}

// pays tells whether anybody paid in the run: in one of the grid alone nobody does.
func (s *Summary) pays() bool {
	return len(s.Channels) > 0 || s.Totals.Claims > 0 || s.Totals.Cost.Amount != 0 || s.Ledger.Height > 0 || s.Figures != nil && s.Figures.Money.Cost.Amount != 0
}

// Totals sum up the sessions.
type Totals struct {
	Sessions  int         `json:"sessions"`
	Failed    int         `json:"failed"` // ended before energy flowed
	EnergyWh  Energy      `json:"energy_wh"`
	Cost      money.Money `json:"cost,omitzero"`
	Paid      money.Money `json:"paid,omitzero"`
	Claims    uint64      `json:"claims"`
	Readings  int         `json:"readings"`
	Vertices  int         `json:"session_vertices"`
	Channels  int         `json:"channels"`
	Delivered Energy      `json:"delivered_wh"` // what flowed through the cables
}

// Conservation shows invariant I1 at the end.
type Conservation struct {
	Issued    money.Money `json:"issued"`
	Balances  money.Money `json:"balances"`
	Locked    money.Money `json:"locked"`
	Conserved bool        `json:"conserved"`
}

// Ledger is what the ledger did.
type Ledger struct {
	Network     string         `json:"network"`
	Height      uint64         `json:"height"`
	Log         string         `json:"log"` // hash of the whole log: equal for equal runs
	Vertices    map[string]int `json:"vertices"`
	Refused     int            `json:"refused"`
	Checkpoints uint64         `json:"final_checkpoints"`
}

// Attacker is what one who cheats came to.
type Attacker struct {
	Name     string      `json:"name"`
	Attack   string      `json:"attack"` // in words
	Tries    int         `json:"tries"`
	Gained   money.Money `json:"gained"`   // at the cost of honest parties; negative: it lost
	Exposure money.Money `json:"exposure"` // what the quotes declare that honest parties may lose (I5)
}

// Held tells whether the attacker gained no more than was declared.
func (a Attacker) Held() bool { return a.Gained.Amount <= a.Exposure.Amount }

// Incident is something that happened to the site or to a party, for plots.
type Incident struct {
	At   time.Time       `json:"at"`
	For  measure.Seconds `json:"for_s"`
	Kind string          `json:"kind"` // "crash", "cut", "limit signal"
	Who  string          `json:"who"`
}

// Session is one visit, as both sides stored it.
type Session struct {
	ID         string      `json:"id,omitempty"`
	Service    string      `json:"service,omitempty"` // "" is charging
	Vehicle    string      `json:"vehicle"`
	Station    string      `json:"station"`
	Channel    string      `json:"channel,omitempty"`
	Reused     bool        `json:"reused"` // the channel was open before
	Arrived    *time.Time  `json:"arrived,omitempty"`
	Began      time.Time   `json:"began"` // hello
	Started    *time.Time  `json:"started,omitempty"`
	Ended      *time.Time  `json:"ended,omitempty"`   // last reading
	Settled    *time.Time  `json:"settled,omitempty"` // final on the ledger, as the station knows it
	Requested  Energy      `json:"requested_wh,omitzero"`
	EnergyWh   Energy      `json:"energy_wh"`
	Returned   Energy      `json:"returned_wh,omitzero"`
	Quantity   int64       `json:"quantity,omitzero"` // of another service than charging: seconds or pieces
	Cost       money.Money `json:"cost"`
	Paid       money.Money `json:"paid"`
	Earned     money.Money `json:"earned,omitzero"` // by the vehicle, for what it gave back
	Claims     uint64      `json:"claims"`
	Vertices   int         `json:"vertices"`
	VehicleEnd string      `json:"vehicle_phase"`
	StationEnd string      `json:"station_phase"`
	Reason     string      `json:"reason,omitempty"`
	Failure    string      `json:"failure,omitempty"`
}

// Channel is a channel at the end.
type Channel struct {
	ID        string      `json:"id"`
	Vehicle   string      `json:"vehicle"`
	Station   string      `json:"station"`
	State     string      `json:"state"`
	Deposited money.Money `json:"deposited"`
	Withdrawn money.Money `json:"withdrawn"` // paid out while open
	Payout    money.Money `json:"payout"`    // to the station when it ended
	Claimed   money.Money `json:"claimed"`   // on the vehicle's lane, as the station holds it
	Settled   money.Money `json:"settled"`   // of it, as the ledger knows it
	Sessions  int         `json:"sessions"`
}

// Account is a party's money at the end.
type Account struct {
	Name    string      `json:"name"`
	DID     string      `json:"did"`
	Balance money.Money `json:"balance"`
	Locked  money.Money `json:"locked"` // its share of open channels at the claims that both sides know
}

// Energy is an amount of energy in mWh. Its JSON is decimal text in Wh.
type Energy = measure.Energy

// JSON gives the summary as indented JSON with a final newline.
func (s *Summary) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}
