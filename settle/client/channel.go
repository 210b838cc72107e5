package client

import (
	"context"
	"net/url"
	"time"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// States of a channel on the ledger.
const (
	ChannelOpen    = "open"
	ChannelClosing = "closing" // a lone close, or expiry: the challenge window runs
	ChannelClosed  = "closed"
)

// Channel is the ledger's view of a channel.
type Channel struct {
	ID            ID               `json:"id"`
	State         string           `json:"state"`
	Opener        wallet.DID       `json:"opener"`
	Partner       wallet.DID       `json:"partner"`
	Payout        wallet.DID       `json:"payout"` // receives the partner's share
	OpenerKey     wallet.PublicKey `json:"opener_key"`
	PartnerKey    wallet.PublicKey `json:"partner_key"`
	WindowSeconds int64            `json:"window_seconds"`          // challenge window
	Expiry        time.Time        `json:"expiry"`                  // ledger time
	ClosingSince  *time.Time       `json:"closing_since,omitempty"` // ledger time at which the challenge window began
	Deposited     PerParty         `json:"deposited"`               // in total, over the channel's life
	Withdrawn     PerParty         `json:"withdrawn"`               // in total
	Claimed       PerParty         `json:"claimed"`                 // lane maxima that the ledger knows: what each party owes in total
	PaidOut       PerParty         `json:"paid_out"`                // when it ended; zero before
	Locked        money.Money      `json:"locked"`                  // what the channel still holds
	Opening       []byte           `json:"opening"`                 // canonical bytes, base64; they hash to ID
	Height        uint64           `json:"height"`                  // the log was applied up to here
	Certified     []byte           `json:"certified,omitempty"`     // proof.Slot of the newest final state, base64; absent before the first
}

// Claim is the best claim of one lane that the server knows.
type Claim struct {
	Channel  ID          `json:"channel"`
	Lane     uint8       `json:"lane"` // 0: the opener pays, 1: the partner pays
	Payer    wallet.DID  `json:"payer"`
	Amount   money.Money `json:"amount"` // in total over the channel's life, ticks included
	Sequence uint64      `json:"sequence"`
	Session  SessionID   `json:"session"`
	Quote    ID          `json:"quote"`   // hash of the signed quote
	Reading  ID          `json:"reading"` // hash of the reading that it pays for
	Encoded  []byte      `json:"encoded"` // canonical bytes, base64: channel.Best
}

// ClaimOf gives the resource of a claim in a channel.
func ClaimOf(best channel.Best, o channel.Opening) Claim {
	c, payer := best.Signed.Claim, o.Opener
	if c.Lane.Payer() == channel.Partner {
		payer = o.Partner
	}
	return Claim{
		Channel: ID(c.Channel), Lane: uint8(c.Lane), Payer: payer, Amount: money.Of(best.Owed(), o.Terms.Currency), Sequence: c.Sequence,
		Session: SessionID(c.Session), Quote: ID(c.Quote), Reading: ID(c.Reading), Encoded: best.Encode(),
	}
}

// ChannelQuery filters channels.
type ChannelQuery struct {
	PageQuery
	Span             // when it was opened
	Party wallet.DID // opener or partner
	State string
}

// Channels lists channels, newest first.
func (c *Client) Channels(ctx context.Context, q ChannelQuery) (Page[Channel], error) {
	v := q.values()
	q.addTo(v)
	set(v, "party", q.Party.String())
	set(v, "state", q.State)
	return list[Channel](ctx, c, "/v1/channels", v)
}

// Channel reads a channel.
func (c *Client) Channel(ctx context.Context, id ID) (Channel, error) {
	return read[Channel](ctx, c, "/v1/channels/"+id.String(), nil)
}

// Claims reads the best claim of each lane on which anything was claimed, by lane.
func (c *Client) Claims(ctx context.Context, id ID) (Page[Claim], error) {
	return list[Claim](ctx, c, "/v1/channels/"+id.String()+"/claims", url.Values{})
}
