package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"joulepay/channel"
	"joulepay/internal/powercut"
	"joulepay/wallet/money"
)

// recorder notes what a process writes to its disk, and what it had promised by when, from one power cut to the next.
type recorder struct {
	w      *world
	name   string
	shim   string
	folder string

	mu      sync.Mutex // guards below
	records []*record
}

// record is what happened between two power cuts.
type record struct {
	log      string // file of powercut
	env      []string
	promises []promise
}

// promise is an acknowledgement of the charger, or a claim of the vehicle.
type promise struct {
	size     int64 // of the record's log when it was overheard
	session  channel.SessionID
	accepted money.Amount
	claim    channel.Best
}

func newRecorder(w *world, name, shim string) *recorder {
	w.t.Helper()
	r := &recorder{w: w, name: name, shim: shim, folder: w.folder(name)}
	w.noError(os.Mkdir(r.folder, 0o700))
	r.begin()
	return r
}

// begin begins a new record.
func (r *recorder) begin() {
	r.w.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	log := filepath.Join(r.w.dir, fmt.Sprintf("%s-%d.powercut", r.name, len(r.records)))
	r.records = append(r.records, &record{log: log, env: powercut.Env(r.w.t, r.shim, r.folder, log)})
}

func (r *recorder) present() *record { return r.records[len(r.records)-1] }

// recorded gives the environment for the next process of a party: recorded where its power may be cut.
func (w *world) recorded(name string) func() []string {
	r := w.recorders[name]
	if r == nil {
		return noEnv
	}
	return func() []string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.present().env
	}
}

// heard notes a promise. Without a recorder it does nothing.
func (r *recorder) heard(p promise) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	record := r.present()
	info, err := os.Stat(record.log)
	if err != nil {
		r.w.breaks("the record of the %s: %v", r.name, err)
		return
	}
	p.size = info.Size()
	record.promises = append(record.promises, p)
}

// cut cuts the power of a party whose process is dead: its folder becomes what a disk may hold, and a new record begins.
func (r *recorder) cut(seed uint64) {
	r.w.t.Helper()
	log := r.read(r.present())
	old := fmt.Sprintf("%s-%d", r.folder, len(r.records))
	r.w.noError(os.Rename(r.folder, old))
	r.w.noError(os.Mkdir(r.folder, 0o700))
	r.w.noError(log.Rebuild(powercut.Moment{At: log.Len(), Seed: seed}, old, r.folder))
	r.begin()
}

func (r *recorder) read(record *record) *powercut.Log {
	r.w.t.Helper()
	log, err := powercut.Read(record.log)
	r.w.noError(err)
	return log
}

// broken tells which promises made before a moment are not in a rebuilt folder.
func (r *recorder) broken(log *powercut.Log, record *record, at int, held *page) []string {
	var broken []string
	for _, p := range record.promises {
		if log.AtSize(p.size) > at {
			break
		}
		if !p.claim.IsZero() {
			if has := held.channels[p.claim.Signed.Claim.Channel].Side.Out; p.claim.Above(has) {
				broken = append(broken, fmt.Sprintf("claimed %s, holds %s", p.claim.Owed(), has.Owed()))
			}
			continue
		}
		if has := held.channels[held.sessions[p.session].Channel].Side.In.Owed(); has < p.accepted {
			broken = append(broken, fmt.Sprintf("acknowledged %s in session %s, holds %s", p.accepted, p.session, has))
		}
	}
	return broken
}
