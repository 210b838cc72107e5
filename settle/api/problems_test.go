package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Every refusal of the ledger reaches the caller as an error of both ends, with its verdict; those that a caller can mend say how.
func TestEveryVerdictIsAProblemThatUnwrapsToItsError(t *testing.T) {
	account := wallet.DIDOf(wallet.NewPrivateKey([32]byte{1}).Public())
	for v := settle.UnknownParent; v <= settle.VerdictMax; v++ {
		problem := problemOfVerdict(v, account, money.Currency{'E', 'U', 'R'})
		if !errors.Is(problem, v.Err()) || problem.Verdict != v.String() || problem.Status < 400 || problem.Status > 499 {
			t.Errorf("%s: %+v", v, problem)
		}
	}
	for v, want := range map[settle.Verdict]struct {
		kind   error
		status int
		hint   string
	}{
		settle.CreditSpent:      {client.ErrRateLimited, http.StatusTooManyRequests, "/v1/accounts/" + account.String()},
		settle.BelowAccountLock: {client.ErrRefused, http.StatusUnprocessableEntity, "account_lock"},
		settle.BelowChannelLock: {client.ErrRefused, http.StatusUnprocessableEntity, "channel_lock"},
		settle.Overspend:        {client.ErrInsufficient, http.StatusUnprocessableEntity, "ledger issue"},
		settle.ParentTooOld:     {client.ErrParentTooOld, http.StatusConflict, "tips"},
	} {
		if problem := problemOfVerdict(v, account, money.Currency{'E', 'U', 'R'}); !errors.Is(problem, want.kind) ||
			problem.Status != want.status || !strings.Contains(problem.Hint, want.hint) {
			t.Errorf("%s: %+v", v, problem)
		}
	}
}
