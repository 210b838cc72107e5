package ledgerfaults_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// step is what one operation means to one account.
type step struct {
	account   wallet.DID
	credit    bool // it gets the amount; else it pays it
	operation operation
}

// ledgered is an account to which one operation after the other happens.
type ledgered struct {
	balance  money.Amount
	sequence uint64
}

// accountModel is one account of a ledger that nothing ever happens to: operations take effect one at a time, each between
// its call and its end. Accounts are checked one by one, which finds the same.
var accountModel = porcupine.Model{
	Init: func() any { return ledgered{} },
	Step: func(state, input, _ any) (bool, any) {
		now, s := state.(ledgered), input.(step)
		ok, next := now.take(s)
		if s.operation.outcome == unknown && !ok {
			return true, now // it had no effect, and its end is after everything
		}
		return ok, next
	},
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byAccount := map[wallet.DID][]porcupine.Operation{}
		for _, o := range history {
			account := o.Input.(step).account
			byAccount[account] = append(byAccount[account], o)
		}
		return slices.Collect(maps.Values(byAccount))
	},
}

// take tells whether an operation may happen now, and what is then.
func (a ledgered) take(s step) (bool, ledgered) {
	op := s.operation
	switch {
	case op.read:
		return a == ledgered{op.balance, op.sequence}, a
	case op.outcome == refused:
		return !op.overtaken || a.sequence >= op.sequence, a // an overspend may be refused by a node that is behind
	case s.credit:
		return true, ledgered{a.balance + op.amount, a.sequence}
	}
	return a.sequence+1 == op.sequence && a.balance >= op.amount, ledgered{a.balance - op.amount, op.sequence}
}

// linearizable tells whether a history is one of a ledger without nodes, copies and faults.
func linearizable(history []operation) bool {
	var steps []porcupine.Operation
	for _, op := range history {
		end := op.end.Nanoseconds()
		if op.outcome == unknown {
			end = math.MaxInt64
		}
		add := func(account wallet.DID, credit bool) {
			steps = append(steps, porcupine.Operation{
				ClientId: op.client, Call: op.call.Nanoseconds(), Return: end, Input: step{account, credit, op},
			})
		}
		if !op.from.IsZero() {
			add(op.from, false)
		}
		if !op.read && op.outcome != refused {
			add(op.to, true)
		}
	}
	return porcupine.CheckOperations(accountModel, steps)
}

// atHeights checks every read against what was final at its height, and gives the first that differs.
func atHeights(history []operation, applied map[settle.PayloadID]uint64) error {
	var effects []operation
	var reads []operation
	for _, op := range history {
		if height, found := applied[op.payload]; op.read {
			reads = append(reads, op)
		} else if found {
			op.height = height
			effects = append(effects, op)
		}
	}
	byHeight := func(a, b operation) int { return cmp.Compare(a.height, b.height) }
	slices.SortFunc(effects, byHeight)
	slices.SortStableFunc(reads, byHeight)
	accounts := map[wallet.DID]ledgered{}
	for _, r := range reads {
		for len(effects) > 0 && effects[0].height <= r.height {
			happen(accounts, effects[0])
			effects = effects[1:]
		}
		if want := accounts[r.from]; want != (ledgered{r.balance, r.sequence}) {
			return fmt.Errorf("I1: %s was shown with %s after %d spends at height %d, and had %s after %d", r.from.Short(), r.balance, r.sequence, r.height, want.balance, want.sequence)
		}
	}
	return nil
}

// happen applies an operation to whom it concerns.
func happen(accounts map[wallet.DID]ledgered, op operation) {
	if !op.from.IsZero() {
		accounts[op.from] = ledgered{accounts[op.from].balance - op.amount, max(accounts[op.from].sequence, op.sequence)}
	}
	accounts[op.to] = ledgered{accounts[op.to].balance + op.amount, accounts[op.to].sequence}
}

func TestTheHistoryCheckFindsWhatIsWrong(t *testing.T) {
	a, b := wallet.DIDOf(wallet.GenerateKey().Public()), wallet.DIDOf(wallet.GenerateKey().Public())
	at := func(call, end time.Duration, op operation) operation {
		op.call, op.end = call, end
		if op.outcome == "" {
			op.outcome = done
		}
		return op
	}
	issue := at(0, 10, operation{to: a, amount: 10})
	pay := func(sequence uint64, amount money.Amount, how outcome) operation {
		return operation{from: a, to: b, amount: amount, sequence: sequence, outcome: how}
	}
	see := func(who wallet.DID, balance money.Amount, sequence uint64) operation {
		return operation{from: who, read: true, balance: balance, sequence: sequence}
	}
	lost := operation{from: a, to: b, amount: 4, sequence: 1, outcome: refused, overtaken: true}
	for name, test := range map[string]struct {
		history []operation
		want    bool
	}{
		"as it should be":                  {[]operation{issue, at(20, 30, pay(1, 4, done)), at(40, 50, see(a, 6, 1)), at(40, 50, see(b, 4, 0))}, true},
		"a read beside a payment":          {[]operation{issue, at(20, 60, pay(1, 4, done)), at(30, 40, see(a, 10, 0)), at(50, 70, see(a, 6, 1))}, true},
		"unknown, and took effect":         {[]operation{issue, at(20, 30, pay(1, 4, unknown)), at(40, 50, see(a, 6, 1))}, true},
		"unknown, and took no effect":      {[]operation{issue, at(20, 30, pay(1, 4, unknown)), at(40, 50, see(a, 10, 0)), at(60, 70, pay(1, 5, done))}, true},
		"two for one sequence, one wins":   {[]operation{issue, at(20, 30, pay(1, 4, done)), at(20, 35, lost)}, true},
		"a payment that was final is lost": {[]operation{issue, at(20, 30, pay(1, 4, done)), at(40, 50, see(a, 10, 0))}, false},
		"money that never arrived":         {[]operation{issue, at(20, 30, pay(1, 4, done)), at(40, 50, see(b, 0, 0))}, false},
		"spent twice":                      {[]operation{issue, at(20, 30, pay(1, 4, done)), at(20, 30, pay(1, 5, done))}, false},
		"more than there was":              {[]operation{issue, at(20, 30, pay(1, 11, done))}, false},
		"seen before it happened":          {[]operation{issue, at(12, 15, see(a, 6, 1)), at(20, 30, pay(1, 4, done))}, false},
		"back in time":                     {[]operation{issue, at(20, 90, pay(1, 4, done)), at(30, 40, see(a, 6, 1)), at(50, 60, see(a, 10, 0))}, false},
		"refused, and took effect":         {[]operation{issue, at(20, 30, lost), at(40, 50, see(a, 6, 1))}, false},
		"refused for nothing":              {[]operation{issue, at(20, 30, lost)}, false},
		"unknown, and took effect twice":   {[]operation{issue, at(20, 30, pay(1, 4, unknown)), at(40, 50, see(a, 2, 1))}, false},
	} {
		if got := linearizable(test.history); got != test.want {
			t.Errorf("%s: linearizable %v, want %v", name, got, test.want)
		}
	}
	issue.payload, issue.height = settle.PayloadID{1}, 3
	applied := map[settle.PayloadID]uint64{{1}: 3}
	for height, want := range map[uint64]money.Amount{2: 0, 3: 10} {
		for _, balance := range []money.Amount{0, 10} {
			err := atHeights([]operation{issue, {from: a, read: true, balance: balance, height: height}}, applied)
			if (err == nil) != (balance == want) {
				t.Errorf("%s at height %d: %v", balance, height, err)
			}
		}
	}
}
