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
	Status    string           `json:"status"`              // one of the states below
	Balance   money.Money      `json:"balance"`             // free to spend
	Locked    money.Money      `json:"locked"`              // its part of what channels hold
	Credit    uint64           `json:"credit"`              // rate credit that it has now, at least; see Limits
	Sequence  uint64           `json:"sequence"`            // of the last spend; the next one carries one more
	Height    uint64           `json:"height"`              // the log was applied up to here
	Certified []byte           `json:"certified,omitempty"` // proof.Slot of the newest final state, base64; absent before the first
}

// States of an account.
const (
	AccountActive = "active"
	// AccountClosed was emptied whole; the next payment of at least the account lock revives it.
	AccountClosed = "closed"
	// AccountDeactivated signs no vertex any more: its DID was deactivated.
	AccountDeactivated = "deactivated"
	AccountAbsent      = "absent" // nobody has sent money to this DID yet: nothing on the ledger
)

// Account reads an account. Every DID has one: before its first money it is AccountAbsent, with a balance of zero.
func (c *Client) Account(ctx context.Context, did wallet.DID) (Account, error) {
	return read[Account](ctx, c, "/v1/accounts/"+url.PathEscape(did.String()), nil)
}
