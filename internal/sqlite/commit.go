package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// Bounds of group commit. With every caller waiting for its answer, both are out of reach below a thousand sessions;
// beyond, callers wait for room.
const (
	queueMax = 4096 // requests waiting: a few milliseconds of work
	batchMax = 1024 // requests that share one fsync, so that the first does not wait for an endless stream
)

// A request is withdrawn by its caller, or taken by the writer, whichever comes first.
const (
	requestQueued int32 = iota
	requestTaken
	requestWithdrawn
)

type request struct {
	fn    func(*Tx) error
	done  chan error // room for the one answer
	state atomic.Int32
	err   error // what fn said; the writer's own until it answers
}

// Stats count the work of the writer since Open.
type Stats struct {
	Requests uint64 // functions run
	Commits  uint64 // transactions that they shared, one fsync each
}

// Stats gives the counts so far.
func (db *DB) Stats() Stats {
	if db.writer == nil {
		return Stats{}
	}
	return Stats{Requests: db.writer.requests.Load(), Commits: db.writer.commits.Load()}
}

// Commit runs fn and returns when what it wrote is durable. Concurrent callers share one transaction and one fsync;
// if fn fails, its own writes are undone and nobody else's. fn runs on the writer's goroutine, at most once: it must
// be short, touch only the Tx and its own variables, and call neither Commit nor Close.
// An error means that nothing of fn was committed, except ErrOutcomeUnknown. If ctx ends while fn waits for its
// turn, the request is withdrawn; once fn has begun, Commit waits for the outcome.
// If we crash before Commit returns, the writes are there whole or not at all; after it returned nil, they are there.
func (db *DB) Commit(ctx context.Context, fn func(*Tx) error) error {
	r, err := db.enqueue(ctx, fn)
	if err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestQueued, requestWithdrawn) {
			return ctx.Err()
		}
		return <-r.done
	}
}

// CommitAsync queues fn like Commit and gives a channel with room for its one answer. The requests of one goroutine
// run in the order of its calls; when an earlier one fails, later ones still run. It waits only when the queue is full.
func (db *DB) CommitAsync(ctx context.Context, fn func(*Tx) error) <-chan error {
	r, err := db.enqueue(ctx, fn)
	if err != nil {
		refused := make(chan error, 1)
		refused <- err
		return refused
	}
	return r.done
}

func (db *DB) enqueue(ctx context.Context, fn func(*Tx) error) (*request, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	if db.writer == nil {
		return nil, ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &request{fn: fn, done: make(chan error, 1)}
	select {
	case db.writer.queue <- r:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// writer owns the one connection that writes, and the goroutine that is alone to use it.
type writer struct {
	conn     *sql.Conn
	queue    chan *request
	finished chan struct{}
	commit   func() error // COMMIT; tests put a failing disk here

	requests, commits atomic.Uint64
	times             commitTimes

	// For the writer's goroutine only:
	batch  []*request // taken and not answered
	failed error      // why nothing is written any more
}

func startWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, queue: make(chan *request, queueMax), finished: make(chan struct{})}
	w.commit = func() error { return w.run("COMMIT") }
	go w.loop()
	return w
}

// stop ends the writer after everything queued is answered. Nobody may be enqueueing.
func (w *writer) stop() error {
	close(w.queue)
	<-w.finished
	return w.conn.Close()
}

func (w *writer) loop() {
	defer close(w.finished)
	defer w.refuseRest()
	for first := range w.queue {
		w.commitBatch(first)
	}
}

// refuseRest answers whoever is left when a function ended the writer's goroutine (runtime.Goexit, which is what a
// failing test calls). A panic goes on to end the process: the store is safe against that.
func (w *writer) refuseRest() {
	if cause := recover(); cause != nil {
		panic(cause)
	}
	w.answer(fmt.Errorf("%w: a function ended its goroutine", ErrFailed))
	for r := range w.queue {
		r.done <- fmt.Errorf("%w: a function ended its goroutine", ErrFailed)
	}
}

// commitBatch runs the first request and those behind it in one transaction, commits, then answers them all: a
// function may have built upon its neighbours' writes, so none is told anything before they are durable.
func (w *writer) commitBatch(first *request) {
	if w.failed != nil {
		first.done <- w.failed
		return
	}
	err := w.run("BEGIN IMMEDIATE")
	if err != nil {
		first.done <- fmt.Errorf("sqlite: begin: %w", mapped(err))
		return
	}
	for r := first; r != nil && err == nil; {
		if r.state.CompareAndSwap(requestQueued, requestTaken) {
			w.batch = append(w.batch, r)
			err = w.runRequest(r)
		}
		if err == nil { // else the next one stays in the queue, for the next transaction
			r = w.next()
		}
	}
	if err == nil {
		err = w.commitOrFail()
	}
	if err != nil && !ended(w.conn) {
		if rollbackErr := w.run("ROLLBACK"); rollbackErr != nil {
			w.failed = fmt.Errorf("%w: rollback: %w", ErrFailed, rollbackErr)
		}
	}
	w.answer(err)
}

// next gives the next request of the batch, or nil when it should be committed. Callers that the last answer has
// just woken get one chance to join.
func (w *writer) next() *request {
	if len(w.batch) >= batchMax {
		return nil
	}
	for range 2 {
		select {
		case r := <-w.queue: // nil when closed and empty
			return r
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// runRequest runs one function in a savepoint. Its own failure stays in the request; the error returned here is one
// that took the whole transaction.
func (w *writer) runRequest(r *request) error {
	w.requests.Add(1)
	if err := w.run("SAVEPOINT caller"); err != nil {
		return fmt.Errorf("sqlite: savepoint: %w", mapped(err))
	}
	tx := &Tx{conn: w.conn}
	r.err = r.fn(tx)
	tx.end()
	if tx.broken != nil {
		return fmt.Errorf("sqlite: transaction given up: %w", tx.broken)
	}
	if r.err != nil {
		if err := w.run("ROLLBACK TO caller"); err != nil {
			return fmt.Errorf("sqlite: roll back: %w", mapped(err))
		}
	}
	if err := w.run("RELEASE caller"); err != nil {
		return fmt.Errorf("sqlite: release: %w", mapped(err))
	}
	return nil
}

// commitOrFail makes the batch durable, or tells whether it is certain that it is not.
func (w *writer) commitOrFail() error {
	start := time.Now()
	err := w.commit()
	if err == nil {
		w.times.note(time.Since(start))
		w.commits.Add(1)
		return nil
	}
	if certainlyNotCommitted(err) {
		return fmt.Errorf("sqlite: commit: %w", mapped(err))
	}
	w.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, mapped(err))
}

// answer tells each caller of the batch the fate of the batch, or else of its own function: a refusal that was
// founded on a neighbour's writes means nothing when those are gone.
func (w *writer) answer(err error) {
	for _, r := range w.batch {
		if err != nil {
			r.err = err
		}
		r.done <- r.err
	}
	clear(w.batch)
	w.batch = w.batch[:0]
}

func (w *writer) run(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement)
	return err
}
