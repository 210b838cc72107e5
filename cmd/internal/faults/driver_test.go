package faults_test

import (
	"path/filepath"
	"sync"
	"time"
)

// sessionResult is what a vehicle prints at the end of a session.
type sessionResult struct {
	Session string `json:"session"`
	Final   bool   `json:"final"`
}

// driver is who sits in the vehicle: it charges, again and again, and starts the vehicle's process anew whenever that died.
type driver struct {
	w    *world
	argv []string
	env  func() []string

	mu      sync.Mutex // guards below
	present *process
	stopped bool          // no new session begins
	held    chan struct{} // while not nil, no process starts before it is closed
	gone    bool          // the vehicle never comes back
	done    chan struct{}
}

// drive starts to charge. energy is what each session takes.
func (w *world) drive(energy string, more ...string) *driver {
	w.t.Helper()
	argv := []string{program(w.t, "vehicle"), "charge", "--data", w.folder("vehicle"), "--station", w.station.String(), "--energy", energy}
	d := &driver{w: w, argv: append(append(argv, w.everywhere()...), more...), env: w.recorded("vehicle"), done: make(chan struct{})}
	w.t.Cleanup(d.leave)
	go d.charge()
	return d
}

func (d *driver) charge() {
	defer close(d.done)
	for run := 0; ; run++ {
		p, ok := d.begin()
		if !ok {
			return
		}
		<-p.ended
		var result sessionResult
		switch err := p.result(&result); {
		case p.killed.Load(), p.stopped.Load():
			d.w.run.Count("vehicle restarts", 1)
			time.Sleep(d.w.downtime())
		case p.code() == 0 && err == nil:
			d.ended(result)
		default:
			d.w.run.Count("vehicle starts refused", 1)
			time.Sleep(refusedPause)
		}
	}
}

// begin starts the vehicle's process, unless it is to stay away and no session waits to be resumed.
func (d *driver) begin() (*process, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.held != nil && !d.gone {
		held := d.held
		d.mu.Unlock()
		<-held
		d.mu.Lock()
	}
	if d.gone || d.stopped && d.w.unfinished("vehicle") == 0 {
		return nil, false
	}
	p, err := start(filepath.Join(d.w.logs, "vehicle.log"), "vehicle", d.env(), d.argv...)
	if err != nil {
		d.w.breaks("%v", err)
		return nil, false
	}
	d.present = p
	return p, true
}

// ended counts a session that came to its end.
func (d *driver) ended(r sessionResult) {
	if !r.Final {
		d.w.run.Count("sessions not final at their end", 1)
	}
}

// kill kills the vehicle's process, wherever it is. It gives false when none runs.
func (d *driver) kill() bool {
	p := d.running()
	if p != nil {
		p.kill()
	}
	return p != nil
}

// running gives the process that runs now, or nil.
func (d *driver) running() *process {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.present == nil || d.present.over() {
		return nil
	}
	return d.present
}

// hold kills the vehicle's process and keeps it away until release.
func (d *driver) hold() {
	d.mu.Lock()
	d.held = make(chan struct{})
	d.mu.Unlock()
	d.kill()
}

// release lets it start again.
func (d *driver) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held != nil {
		close(d.held)
		d.held = nil
	}
}

// last makes the present session the last one.
func (d *driver) last() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
}

// finish begins no new session and waits until the present one, and every interrupted one, is over.
func (d *driver) finish() {
	d.w.t.Helper()
	d.last()
	d.w.eventually("the vehicle's last session is over", func() bool {
		select {
		case <-d.done:
			return true
		default:
			return false
		}
	})
}

// leave kills the vehicle for good.
func (d *driver) leave() {
	d.mu.Lock()
	d.gone = true
	d.mu.Unlock()
	d.release()
	d.kill()
	<-d.done
}

// unfinished gives how many sessions of a store are not over.
func (w *world) unfinished(name string) int {
	page, err := readPage(w.ctx(), w.folder(name))
	if err != nil {
		w.breaks("the store of the %s: %v", name, err)
		return 0
	}
	n := 0
	for _, r := range page.sessions {
		if !r.Phase.Over() {
			n++
		}
	}
	return n
}
