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
	Status    string           `json:"status"`              // AccountActive or AccountAbsent
	Balance   money.Money      `json:"balance"`             // free to spend
	Sequence  uint64           `json:"sequence"`            // of the last spend; the next one carries one more
	Height    uint64           `json:"height"`              // the log was applied up to here
	Certified []byte           `json:"certified,omitempty"` // proof.Slot of the newest final state, base64; absent before the first
}

// States of an account.
const (
	AccountActive = "active"
	AccountAbsent = "absent" // nobody has sent money to this DID yet: nothing on the ledger
)

// Account reads an account. Every DID has one: before its first money it is AccountAbsent, with a balance of zero.
func (c *Client) Account(ctx context.Context, did wallet.DID) (Account, error) {
	return read[Account](ctx, c, "/v1/accounts/"+url.PathEscape(did.String()), nil)
}
