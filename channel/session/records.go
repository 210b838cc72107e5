package session

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/internal/canon"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// recordSizeMax bounds a stored record: the largest, a session's, carries its quotes, of at most 14 KiB each and some three
// for the prices of two days. A session whose quotes do not fit ends rather than change its tariff once more.
const recordSizeMax = 96 << 10

// Batch is what one Step makes durable. Records replace those with the same key.
type Batch struct {
	Channels []ChannelRecord
	Sessions []SessionRecord
	Readings []ReadingRecord
	Ops      []OpRecord
}

// Merge adds the records of a later batch, so that committing both at once stores what committing one after the other does:
// for the same key the later record wins, but an operation that has its outcome keeps it, and a payload that is fixed stays.
// It may keep the later batch's slices.
func (b *Batch) Merge(later Batch) {
	if b.Empty() {
		*b = later
		return
	}
	b.Channels = mergeBy(b.Channels, later.Channels, func(r *ChannelRecord) channel.ID { return r.ID })
	b.Sessions = mergeBy(b.Sessions, later.Sessions, func(r *SessionRecord) channel.SessionID { return r.ID })
	b.Readings = append(b.Readings, later.Readings...) // readings are written once
	for _, op := range later.Ops {
		b.mergeOp(op)
	}
}

func mergeBy[R any, K comparable](records, later []R, key func(*R) K) []R {
next:
	for l := range later {
		for i := len(records) - 1; i >= 0; i-- {
			if key(&records[i]) == key(&later[l]) {
				records[i] = later[l]
				continue next
			}
		}
		records = append(records, later[l])
	}
	return records
}

func (b *Batch) mergeOp(op OpRecord) {
	for i, earlier := range slices.Backward(b.Ops) {
		if earlier.ID != op.ID {
			continue
		}
		if earlier.State == OpPending {
			if len(op.Payload) == 0 {
				op.Payload = earlier.Payload
			}
			b.Ops[i] = op
		}
		return
	}
	b.Ops = append(b.Ops, op)
}

// Empty tells whether there is nothing to store.
func (b Batch) Empty() bool {
	return len(b.Channels) == 0 && len(b.Sessions) == 0 && len(b.Readings) == 0 && len(b.Ops) == 0
}

// ChannelRecord is one party's durable knowledge of a channel.
type ChannelRecord struct {
	ID       channel.ID
	Peer     wallet.DID
	KeyIndex uint32 // of the own channel key, in the wallet's derivation
	Side     channel.Snapshot
	State    channel.State   // as last seen on the ledger; zero before it was seen
	Settled  channel.PerLane // lane maxima that the ledger is known to hold, final
	Expiry   time.Time       // ledger time
	Proposal []byte          // channel.SignedWithdrawal that waits for the peer's signature
}

// Serves tells whether the channel fits the terms of an offer. Its own keys stay in force.
func (r ChannelRecord) Serves(q quote.Quote) bool {
	o, expiry := r.Side.Opening, r.Expiry
	if expiry.IsZero() {
		expiry = o.Terms.Expiry // not seen on the ledger yet
	}
	return !r.Side.Frozen && (r.State == 0 || r.State == channel.Open) && o.Payout == q.Payout && o.Terms.Currency.String() == q.Currency &&
		o.Terms.Window >= time.Duration(q.WindowSeconds)*time.Second && expiry.UnixMilli() >= q.ExpiryMinMs
}

// Role tells which machine a session record belongs to.
type Role uint8

// Roles.
const (
	RolePayer Role = 1
	RolePayee Role = 2
)

// Phase is where a session stands. The order of the numbers is the order of a session.
type Phase uint8

// Phases of both machines.
const (
	PhaseGreeting  Phase = 1 // payer: Hello sent; payee: Offer sent
	PhaseOpening   Phase = 2 // payer: waits for the ledger to open the channel
	PhaseAccepting Phase = 3 // payer: Accept sent; payee: waits to see the channel certified
	PhaseCharging  Phase = 4
	PhaseStopping  Phase = 5 // payer: Stop sent; payee: connector stopped, last reading due
	PhaseFinal     Phase = 6 // the final demand and claim are under way
	PhaseSettling  Phase = 7 // paid; the ledger is to know
	PhaseEnded     Phase = 8
	PhaseFailed    Phase = 9 // ended before energy flowed
)

var phaseNames = [...]string{"", "greeting", "opening", "accepting", "charging", "stopping", "final", "settling", "ended", "failed"}

// String gives the phase in a word.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("unknown(%d)", uint8(p))
}

// Over tells whether the session needs no more steps.
func (p Phase) Over() bool { return p >= PhaseEnded }

// SessionRecord is one side's durable knowledge of a session.
type SessionRecord struct {
	ID          channel.SessionID `cbor:"1,keyasint"`
	Role        Role              `cbor:"2,keyasint"`
	Phase       Phase             `cbor:"3,keyasint"`
	Peer        wallet.DID        `cbor:"4,keyasint"`
	PeerAddr    string            `cbor:"5,keyasint"` // where the peer was last heard on the link
	Channel     channel.ID        `cbor:"6,keyasint"`
	KeyIndex    uint32            `cbor:"7,keyasint"` // of the own channel key
	Base        channel.PerLane   `cbor:"8,keyasint"` // both lanes before this session
	StartedMs   int64             `cbor:"9,keyasint"` // session clock, Unix milliseconds
	EndedMs     int64             `cbor:"10,keyasint"`
	Sequence    uint64            `cbor:"11,keyasint"` // last reading, by sequence
	Quantity    int64             `cbor:"12,keyasint"` // delivered, in the quote's unit, by that reading
	Cost        money.Amount      `cbor:"13,keyasint"` // net cost of the session by that reading
	Paid        money.Amount      `cbor:"14,keyasint"` // net claims of this session
	Claims      uint64            `cbor:"15,keyasint"`
	Reason      wire.Reason       `cbor:"16,keyasint"` // why it ended
	Failure     string            `cbor:"17,keyasint"` // what went wrong, when something did
	Service     string            `cbor:"18,keyasint"`
	Wanted      int64             `cbor:"19,keyasint"`           // quantity that the vehicle asked for; 0 none
	MeasureBase int64             `cbor:"20,keyasint"`           // payer: own register at the baseline reading
	Vertices    []OpID            `cbor:"21,keyasint"`           // ledger operations of this session
	Quote       []byte            `cbor:"22,keyasint"`           // quote.Signed that is in force by the last reading
	Abandoned   bool              `cbor:"23,keyasint"`           // payee: the vehicle vanished, the channel is closed alone
	Power       int64             `cbor:"24,keyasint"`           // milliwatts at the last reading; below zero they flow back
	SoCPermille int16             `cbor:"25,keyasint"`           // state of charge at the last reading; -1 unknown
	Closing     [2][]byte         `cbor:"26,keyasint"`           // channel.Best of each lane when it was paid; a later session claims more
	Earlier     [][]byte          `cbor:"27,keyasint,omitempty"` // quote.Signed of this session that were in force before
	Next        []byte            `cbor:"28,keyasint,omitempty"` // quote.Signed that is offered, or agreed on, for a time to come
	NextAgreed  bool              `cbor:"29,keyasint,omitempty"` // a claim says so
	Returned    int64             `cbor:"30,keyasint,omitempty"` // given back, mWh, by the last reading
	ReturnMw    int64             `cbor:"31,keyasint,omitempty"` // milliwatts: what both agreed may flow back at most
	ReturnBase  int64             `cbor:"32,keyasint,omitempty"` // payer: own register of what was given back at the baseline reading
}

// Quotes gives the quotes that both sides agreed on, the session's first one first.
func (r SessionRecord) Quotes() [][]byte {
	list := append(slices.Clone(r.Earlier), r.Quote)
	if r.NextAgreed {
		list = append(list, r.Next)
	}
	return list
}

// Encode gives the record's bytes in the store.
func (r SessionRecord) Encode() []byte { return canon.Marshal(r) }

// DecodeSessionRecord reads what Encode gives.
func DecodeSessionRecord(b []byte) (SessionRecord, error) {
	var r SessionRecord
	if err := canon.Unmarshal(b, recordSizeMax, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r, nil
}

// ReadingRecord is one signed reading of a session, written once.
type ReadingRecord struct {
	Session  channel.SessionID
	Sequence uint64
	Signed   []byte // meter.Signed
}

// OpID names a ledger operation: the hash of its kind and body.
type OpID [32]byte

// OpKind says what a ledger operation does.
type OpKind uint8

// Kinds of ledger operations.
const (
	OpOpen         OpKind = 1 // Body: channel.Opening
	OpTopUp        OpKind = 2 // Body: TopUp
	OpSettle       OpKind = 3 // Body: a list of channel.Best
	OpWithdraw     OpKind = 4 // Body: channel.SignedWithdrawal
	OpClose        OpKind = 5 // Body: channel.SignedClose
	OpCloseRequest OpKind = 6 // Body: channel.SignedCloseRequest, then a list of channel.Best
	OpFinalise     OpKind = 7 // Body: channel.ID
)

// String gives the kind in a word.
func (k OpKind) String() string {
	names := [...]string{"", "open", "top-up", "settle", "withdraw", "close", "close-request", "finalise"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

// OpState says how far an operation is.
type OpState uint8

// States of an operation.
const (
	OpPending OpState = 1 // to be submitted, or submitted with unknown outcome: submit the same payload again
	OpFinal   OpState = 2
	OpRefused OpState = 3 // the ledger will never take it
)

// OpRecord is one entry of the outbox: a ledger operation that must reach an outcome whatever happens to the process.
type OpRecord struct {
	ID       OpID
	Kind     OpKind
	Channel  channel.ID
	Session  channel.SessionID // zero when no session asked for it
	Body     []byte
	Payload  []byte // the ledger payload once it is fixed, account sequence included; the same bytes on every retry
	State    OpState
	Vertex   [32]byte // that carries it, once known
	Failure  string   // why it was refused
	Sequence uint64   // order of entry in this store
}

// NewOp makes a pending operation.
func NewOp(kind OpKind, ch channel.ID, session channel.SessionID, body []byte) OpRecord {
	h := sha256.New()
	h.Write([]byte("joulepay/op\x00"))
	h.Write([]byte{byte(kind)})
	h.Write(ch[:])
	h.Write(body)
	return OpRecord{ID: OpID(h.Sum(nil)), Kind: kind, Channel: ch, Session: session, Body: body, State: OpPending}
}

// TopUp is the body of OpTopUp. Nonce makes two equal top-ups differ.
type TopUp struct {
	Party  channel.Party
	Amount money.Amount
	Nonce  uint64
}

// Encode gives the body's bytes.
func (t TopUp) Encode() []byte {
	b := []byte{byte(t.Party)}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Amount))
	return binary.BigEndian.AppendUint64(b, t.Nonce)
}

// DecodeTopUp reads what Encode gives.
func DecodeTopUp(b []byte) (TopUp, error) {
	if len(b) != 17 || b[0] > byte(channel.Partner) {
		return TopUp{}, fmt.Errorf("%w: top-up of %d bytes", ErrRecord, len(b))
	}
	return TopUp{
		Party:  channel.Party(b[0]),
		Amount: money.Amount(binary.BigEndian.Uint64(b[1:])),
		Nonce:  binary.BigEndian.Uint64(b[9:]),
	}, nil
}

// EncodeBests gives the body of OpSettle: the bests that are not untouched, one after the other.
func EncodeBests(bests ...channel.Best) []byte {
	var b []byte
	for _, best := range bests {
		if !best.IsZero() {
			b = append(b, best.Encode()...)
		}
	}
	return b
}

// DecodeBests reads what EncodeBests gives.
func DecodeBests(b []byte) ([]channel.Best, error) {
	if len(b)%channel.BestSize != 0 {
		return nil, fmt.Errorf("%w: %d bytes of claims", ErrRecord, len(b))
	}
	var bests []channel.Best
	for ; len(b) > 0; b = b[channel.BestSize:] {
		best, err := channel.DecodeBest(b[:channel.BestSize])
		if err != nil {
			return nil, err
		}
		bests = append(bests, best)
	}
	return bests, nil
}

// Progress is what a session tells people.
type Progress struct {
	Session     channel.SessionID
	Channel     channel.ID // zero before one is named
	Role        Role
	Phase       Phase
	Peer        wallet.DID
	At          time.Time // session clock
	Elapsed     time.Duration
	Service     string
	Quantity    int64 // in the unit of the service
	Returned    int64 // given back, mWh
	Power       int64 // milliwatts; below zero they flow back
	SoCPermille int16
	Cost        money.Amount
	Paid        money.Amount
	Claims      uint64
	Paused      bool
	Reason      wire.Reason // why it ends, once it does
	Note        string      // what just happened, in words; empty for plain progress
	Err         error       // what just went wrong, when something did
}

// DecodeCloseRequest reads the body of OpCloseRequest.
func DecodeCloseRequest(b []byte) (channel.SignedCloseRequest, []channel.Best, error) {
	const size = 1 + 32 + 1 + wallet.SignatureSize
	if len(b) < size {
		return channel.SignedCloseRequest{}, nil, fmt.Errorf("%w: close request of %d bytes", ErrRecord, len(b))
	}
	request, err := channel.DecodeSignedCloseRequest(b[:size])
	if err != nil {
		return request, nil, err
	}
	bests, err := DecodeBests(b[size:])
	return request, bests, err
}
