package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/snapshot"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// problemOf is the one place that maps errors to problems. What it does not know is internal, and its text stays in
// the log.
func problemOf(err error) *client.Problem {
	var problem *client.Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &tooLarge):
		return client.NewProblem(client.ErrTooLarge, "at most "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes", "")
	case errors.Is(err, store.ErrPruned), errors.Is(err, client.ErrPruned):
		return client.NewProblem(client.ErrPruned, "this node keeps the end of the log only", "ask a node that keeps all of it")
	case errors.Is(err, snapshot.ErrNotFinal):
		return client.NewProblem(client.ErrUnavailable, "nothing is final yet", "try again later")
	case errors.Is(err, node.ErrNotFound), errors.Is(err, client.ErrNotFound):
		return client.NewProblem(client.ErrNotFound, "", "")
	case errors.Is(err, client.ErrOutcomeUnknown):
		return client.NewProblem(client.ErrOutcomeUnknown, "", "")
	case errors.Is(err, node.ErrBusy):
		return client.NewProblem(client.ErrUnavailable, "too many vertices are waiting", "try again later")
	case errors.Is(err, node.ErrStopped):
		return client.NewProblem(client.ErrUnavailable, "the ledger node has stopped", "try again later")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, client.ErrUnreachable):
		return client.NewProblem(client.ErrUnavailable, "the answer took too long", "try again later")
	}
	return client.NewProblem(client.ErrInternal, "", "the server's log says more")
}

// verdictProblems names the verdicts that have a problem type of their own; the rest is client.ErrRefused.
var verdictProblems = map[settle.Verdict]error{
	settle.UnknownParent: client.ErrUnknownParent,
	settle.ParentTooOld:  client.ErrParentTooOld,
	settle.BadSignature:  client.ErrBadSignature,
	settle.WrongNetwork:  client.ErrWrongNetwork,
	settle.WrongSequence: client.ErrStaleSequence,
	settle.Overspend:     client.ErrInsufficient,
	settle.MintedTwice:   client.ErrConflict,
	settle.CreditSpent:   client.ErrRateLimited,
}

// problemOfVerdict says why the ledger refused, and what the account that asked can do.
func problemOfVerdict(v settle.Verdict, account wallet.DID, currency money.Currency) *client.Problem {
	sentinel, ok := verdictProblems[v]
	if !ok {
		sentinel = client.ErrRefused
	}
	hint := ""
	switch {
	case v == settle.Overspend:
		hint = "ledger issue --to " + account.String() + " --amount 50" + currency.String()
	case v == settle.WrongSequence:
		hint = "read the account again, and sign with its next sequence"
	case v == settle.CreditSpent:
		hint = "try again in a while: credit grows with the account's money and with time; GET /v1/accounts/" + account.String() + " shows it"
	case v == settle.BelowAccountLock:
		hint = "leave the account nothing, or at least the account_lock that GET /v1/network gives"
	case v == settle.BelowChannelLock:
		hint = "deposit at least the channel_lock that GET /v1/network gives"
	case v.Reparent():
		hint = "sign again with the tips that GET /v1/network gives"
	}
	problem := client.NewProblem(sentinel, v.Err().Error(), hint)
	problem.Verdict = v.String()
	return problem
}
