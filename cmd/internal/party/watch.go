package party

import (
	"errors"
	"sync"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// Watch tells people how sessions go: a line that changes, and what went wrong once.
type Watch struct {
	app      *cli.App
	currency money.Currency

	mu   sync.Mutex // guards told
	told map[channel.SessionID]string
}

// NewWatch tells on the screen of app.
func NewWatch(app *cli.App, currency money.Currency) *Watch {
	return &Watch{app: app, currency: currency, told: map[channel.SessionID]string{}}
}

// Report takes what a session tells.
func (w *Watch) Report(p session.Progress) {
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
