package client

import (
	"context"
	"net/url"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Account is what the ledger knows of a DID.
type Account struct {
	DID       wallet.DID       `json:"did"`
	Key       wallet.PublicKey `json:"key"`                 // verifies the account's vertices; the DID's own until it rotates
	Status    string           `json:"status"`              // AccountOpen or AccountAbsent
	Balance   money.Money      `json:"balance"`             // free to spend
	Sequence  uint64           `json:"sequence"`            // of the last spend; the next one carries one more
	Height    uint64           `json:"height"`              // the log was applied up to here
	Certified *Certified       `json:"certified,omitempty"` // the newest final state; absent before the first
}

// States of an account.
const (
	AccountOpen   = "open"
	AccountAbsent = "absent" // nobody has sent money to this DID yet
)

// Account reads an account. One that the ledger does not know is a *Problem, ErrNotFound.
func (c *Client) Account(ctx context.Context, did wallet.DID) (Account, error) {
	return read[Account](ctx, c, "/v1/accounts/"+url.PathEscape(did.String()), nil)
}
