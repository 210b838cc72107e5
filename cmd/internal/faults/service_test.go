package faults_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"
)

// restartMax is how long a process that was killed stays away at most, unless a test has it stay longer.
const restartMax = time.Second

// refusedPause is how long a supervisor waits after a start that failed, because what the program needs is away.
const refusedPause = 300 * time.Millisecond

// service is a program that is started again whenever it ends, as an operator's supervisor does.
type service struct {
	w    *world
	name string
	argv []string
	env  func() []string // asked at every start

	mu      sync.Mutex // guards below
	present *process
	ready   chan struct{} // closed when the present process is ready
	first   []byte        // what it said then
	held    bool          // it stays away until release
	stopped bool          // for good
	wake    chan struct{} // release, or stop; capacity 1
	done    chan struct{} // closed when the supervisor ended
}

// serve starts a program and its supervisor, and waits until it is ready.
func (w *world) serve(name string, env func() []string, argv ...string) *service {
	w.t.Helper()
	s := &service{
		w: w, name: name, argv: argv, env: env,
		ready: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	w.t.Cleanup(s.stop)
	go s.supervise()
	s.await()
	return s
}

func (s *service) supervise() {
	defer close(s.done)
	for run := 0; ; run++ {
		p, ok := s.begin(run)
		if !ok {
			return
		}
		var said json.RawMessage
		isReady := p.ready(&said) == nil
		if isReady {
			s.announce(said)
		}
		<-p.ended
		s.mu.Lock()
		s.ready = make(chan struct{})
		stopped := s.stopped
		s.mu.Unlock()
		switch {
		case stopped:
			return
		case p.killed.Load(), p.stopped.Load() && p.code() == 0:
			s.rest(s.w.downtime())
		case isReady:
			s.w.breaks("%s ended by itself with code %d", s.name, p.code())
			s.rest(refusedPause)
		default:
			s.w.run.Count(s.name+" starts refused", 1)
			s.rest(refusedPause)
		}
	}
}

// begin starts the next process, unless the service is stopped.
func (s *service) begin(run int) (*process, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held && !s.stopped {
		s.mu.Unlock()
		<-s.wake
		s.mu.Lock()
	}
	if s.stopped {
		return nil, false
	}
	if run > 0 {
		s.w.run.Count(s.name+" restarts", 1)
	}
	p, err := start(filepath.Join(s.w.logs, s.name+".log"), s.name, s.env(), s.argv...)
	if err != nil {
		s.w.breaks("%v", err)
		return nil, false
	}
	s.present = p
	return p, true
}

func (s *service) announce(said []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = said
	close(s.ready)
}

// rest lets a process stay away for a while.
func (s *service) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.wake:
	}
}

// await returns when the service is ready.
func (s *service) await() {
	s.w.t.Helper()
	hang := time.After(hangTimeMax)
	for {
		s.mu.Lock()
		ready := s.ready
		s.mu.Unlock()
		select {
		case <-ready:
			return
		case <-s.done:
			s.w.fail("%s is not supervised any more", s.name)
		case <-hang:
			s.w.fail("%s does not become ready", s.name)
		case <-time.After(refusedPause): // another process has another channel
		}
	}
}

// said reads what the service said when it was ready for the last time.
func (s *service) said(what any) {
	s.w.t.Helper()
	s.await()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.Unmarshal(s.first, what); err != nil {
		s.w.fail("%s says %s: %v", s.name, s.first, err)
	}
}

// kill kills the present process, wherever it is; the supervisor starts another one soon. It gives false when none runs.
func (s *service) kill() bool {
	p := s.running()
	if p != nil {
		p.kill()
	}
	return p != nil
}

// running gives the process that runs now, or nil.
func (s *service) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present == nil || s.present.over() {
		return nil
	}
	return s.present
}

// hold kills the process and keeps it away until release.
func (s *service) hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
	s.kill()
}

// release lets it start again.
func (s *service) release() {
	s.mu.Lock()
	s.held = false
	s.mu.Unlock()
	s.nudge()
}

// stop ends the service for good.
func (s *service) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.nudge()
	s.kill()
	<-s.done
}

func (s *service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// downtime gives how long the next killed process stays away.
func (w *world) downtime() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.away + time.Duration(w.random.Int64N(int64(restartMax)))
}

// pick gives a number below n.
func (w *world) pick(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// breaks notes something that must not happen; the test fails at its next step.
func (w *world) breaks(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}
