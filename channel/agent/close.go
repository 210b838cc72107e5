package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
)

// closeValid is how long a proposed close stays good, ledger time: long enough to reach the ledger, short enough that
// the proposer may close alone soon.
const closeValid = 2 * time.Minute

// ProposeClose freezes a channel in the store and gives the half-signed close to send to the peer. Asked again it gives one
// that is good for longer: nothing is signed on a frozen channel, so both name the same amounts. No session may use the
// channel.
func ProposeClose(ctx context.Context, d Deps, id channel.ID, ledgerTime time.Time) (channel.SignedClose, error) {
	record, side, err := frozenFor(ctx, d, id)
	if err != nil {
		return channel.SignedClose{}, err
	}
	signed, err := side.ProposeClose(ledgerTime.Add(closeValid), d.Identity.Wallet.Channel(record.KeyIndex))
	if err != nil {
		return channel.SignedClose{}, err
	}
	record.Side = side.Snapshot()
	// If we crash before this is stored, nothing was sent; after it, nothing more is signed or accepted here.
	return signed, d.Store.Commit(ctx, session.Batch{Channels: []session.ChannelRecord{record}})
}

// EnterClose puts a co-signed close into the outbox.
func EnterClose(ctx context.Context, d Deps, signed channel.SignedClose) (session.OpRecord, error) {
	op := session.NewOp(session.OpClose, signed.Close.Channel, channel.SessionID{}, signed.Encode())
	return op, d.Store.Commit(ctx, session.Batch{Ops: []session.OpRecord{op}})
}

// CloseAlone freezes a channel and puts a request to close it alone, with the best claims, into the outbox. The keeper
// pays out when the window is over. No session may use the channel.
func CloseAlone(ctx context.Context, d Deps, id channel.ID) (session.OpRecord, error) {
	record, side, err := frozenFor(ctx, d, id)
	if err != nil {
		return session.OpRecord{}, err
	}
	request := side.RequestClose(d.Identity.Wallet.Channel(record.KeyIndex))
	record.Side = side.Snapshot()
	body := append(request.Encode(), session.EncodeBests(side.In(), side.Out())...)
	op := session.NewOp(session.OpCloseRequest, id, channel.SessionID{}, body)
	batch := session.Batch{Channels: []session.ChannelRecord{record}, Ops: []session.OpRecord{op}}
	return op, d.Store.Commit(ctx, batch)
}

func frozenFor(ctx context.Context, d Deps, id channel.ID) (session.ChannelRecord, *channel.Side, error) {
	record, err := d.Store.Channel(ctx, id)
	if err != nil {
		return record, nil, fmt.Errorf("%w: %w", ErrNoChannel, err)
	}
	side, err := channel.Restore(record.Side)
	return record, side, err
}

// agreeEvery is how often a close is proposed again while no answer comes.
const agreeEvery = 500 * time.Millisecond

// AgreeClose asks the peer to counter-sign a close until it answers or the context ends: session.ErrRefused when it says
// no, session.ErrNoAnswer when it says nothing. The link must have no other receiver.
func AgreeClose(ctx context.Context, l link.Link, to link.Addr, o channel.Opening, proposed channel.SignedClose) (channel.SignedClose, error) {
	var id channel.SessionID
	copy(id[:], proposed.Close.Channel[:])
	frame := wire.Frame{Session: id, Message: wire.Close{Close: proposed.Encode()}}.Encode()
	ticker := time.NewTicker(agreeEvery)
	defer ticker.Stop()
	_ = l.Send(to, frame) // lost ones are repeated
	for {
		select {
		case <-ctx.Done():
			return proposed, fmt.Errorf("%w: %w", session.ErrNoAnswer, ctx.Err())
		case <-ticker.C:
			_ = l.Send(to, frame)
		case d, ok := <-l.Receive():
			if !ok {
				return proposed, link.ErrClosed
			}
			if signed, err := agreed(d.Payload, id, o, proposed); !errors.Is(err, errNoAnswerYet) {
				return signed, err
			}
		}
	}
}

// errNoAnswerYet says that a datagram is no answer.
var errNoAnswerYet = errors.New("agent: not an answer to the close")

// agreed reads the answer, if that is what a datagram is.
func agreed(payload []byte, id channel.SessionID, o channel.Opening, proposed channel.SignedClose) (channel.SignedClose, error) {
	f, err := wire.Decode(payload)
	if err != nil || f.Session != id {
		return proposed, errNoAnswerYet
	}
	switch m := f.Message.(type) {
	case wire.Refuse:
		return proposed, fmt.Errorf("%w: %s: %q", session.ErrRefused, m.Code, m.Detail)
	case wire.Close:
		signed, err := channel.DecodeSignedClose(m.Close)
		if err == nil && bytes.Equal(signed.Close.Encode(), proposed.Close.Encode()) && signed.Verify(o) == nil {
			return signed, nil
		}
	}
	return proposed, errNoAnswerYet
}
