package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Entry is the part that every line of the ledger's journal has.
type Entry struct {
	Vertex ID        `json:"vertex"`
	Height uint64    `json:"height"`
	Time   time.Time `json:"time"` // ledger time when it was applied
	Final  bool      `json:"final"`
}

// Transfer moved money between accounts.
type Transfer struct {
	Entry
	From      wallet.DID  `json:"from"`
	To        wallet.DID  `json:"to"`
	Amount    money.Money `json:"amount"`
	Reference ID          `json:"reference,omitzero"` // hash of a document outside the ledger
}

// Issue brought money onto the ledger.
type Issue struct {
	Entry
	Issuer    wallet.DID  `json:"issuer"`
	To        wallet.DID  `json:"to"`
	Amount    money.Money `json:"amount"`
	Reference ID          `json:"reference"` // settle.ReferenceOf the issuer's own text; money is issued once for it
}

// Redemption took money off the ledger, to be paid out by the issuer once it is final.
type Redemption struct {
	Entry
	From      wallet.DID  `json:"from"`
	Issuer    wallet.DID  `json:"issuer"`
	Amount    money.Money `json:"amount"`
	Reference ID          `json:"reference,omitzero"`
}

// Kinds of a settlement: settle.Kind by name.
const (
	SettlementRatchet  = "settle"            // raised the lane maxima, moved no money
	SettlementWithdraw = "withdraw"          // paid out, the channel stays open
	SettlementClose    = "cooperative-close" // both signed: paid out, closed
	SettlementRequest  = "close-request"     // one party alone: the window began
	SettlementFinalise = "finalise"          // the window ended: paid out, closed
)

// Settlement changed what a channel has settled or paid out.
type Settlement struct {
	Entry
	Channel ID       `json:"channel"`
	Kind    string   `json:"kind"`
	Claimed PerParty `json:"claimed"` // lane maxima after it
	PaidOut PerParty `json:"paid_out"`
}

// EntryQuery filters transfers, issues, redemptions and settlements.
type EntryQuery struct {
	PageQuery
	Span
	Party   wallet.DID // either end
	Channel ID         // settlements only
}

func (q EntryQuery) values() url.Values {
	v := q.PageQuery.values()
	q.addTo(v)
	set(v, "party", q.Party.String())
	if !q.Channel.IsZero() {
		v.Set("channel", q.Channel.String())
	}
	return v
}

// Transfers lists transfers, newest first.
func (c *Client) Transfers(ctx context.Context, q EntryQuery) (Page[Transfer], error) {
	return list[Transfer](ctx, c, "/v1/transfers", q.values())
}

// Settlements lists settlements of channels, newest first.
func (c *Client) Settlements(ctx context.Context, q EntryQuery) (Page[Settlement], error) {
	return list[Settlement](ctx, c, "/v1/settlements", q.values())
}

// Issues lists issued money, newest first.
func (c *Client) Issues(ctx context.Context, q EntryQuery) (Page[Issue], error) {
	return list[Issue](ctx, c, "/v1/issues", q.values())
}

// Redemptions lists redeemed money, newest first.
func (c *Client) Redemptions(ctx context.Context, q EntryQuery) (Page[Redemption], error) {
	return list[Redemption](ctx, c, "/v1/redemptions", q.values())
}

// IssueRequest asks a node that holds an issuer's key to issue.
type IssueRequest struct {
	To        wallet.DID  `json:"to"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"` // the issuer's own, unique; ReferenceSizeMax bytes at most
}

// TransferRequest asks a node to pay from the account whose key it holds.
type TransferRequest struct {
	To        wallet.DID  `json:"to"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference,omitempty"` // a text whose hash goes on the ledger; ReferenceSizeMax bytes at most
}

// Transfer asks the node to pay. It needs an operator's token, and a key of at most 255 printable characters: to ask again
// with the same key pays nothing more and gives the same answer, for a day at least, so that ErrOutcomeUnknown is resolved
// by asking again. Another request with the same key is ErrKeyReused.
func (c *Client) Transfer(ctx context.Context, key string, ask TransferRequest) (Transfer, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return Transfer{}, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	return do[Transfer](ctx, c, request{method: http.MethodPost, path: "/v1/transfers", contentType: "application/json", body: body, key: key})
}

// ReferenceSizeMax bounds an issuer's reference, in bytes: a bank's end-to-end id has 35 characters.
const ReferenceSizeMax = 64

// Issue asks the node to issue. It needs an operator's token. To ask again with the same reference issues nothing
// more and gives the same answer, so that ErrOutcomeUnknown is resolved by asking again.
func (c *Client) Issue(ctx context.Context, ask IssueRequest) (Issue, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return Issue{}, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	r := request{method: http.MethodPost, path: "/v1/issues", contentType: "application/json", body: body}
	return do[Issue](ctx, c, r)
}
