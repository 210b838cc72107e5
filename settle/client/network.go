package client

import (
	"context"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Network says which ledger a server follows, how far, and what the server answers for.
type Network struct {
	Network   wallet.NetworkID `json:"network"`           // hash of the genesis; pinned at first contact
	Name      string           `json:"name"`              // as the genesis names it
	Currency  money.Currency   `json:"currency"`          // the ledger's only unit
	Genesis   []byte           `json:"genesis,omitempty"` // canonical bytes, base64: check that they hash to Network
	Height    uint64           `json:"height"`            // vertices applied
	Final     *Checkpoint      `json:"final,omitempty"`   // the newest final checkpoint; absent before the first
	Tips      []ID             `json:"tips"`              // vertices that a new one should take as parents
	Witnesses []Witness        `json:"witnesses"`         // who certifies
	Issuers   []wallet.DID     `json:"issuers"`           // who may issue
	Limits    Limits           `json:"limits"`            // what vertices cost, and the least that accounts and channels hold
	Trust     string           `json:"trust"`             // what time and order rest on, in words
	Justified uint64           `json:"justified"`         // number of the newest justified checkpoint
	Certifies bool             `json:"certifies"`         // the node of this server is a witness
	Stream    *Stream          `json:"stream,omitempty"`  // the ordered log that the node reads
	Peers     []Peer           `json:"peers,omitempty"`   // the other witnesses, as this node last reached them
	Accused   []wallet.DID     `json:"accused,omitempty"` // witnesses that contradicted themselves, since the node started
	Serves    []string         `json:"serves"`            // resources that this server answers for
	Version   string           `json:"version"`           // of the server's software
}

// Witness is a ledger node with weight.
type Witness struct {
	DID    wallet.DID       `json:"did"`
	Key    wallet.PublicKey `json:"key"` // verifies its votes
	Weight uint64           `json:"weight"`
}

// Stream is one life of the ordered log.
type Stream struct {
	Epoch       uint64 `json:"epoch"`       // higher each time the log began anew
	Incarnation string `json:"incarnation"` // in hexadecimal
}

// Peer is another witness, as a node sees it.
type Peer struct {
	DID       wallet.DID `json:"did"`
	Reachable bool       `json:"reachable"` // it answered when it was last asked
	Justified uint64     `json:"justified"` // number of the newest justified checkpoint that it told of
}

// Limits are the network's rules for who may ask how much of it.
type Limits struct {
	CreditIntervalMillis uint64      `json:"credit_interval_ms"`  // how long one unit of the currency takes to earn one credit; 0: no credit is needed
	CreditCapMillis      uint64      `json:"credit_cap_ms"`       // for how long credit is saved up
	RegistrationCredit   uint32      `json:"registration_credit"` // what a new account costs its sponsor, and begins with
	AccountLock          money.Money `json:"account_lock"`        // least balance of an account that is not empty
	ChannelLock          money.Money `json:"channel_lock"`        // least first deposit of a channel
}

// Checkpoint is a place in the log on which the witnesses vote.
type Checkpoint struct {
	ID           ID        `json:"id"`
	Number       uint64    `json:"number"` // 0 for the genesis, one higher each time
	Previous     ID        `json:"previous"`
	Height       uint64    `json:"height"` // log entries applied
	LogHash      ID        `json:"log_hash"`
	StateRoot    ID        `json:"state_root"`
	ReceiptsRoot ID        `json:"receipts_root"`
	Time         time.Time `json:"time"` // ledger time, whole milliseconds
	WitnessSet   ID        `json:"witness_set"`
	Justified    bool      `json:"justified"` // more than 2/3 of the weight voted for it
	Final        bool      `json:"final"`     // and for its direct child: it is never undone
}

// Network reads what a server is.
func (c *Client) Network(ctx context.Context) (Network, error) {
	return read[Network](ctx, c, "/v1/network", nil)
}

// States of a checkpoint, for CheckpointQuery.
const (
	CheckpointJustified = "justified" // includes what is final
	CheckpointFinal     = "final"
)

// CheckpointQuery filters checkpoints.
type CheckpointQuery struct {
	PageQuery
	Span
	State string
}

// Checkpoints lists checkpoints, newest first.
func (c *Client) Checkpoints(ctx context.Context, q CheckpointQuery) (Page[Checkpoint], error) {
	v := q.values()
	q.addTo(v)
	set(v, "state", q.State)
	return list[Checkpoint](ctx, c, "/v1/checkpoints", v)
}
