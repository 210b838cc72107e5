package ledgerfaults_test

import (
	"crypto/rand"
	"fmt"
	random "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	ownAccounts = 3 // each with one client that spends from it; one more account has two
	readers     = 2
	// startMoney gives an account more credit than a client can use up.
	startMoney = 100_000 * money.Nano
	// tooMuch is more than there ever is: an overspend for sure.
	tooMuch = 900_000_000 * money.Nano
	// nodePatience is for one answer about finality, before a client asks another node.
	nodePatience = 5 * time.Second
	// retryPause keeps clients whose node is gone from taking the machine.
	retryPause = 50 * time.Millisecond
)

// outcome is what a client knows of an operation at its end.
type outcome string

const (
	done    outcome = "ok"      // final, on a node that said so
	refused outcome = "refused" // never takes effect
	unknown outcome = "unknown" // given up
)

// operation is one line of the history: a transfer, an issue, or a read of a final balance.
type operation struct {
	client    int
	call, end time.Duration // on the clock of the test
	outcome   outcome
	overtaken bool // refused because another spend has its sequence

	from, to wallet.DID // from is zero for an issue, to for a read
	amount   money.Amount
	sequence uint64
	payload  settle.PayloadID
	vertex   settle.VertexID

	read       bool
	balance    money.Amount
	height     uint64 // of the vertex; of a read, that of its final checkpoint
	checkpoint uint64
}

// load are clients that issue, transfer and read through random nodes until they are stopped.
type load struct {
	w        *world
	began    time.Time
	accounts []wallet.PrivateKey
	stopping chan struct{}
	clients  sync.WaitGroup
	finals   atomic.Int64 // operations that became final

	mu      sync.Mutex // guards all below
	history []operation
	taken   []client.ID // vertices that some node acknowledged
}

func (w *world) load() *load {
	w.t.Helper()
	l := &load{w: w, began: time.Now(), stopping: make(chan struct{})}
	for range ownAccounts + 1 {
		l.accounts = append(l.accounts, wallet.GenerateKey())
	}
	l.clients.Go(func() { l.issue(0, startMoney); l.keepIssuing(0) })
	for i, key := range l.accounts {
		l.clients.Go(func() { l.spend(1+i, key, i == ownAccounts) })
	}
	l.clients.Go(func() { l.spend(1+len(l.accounts), l.accounts[ownAccounts], true) })
	for i := range readers {
		l.clients.Go(func() { l.read(100 + i) })
	}
	w.t.Cleanup(func() { l.stop() }) // before the processes are stopped
	l.await(8)
	return l
}

func (l *load) now() time.Duration { return time.Since(l.began) }

func (l *load) over() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return l.w.t.Failed()
	}
}

// stop lets every client finish what it does.
func (l *load) stop() {
	l.mu.Lock()
	select {
	case <-l.stopping:
	default:
		close(l.stopping)
	}
	l.mu.Unlock()
	l.clients.Wait()
}

// await waits until so many more operations are final.
func (l *load) await(more int64) {
	l.w.t.Helper()
	want := l.finals.Load() + more
	l.w.eventually(fmt.Sprint(more, " more operations are final"), func() error {
		if l.w.t.Failed() {
			l.w.t.FailNow()
		}
		if now := l.finals.Load(); now < want {
			return fmt.Errorf("%d are, want %d", now, want)
		}
		return nil
	})
}

func (l *load) record(op operation) {
	op.end = l.now()
	l.mu.Lock()
	l.history = append(l.history, op)
	l.mu.Unlock()
	l.w.run.Count(fmt.Sprintf("%s %s", op.kind(), op.outcome), 1)
	if op.outcome == done && !op.read {
		l.finals.Add(1)
	}
}

func (op operation) kind() string {
	switch {
	case op.read:
		return "reads"
	case op.from.IsZero():
		return "issues"
	}
	return "transfers"
}

func (l *load) did(i int) wallet.DID { return wallet.DIDOf(l.accounts[i].Public()) }

// keepIssuing gives every account its first money, and then a little to one after the other.
func (l *load) keepIssuing(client int) {
	for i := 1; !l.over(); i++ {
		if i < len(l.accounts) {
			l.issue(i, startMoney)
			continue
		}
		l.issue(random.IntN(len(l.accounts)), money.Nano)
	}
}

func (l *load) issue(account int, amount money.Amount) {
	op := operation{call: l.now(), to: l.did(account), amount: amount}
	payload := &settle.Issue{Reference: settle.ReferenceOf(rand.Text()), To: op.to, Amount: amount}
	l.carry(&op, payload, l.w.issuer.DID(), l.w.issuer.Account(), false)
	l.record(op)
}

// spend transfers from one account, which others may spend from at the same time, to the others.
func (l *load) spend(client int, key wallet.PrivateKey, shared bool) {
	own := wallet.DIDOf(key.Public())
	for next := uint64(0); !l.over(); {
		if next == 0 || shared {
			sequence, ok := l.sequence(own)
			if !ok {
				continue
			}
			next = sequence + 1
		}
		op := operation{client: client, call: l.now(), from: own, sequence: next, amount: money.Amount(1+random.Int64N(100)) * money.Nano / 100}
		for op.to.IsZero() || op.to == own {
			op.to = l.did(random.IntN(len(l.accounts)))
		}
		if random.IntN(12) == 0 {
			op.amount = tooMuch
		}
		payload := &settle.Transfer{Sequence: next, To: op.to, Amount: op.amount, Reference: settle.ReferenceOf(rand.Text())}
		l.carry(&op, payload, own, key, random.IntN(6) == 0)
		l.record(op)
		switch op.outcome {
		case done:
			next++
		case unknown:
			next = 0
		case refused:
			if op.amount != tooMuch {
				next = 0
			}
		}
	}
}

// sequence asks a random node, which may be behind, for the last sequence of an account that has money.
func (l *load) sequence(did wallet.DID) (uint64, bool) {
	ctx, cancel := l.w.ctx()
	defer cancel()
	account, err := l.any().Account(ctx, did)
	if err != nil || account.Status != client.AccountActive {
		l.pause()
		return 0, false
	}
	return account.Sequence, true
}

func (l *load) any() *client.Pinned { return l.w.apis[random.IntN(len(l.w.apis))] }

func (l *load) pause() { <-time.After(retryPause) }

// read reads final balances as a client does that carries the height it knows from one node to the other: whatever was shown
// final to anybody before it began must be in the answer.
func (l *load) read(reader int) {
	newest := map[*client.Pinned]uint64{} // checkpoint that each node has shown as final to this reader
	for !l.over() {
		op := operation{client: reader, call: l.now(), from: l.did(random.IntN(len(l.accounts))), read: true, outcome: unknown}
		floor := l.w.shown.highest()
		for limit := l.now() + hangTimeMax; op.outcome != done && !l.over() && l.now() < limit; l.pause() {
			api := l.any()
			ctx, cancel := l.w.ctx()
			account, err := api.CertifiedAccount(ctx, op.from)
			cancel()
			if err != nil {
				continue
			}
			final := account.Proof.Final
			l.w.shown.final(final)
			c := final.Checkpoint
			if c.Number < newest[api] {
				l.w.t.Errorf("I7: %s showed checkpoint %d as final, and then %d", api.BaseURL(), newest[api], c.Number)
			}
			newest[api] = c.Number
			if c.Height >= floor {
				op.outcome, op.balance, op.sequence = done, account.Account.Balance, account.Account.Sequence
				op.height, op.checkpoint = c.Height, c.Number
			}
		}
		if op.outcome == done {
			l.record(op)
		}
	}
}

// dids gives the DIDs of all accounts and of the issuer.
func (l *load) dids() []wallet.DID {
	all := []wallet.DID{l.w.issuer.DID()}
	for i := range l.accounts {
		all = append(all, l.did(i))
	}
	return all
}
