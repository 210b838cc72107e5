package dag_test

import (
	"bytes"
	"slices"
	"testing"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// manyChannels opens channels of one pair and gives a claim of 1 on each.
func manyChannels(t *testing.T, count int) (*pair, []channel.Best) {
	t.Helper()
	p := openPair(newLedger(t), 5*money.Nano)
	claims := []channel.Best{p.claim(0, 1, money.Nano)}
	for n := 1; n < count; n++ {
		o := p.draft(money.Nano/10, byte(n+1))
		p.must(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: o})
		claims = append(claims, channel.Best{Signed: channel.SignClaim(
			channel.Claim{Channel: o.ID(), Sequence: 1, Amount: money.Nano / 10}, o.Network, p.keys()[0])})
	}
	slices.SortFunc(claims, func(a, b channel.Best) int {
		return bytes.Compare(a.Signed.Claim.Channel[:], b.Signed.Claim.Channel[:])
	})
	return p, claims
}

func TestClaimsVerifiedBeforeGiveTheSameVerdict(t *testing.T) {
	tests := map[string]struct {
		change func(claims []channel.Best) []channel.Best
		want   settle.Verdict
	}{
		"all good":         {func(c []channel.Best) []channel.Best { return c }, settle.Applied},
		"one of eight bad": {func(c []channel.Best) []channel.Best { c[5].Signed.Signature[40] ^= 1; return c }, settle.BadClaim},
		"one without ticks but a preimage": {func(c []channel.Best) []channel.Best {
			c[2].Preimage = channel.Hash{1}
			return c
		}, settle.BadClaim},
		"two, one bad": {func(c []channel.Best) []channel.Best { c[1].Signed.Signature[40] ^= 1; return c[:2] }, settle.BadClaim},
		"bad after an unknown channel": {func(c []channel.Best) []channel.Best {
			c[3].Signed.Claim.Channel[31] ^= 1
			c[6].Signed.Signature[40] ^= 1
			return c
		}, settle.UnknownChannel},
		"unknown channel after a bad one": {func(c []channel.Best) []channel.Best {
			c[6].Signed.Claim.Channel[31] ^= 1
			c[3].Signed.Signature[40] ^= 1
			return c
		}, settle.BadClaim},
	}
	for name, tt := range tests {
		for _, ahead := range []bool{false, true} {
			p, claims := manyChannels(t, 8)
			payload := &settle.Settle{Claims: tt.change(claims)}
			if payload.Check() != nil {
				t.Fatalf("%s: %v", name, payload.Check())
			}
			v := p.vertex(p.partner, payload)
			if ahead {
				if work, complete := p.state.ClaimsToVerify(payload); complete {
					p.state.VerifyClaims(v.ID(), work)
				}
			}
			if got := p.apply(v); got != tt.want {
				t.Errorf("%s, verified before %t: %s, want %s", name, ahead, got, tt.want)
			}
		}
	}
}

func TestBadClaimAmongStaleOnesIsFound(t *testing.T) {
	p, claims := manyChannels(t, 8)
	if got := p.settleClaims(p.partner, claims[:4]...); got != settle.Applied {
		t.Fatal(got)
	}
	claims[5].Signed.Signature[40] ^= 1
	if got := p.settleClaims(p.partner, claims...); got != settle.BadClaim {
		t.Errorf("%s, want %s", got, settle.BadClaim)
	}
}

func TestStaleClaimIsNoOpWhateverItsSignature(t *testing.T) {
	p, claims := manyChannels(t, 4)
	if got := p.settleClaims(p.partner, claims...); got != settle.Applied {
		t.Fatal(got)
	}
	claims[1].Signed.Signature = wallet.Signature{}
	claims[2].Signed.Claim.Amount--
	if got := p.settleClaims(p.partner, claims...); got != settle.NoOp {
		t.Errorf("stale claims with bad signatures: %s", got)
	}
}
