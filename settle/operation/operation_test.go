package operation_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle"
	"joulepay/settle/operation"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func key(n byte) wallet.PrivateKey { return wallet.NewPrivateKey([wallet.SeedSize]byte{n}) }

func opening() channel.Opening {
	did := func(n byte) wallet.DID { return wallet.DIDOf(key(n).Public()) }
	return channel.Opening{
		Network: wallet.NetworkID{1}, Opener: did(1), Partner: did(2), Payout: did(2),
		OpenerKey: key(3).Public(), PartnerKey: key(4).Public(), Deposit: 5 * money.Nano,
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: time.Unix(2e9, 0).UTC()},
	}
}

func best(o channel.Opening, lane channel.Lane) channel.Best {
	c := channel.Claim{Channel: o.ID(), Lane: lane, Sequence: 1, Amount: money.Nano}
	return channel.Best{Signed: channel.SignClaim(c, o.Network, key(3+byte(lane)))}
}

func TestEveryOperationIsAPayloadThatTheLedgerCanDecode(t *testing.T) {
	o := opening()
	id := o.ID()
	request := channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: id, By: channel.Partner}}
	withdrawal := channel.SignedWithdrawal{Withdrawal: channel.Withdrawal{Channel: id, Sequence: 1}}
	bests := session.EncodeBests(best(o, 1), best(o, 0)) // in the wrong order
	for kind, test := range map[session.OpKind]struct {
		body []byte
		want settle.Kind
	}{
		session.OpOpen:         {o.Encode(), settle.KindOpen},
		session.OpTopUp:        {session.TopUp{Party: channel.Partner, Amount: 7}.Encode(), settle.KindTopUp},
		session.OpSettle:       {bests, settle.KindSettle},
		session.OpWithdraw:     {withdrawal.Encode(), settle.KindWithdraw},
		session.OpClose:        {channel.SignedClose{Close: channel.Close{Channel: id}}.Encode(), settle.KindCooperativeClose},
		session.OpCloseRequest: {append(request.Encode(), bests...), settle.KindCloseRequest},
		session.OpFinalise:     {id[:], settle.KindFinalise},
	} {
		op := session.NewOp(kind, id, channel.SessionID{}, test.body)
		p, err := operation.Payload(op)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		operation.Sequenced(p, 3)
		spend, spends := p.(settle.Spend)
		if p.Kind() != test.want || spends != operation.Spends(kind) || spends && spend.SpendSequence() != 3 {
			t.Errorf("%s became %+v", kind, p)
		}
		if _, err := settle.DecodePayload(settle.EncodePayload(p)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestI9_AStoredOperationThatIsNoneIsAnError(t *testing.T) {
	for kind := session.OpKind(0); kind < 12; kind++ {
		if _, err := operation.Payload(session.OpRecord{Kind: kind, Body: []byte{9, 9}}); err == nil && kind != session.OpFinalise {
			t.Errorf("%s of two bytes passes", kind)
		}
	}
	if _, err := operation.Payload(session.OpRecord{Kind: 99}); !errors.Is(err, session.ErrRecord) {
		t.Error(err)
	}
}

func TestAViewTellsTheEndOfAWindowAsLedgerTime(t *testing.T) {
	c := settle.NewChannel(opening())
	c.State, c.WindowEnd = channel.Closing, 5_000
	v := operation.View(c, proof.Checkpoint{Time: 9_000, Paused: 1_000})
	if !v.WindowEnd.Equal(time.UnixMilli(6_000)) || v.State != channel.Closing || !v.Final || v.Funds != c.Funds {
		t.Errorf("%+v", v)
	}
}
