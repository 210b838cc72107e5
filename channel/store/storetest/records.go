package storetest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// hash gives 32 bytes that differ for each name and number.
func hash(name string, n uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), n))
}

// Channel makes a channel that looks like one in use after so many claims. The same numbers make the same record.
func Channel(n, claims uint64) session.ChannelRecord {
	opening := channel.Opening{
		Network: hash("network", 0), Opener: wallet.DID(hash("vehicle", n)), Partner: wallet.DID(hash("station", 0)),
		OpenerKey: hash("opener", n), PartnerKey: hash("partner", n), Payout: wallet.DID(hash("payout", 0)),
		Deposit: 20 * money.Nano, Nonce: [16]byte{byte(n)},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Hour, Expiry: time.Unix(1_900_000_000, 0).UTC()},
	}
	r := session.ChannelRecord{
		ID: opening.ID(), Peer: opening.Opener, KeyIndex: uint32(n), State: channel.Open,
		Settled: channel.PerLane{money.Amount(claims / 10), 0}, Expiry: time.Unix(1_900_000_000, 250_000_000).UTC(),
		Side: channel.Snapshot{
			Opening: opening, Me: channel.Partner, Sequence: 3, Withdrawal: 2,
			Funds: channel.Funds{Deposited: channel.PerParty{20 * money.Nano, 5}, Withdrawn: channel.PerParty{0, 7}},
		},
	}
	if claims > 0 {
		r.Side.In.Signed = channel.SignedClaim{
			Claim: channel.Claim{
				Channel: r.ID, Sequence: claims, Amount: money.Amount(claims) * 1000, Quantity: int64(claims), Unit: 1,
				Reading: hash("reading", claims), Quote: hash("quote", n), Session: sessionID(n),
			},
			Signature: signature("claim", claims),
		}
	}
	return r
}

func signature(name string, n uint64) wallet.Signature {
	var s wallet.Signature
	first, second := hash(name, n), hash(name+"'", n)
	copy(s[:32], first[:])
	copy(s[32:], second[:])
	return s
}

func sessionID(n uint64) channel.SessionID {
	h := hash("session", n)
	return channel.SessionID(h[:16])
}

// quoteSize is that of a quote with a tariff of a few elements.
const quoteSize = 2 << 10

// Session makes a session after so many claims.
func Session(n, claims uint64, phase session.Phase) session.SessionRecord {
	quote := make([]byte, 0, quoteSize)
	for i := uint64(0); len(quote) < quoteSize; i++ {
		h := hash("quote", n<<16|i)
		quote = append(quote, h[:]...)
	}
	return session.SessionRecord{
		ID: sessionID(n), Role: session.RolePayee, Phase: phase, Peer: wallet.DID(hash("vehicle", n)),
		PeerAddr: fmt.Sprintf("vehicle.%d", n), Channel: hash("channel", n), KeyIndex: uint32(n),
		Base: channel.PerLane{11, 12}, StartedMs: 1_700_000_000_000, EndedMs: 1_700_000_000_000 + int64(claims)*1000,
		Sequence: claims, Quantity: int64(claims) * 10, Cost: money.Amount(claims) * 1000, Paid: money.Amount(claims) * 1000,
		Claims: claims, Reason: wire.ReasonTarget, Failure: "none", Service: "charging", Wanted: 5_000_000,
		MeasureBase: 77, Vertices: []session.OpID{hash("op", n)}, Quote: quote, Power: 11_000_000, SoCPermille: 512,
	}
}

// Reading makes a reading of Session(n, …).
func Reading(n, sequence uint64) session.ReadingRecord {
	signed := make([]byte, 0, 160)
	for i := range uint64(5) {
		h := hash("signed", n<<32|sequence<<8|i)
		signed = append(signed, h[:]...)
	}
	return session.ReadingRecord{Session: sessionID(n), Sequence: sequence, Signed: signed[:152]}
}

// Operation makes an entry of the outbox, without payload.
func Operation(n uint64, state session.OpState) session.OpRecord {
	body := hash("body", n)
	op := session.NewOp(session.OpSettle, hash("channel", n), sessionID(n), body[:])
	op.State = state
	return op
}

// Claim makes the batch of one claim, which is what a store is asked for most: session, channel, and the reading that
// the claim pays for. The first claim is number 1; claims of a session come in order.
func Claim(n, claim uint64) session.Batch {
	return session.Batch{
		Sessions: []session.SessionRecord{Session(n, claim, session.PhaseCharging)},
		Channels: []session.ChannelRecord{Channel(n, claim)},
		Readings: []session.ReadingRecord{Reading(n, claim-1)},
	}
}
