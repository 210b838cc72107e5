package session

import (
	"encoding/binary"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

const (
	channelTermsVersion    = 1
	channelProgressVersion = 1

	// proposalSizeMax bounds a stored proposal: a signed withdrawal has about 200 bytes.
	proposalSizeMax = 1 << 10
	// openingSizeMax bounds a stored opening, which has about 300 bytes.
	openingSizeMax = 1 << 10
)

// A channel is stored in two parts, so that a claim writes few bytes: its terms, which never change in practice, and
// its progress.

// SameTerms tells whether both records have the same terms. The ids are not compared.
func (r ChannelRecord) SameTerms(other ChannelRecord) bool {
	return r.Peer == other.Peer && r.KeyIndex == other.KeyIndex &&
		r.Side.Me == other.Side.Me && r.Side.Opening == other.Side.Opening
}

// CheckSize returns ErrRecord when the record is larger than what DecodeChannelRecord accepts.
func (r ChannelRecord) CheckSize() error {
	if len(r.Proposal) > proposalSizeMax {
		return fmt.Errorf("%w: proposal of %d bytes, at most %d", ErrRecord, len(r.Proposal), proposalSizeMax)
	}
	return nil
}

// EncodeTerms gives the bytes of peer, key index, party and opening.
func (r ChannelRecord) EncodeTerms() []byte {
	b := []byte{channelTermsVersion}
	b = append(b, r.Peer[:]...)
	b = binary.BigEndian.AppendUint32(b, r.KeyIndex)
	b = append(b, byte(r.Side.Me))
	return layout.AppendBytes(b, r.Side.Opening.Encode())
}

// EncodeProgress gives the bytes of everything that EncodeTerms leaves out, the id aside.
func (r ChannelRecord) EncodeProgress() []byte {
	b := make([]byte, 0, 128+2*channel.BestSize+len(r.Proposal))
	b = append(b, channelProgressVersion, byte(r.State), flag(r.Side.Frozen)|flag(r.Side.Unsynced)<<1)
	b = binary.BigEndian.AppendUint64(b, r.Side.Sequence)
	b = binary.BigEndian.AppendUint32(b, r.Side.Withdrawal)
	for _, pair := range [...][2]money.Amount{r.Side.Funds.Deposited, r.Side.Funds.Withdrawn, r.Settled} {
		b = layout.AppendInt64(b, int64(pair[0]))
		b = layout.AppendInt64(b, int64(pair[1]))
	}
	b = layout.AppendInt64(b, r.Expiry.Unix())
	b = binary.BigEndian.AppendUint32(b, uint32(r.Expiry.Nanosecond()))
	b = appendBest(b, r.Side.Out)
	b = appendBest(b, r.Side.In)
	return layout.AppendBytes(b, r.Proposal)
}

// DecodeChannelRecord reads what EncodeTerms and EncodeProgress give. Times come back as UTC. It checks the form; that
// the parts hold a usable channel is for channel.Restore to say.
func DecodeChannelRecord(id channel.ID, terms, progress []byte) (ChannelRecord, error) {
	r := ChannelRecord{ID: id}
	if err := r.decodeTerms(layout.NewReader(terms)); err != nil {
		return ChannelRecord{}, fmt.Errorf("%w: terms of channel %s: %w", ErrRecord, id, err)
	}
	if err := r.decodeProgress(layout.NewReader(progress)); err != nil {
		return ChannelRecord{}, fmt.Errorf("%w: channel %s: %w", ErrRecord, id, err)
	}
	return r, nil
}

func (r *ChannelRecord) decodeTerms(in *layout.Reader) error {
	in.Version(channelTermsVersion)
	in.Fixed(r.Peer[:])
	r.KeyIndex = in.Uint32()
	r.Side.Me = channel.Party(in.Uint8())
	if r.Side.Me > channel.Partner {
		in.Fail(fmt.Errorf("party %d", r.Side.Me))
	}
	opening := in.Bytes(openingSizeMax)
	if err := in.Close(); err != nil {
		return err
	}
	var err error
	r.Side.Opening, err = channel.DecodeOpening(opening)
	return err
}

func (r *ChannelRecord) decodeProgress(in *layout.Reader) error {
	in.Version(channelProgressVersion)
	r.State = channel.State(in.Uint8())
	r.Side.Frozen, r.Side.Unsynced = readFlags(in)
	r.Side.Sequence = in.Uint64()
	r.Side.Withdrawal = in.Uint32()
	for _, pair := range [...]*[2]money.Amount{
		(*[2]money.Amount)(&r.Side.Funds.Deposited), (*[2]money.Amount)(&r.Side.Funds.Withdrawn), (*[2]money.Amount)(&r.Settled),
	} {
		pair[0], pair[1] = money.Amount(in.Int64()), money.Amount(in.Int64())
	}
	r.Expiry = readTime(in)
	r.Side.Out = readBest(in)
	r.Side.In = readBest(in)
	r.Proposal = in.Bytes(proposalSizeMax)
	return in.Close()
}

// readTime reads whole seconds and nanoseconds.
func readTime(in *layout.Reader) time.Time {
	seconds, nanoseconds := in.Int64(), in.Uint32()
	if nanoseconds >= uint32(time.Second) {
		in.Fail(fmt.Errorf("%d nanoseconds", nanoseconds))
	}
	if in.Err() != nil {
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

// appendBest appends one byte for an untouched lane.
func appendBest(b []byte, best channel.Best) []byte {
	if best == (channel.Best{}) {
		return append(b, 0)
	}
	return best.AppendTo(append(b, 1))
}

func readBest(in *layout.Reader) channel.Best {
	if !readFlag(in) {
		return channel.Best{}
	}
	var raw [channel.BestSize]byte
	in.Fixed(raw[:])
	if in.Err() != nil {
		return channel.Best{}
	}
	best, err := channel.DecodeBest(raw[:])
	if err != nil {
		in.Fail(err)
	} else if best == (channel.Best{}) {
		in.Fail(fmt.Errorf("an untouched lane in the form of a claim"))
	}
	return best
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// readFlags reads two flags of one byte.
func readFlags(in *layout.Reader) (low, high bool) {
	v := in.Uint8()
	if v > 3 {
		in.Fail(fmt.Errorf("flags of value %d", v))
	}
	return v&1 != 0, v&2 != 0
}

func readFlag(in *layout.Reader) bool {
	v := in.Uint8()
	if v > 1 {
		in.Fail(fmt.Errorf("flag of value %d", v))
	}
	return v == 1
}
