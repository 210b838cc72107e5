package settle

import (
	"encoding/binary"
	"time"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

// Lane is what the ledger knows of one lane of a channel.
type Lane struct {
	// Maximum is the most that is settled; pay-out uses it. A co-signed withdrawal or close may raise it
	// without a claim.
	Maximum money.Amount
	// Owed, Sequence and Claim are the best claim's total with ticks, sequence and body hash: the order of I2.
	// They are zero before the first.
	Owed     money.Amount
	Sequence uint64
	Claim    channel.Hash
	Ticks    uint16
	// Vertex carries the best claim.
	Vertex VertexID
}

// Below tells whether a claim stands above what the lane knows.
func (l Lane) Below(b channel.Best) bool {
	if l.Claim == (channel.Hash{}) {
		return true
	}
	if owed := b.Owed(); owed != l.Owed {
		return owed > l.Owed
	}
	if sequence := b.Signed.Claim.Sequence; sequence != l.Sequence {
		return sequence > l.Sequence
	}
	hash := b.Signed.Claim.Hash()
	return string(hash[:]) > string(l.Claim[:])
}

// Channel is the slot of a channel. It stays after the end, so that what happened can be proven.
type Channel struct {
	Opening    channel.Opening
	Funds      channel.Funds
	Withdrawal uint32 // sequence of the last withdrawal
	Lanes      [2]Lane
	State      channel.State
	Prepaid    Prepaid   // what is left of it
	Expiry     time.Time // the opening's, or what top-ups made of it

	// Set from channel.Closing on, by a close request or by expiry; zero after a cooperative close of an open channel.
	ClosingSince      LedgerTime
	WindowEnd         WindowTime
	ClosingCheckpoint uint64 // number of the last certified checkpoint when the window began

	Payout channel.PerParty // set when ended
}

// NewChannel gives the slot of a channel that has just been opened.
func NewChannel(o channel.Opening) Channel {
	return Channel{
		Opening: o, State: channel.Open, Prepaid: PrepaidAll, Expiry: o.Terms.Expiry,
		Funds: channel.Funds{Deposited: channel.PerParty{channel.Opener: o.Deposit}},
	}
}

// Maxima gives both lanes' maxima.
func (c Channel) Maxima() channel.PerLane {
	return channel.PerLane{c.Lanes[0].Maximum, c.Lanes[1].Maximum}
}

// Locked gives what the channel holds: nothing once it ended.
func (c Channel) Locked() (money.Amount, error) {
	if c.State == channel.Closed {
		return 0, nil
	}
	return c.Funds.Locked()
}

// Shares divides what the channel holds into the parts that count as the parties' own while it is open: what each put
// in less what it took out, as far as that is there. Claims do not change it.
func (c Channel) Shares() (channel.PerParty, error) {
	if c.State == channel.Closed {
		return channel.PerParty{}, nil
	}
	return channel.Payout(c.Funds, channel.PerLane{})
}

// Encode gives the canonical bytes.
func (c Channel) Encode() []byte {
	b := make([]byte, 0, SlotSizeMax)
	b = append(b, slotVersion)
	b = layout.AppendBytes(b, c.Opening.Encode())
	b = appendAmounts(b, c.Funds.Deposited[0], c.Funds.Deposited[1], c.Funds.Withdrawn[0], c.Funds.Withdrawn[1])
	b = binary.BigEndian.AppendUint32(b, c.Withdrawal)
	for _, l := range c.Lanes {
		b = appendAmounts(b, l.Maximum, l.Owed)
		b = binary.BigEndian.AppendUint64(b, l.Sequence)
		b = append(b, l.Claim[:]...)
		b = binary.BigEndian.AppendUint16(b, l.Ticks)
		b = append(b, l.Vertex[:]...)
	}
	b = append(b, byte(c.State), byte(c.Prepaid))
	b = layout.AppendInt64(b, c.Expiry.Unix())
	b = layout.AppendInt64(b, int64(c.ClosingSince))
	b = layout.AppendInt64(b, int64(c.WindowEnd))
	b = binary.BigEndian.AppendUint64(b, c.ClosingCheckpoint)
	return appendAmounts(b, c.Payout[0], c.Payout[1])
}

// DecodeChannel reads what Encode gives.
func DecodeChannel(raw []byte) (Channel, error) {
	var c Channel
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	c.Opening = readPart(r, channel.DecodeOpening)
	readAmounts(r, &c.Funds.Deposited[0], &c.Funds.Deposited[1], &c.Funds.Withdrawn[0], &c.Funds.Withdrawn[1])
	c.Withdrawal = r.Uint32()
	for i := range c.Lanes {
		l := &c.Lanes[i]
		readAmounts(r, &l.Maximum, &l.Owed)
		l.Sequence = r.Uint64()
		r.Fixed(l.Claim[:])
		l.Ticks = r.Uint16()
		r.Fixed(l.Vertex[:])
	}
	c.State = channel.State(r.Uint8())
	c.Prepaid = Prepaid(r.Uint8())
	c.Expiry = time.Unix(r.Int64(), 0).UTC()
	c.ClosingSince = LedgerTime(r.Int64())
	c.WindowEnd = WindowTime(r.Int64())
	c.ClosingCheckpoint = r.Uint64()
	readAmounts(r, &c.Payout[0], &c.Payout[1])
	return c, closeSlot(r, "channel")
}
