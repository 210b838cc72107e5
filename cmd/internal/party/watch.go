package party

import (
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Watch tells people how sessions go: a line that changes, and what went wrong once; and programs, by events.
type Watch struct {
	app      *cli.App
	command  *cobra.Command
	currency money.Currency

	mu   sync.Mutex // guards told
	told map[channel.SessionID]string
}

// NewWatch tells on the screen of app, and to those who follow the command.
func NewWatch(app *cli.App, command *cobra.Command, currency money.Currency) *Watch {
	return &Watch{app: app, command: command, currency: currency, told: map[channel.SessionID]string{}}
}

// Followed is the event "session" of commands that are followed.
type Followed struct {
	Session  string         `json:"session"`
	Phase    string         `json:"phase"`
	Peer     wallet.DID     `json:"peer"`
	Seconds  float64        `json:"seconds"` // since the first reading, session clock
	Service  string         `json:"service"`
	Unit     string         `json:"unit"`            // mWh, s or count
	Quantity int64          `json:"quantity,string"` // in Unit
	EnergyWh *client.Energy `json:"energy_wh,omitempty"`
	Returned *client.Energy `json:"returned_wh,omitempty"` // what the vehicle gave back
	PowerW   int64          `json:"power_w"`               // below zero it flows back
	Amount   money.Money    `json:"amount"`
	Claims   uint64         `json:"claims"`
	Note     string         `json:"note,omitempty"`
	Error    string         `json:"error,omitempty"` // what just went wrong; the session may go on
}

// Report takes what a session tells.
func (w *Watch) Report(p session.Progress) {
	w.follow(p)
	if p.Err != nil {
		told := p.Role == session.RolePayer && p.Phase == session.PhaseFailed // by the error that the command ends with
		if !told && !passing(p.Err) && w.news(p.Session, p.Err.Error()) {
			w.app.Note("! %v", p.Err)
		}
		return
	}
	w.app.Progress("%s", ProgressLine(p, w.currency))
	if p.Phase.Over() {
		w.app.EndProgress()
		w.forget(p.Session)
	}
}

func (w *Watch) follow(p session.Progress) {
	unit := unitOf(p.Service).String()
	event := Followed{
		Session: p.Session.String(), Phase: p.Phase.String(), Peer: p.Peer, Seconds: p.Elapsed.Seconds(), Service: p.Service,
		Unit: unit, Quantity: p.Quantity, EnergyWh: EnergyOf(unit, p.Quantity), Returned: returnedOf(p.Returned),
		PowerW: p.Power / 1000, Amount: money.Of(p.Paid, w.currency), Claims: p.Claims, Note: p.Note,
	}
	if p.Err != nil {
		event.Error = p.Err.Error()
	}
	if err := w.app.Event(w.command, "session", event); err != nil {
		w.app.Log().Warn("event not written", "error", err)
	}
}

// passing tells whether an error is part of how sessions go: a message overtook another, or a meter is a moment late.
func passing(err error) bool {
	return errors.Is(err, session.ErrMeasure) || errors.Is(err, meter.ErrGap) || errors.Is(err, meter.ErrRepeated)
}

// news tells whether this is not what was told last of the session.
func (w *Watch) news(id channel.SessionID, text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[id] == text {
		return false
	}
	w.told[id] = text
	return true
}

func (w *Watch) forget(id channel.SessionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.told, id)
}
