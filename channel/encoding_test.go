package channel_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// coding is one canonical layout: how a value drawn at random is encoded, and how bytes are read and written again.
type coding struct {
	name  string
	size  int // 0: the value decides
	draw  func(*rapid.T) (value any, encoded []byte)
	again func([]byte) (value any, encoded []byte, err error)
}

func codingOf[V interface{ Encode() []byte }](name string, size int, draw func(*rapid.T) V, decode func([]byte) (V, error)) coding {
	return coding{
		name: name, size: size,
		draw: func(t *rapid.T) (any, []byte) { v := draw(t); return v, v.Encode() },
		again: func(b []byte) (any, []byte, error) {
			v, err := decode(b)
			if err != nil {
				return nil, nil, err
			}
			return v, v.Encode(), nil
		},
	}
}

var codings = []coding{
	codingOf("opening", 0, drawOpening, channel.DecodeOpening),
	codingOf("signed claim", channel.SignedClaimSize, drawSignedClaim, channel.DecodeSignedClaim),
	codingOf("best", channel.BestSize, drawBest, channel.DecodeBest),
	codingOf("signed withdrawal", 0, drawWithdrawal, channel.DecodeSignedWithdrawal),
	codingOf("signed close", 0, drawClose, channel.DecodeSignedClose),
	codingOf("signed close request", 0, drawCloseRequest, channel.DecodeSignedCloseRequest),
}

func fixed[A any](t *rapid.T, name string, into *A) {
	b := reflect.ValueOf(into).Elem()
	reflect.Copy(b, reflect.ValueOf(rapid.SliceOfN(rapid.Byte(), b.Len(), b.Len()).Draw(t, name)))
}

func amount(t *rapid.T, name string) money.Amount { return money.Amount(rapid.Int64().Draw(t, name)) }

func second(t *rapid.T, name string) time.Time {
	return time.Unix(rapid.Int64().Draw(t, name), 0).UTC()
}

func drawOpening(t *rapid.T) channel.Opening {
	var o channel.Opening
	fixed(t, "network", &o.Network)
	fixed(t, "opener", &o.Opener)
	fixed(t, "partner", &o.Partner)
	fixed(t, "opener key", &o.OpenerKey)
	fixed(t, "partner key", &o.PartnerKey)
	fixed(t, "payout", &o.Payout)
	fixed(t, "nonce", &o.Nonce)
	fixed(t, "currency", &o.Terms.Currency)
	o.Deposit = amount(t, "deposit")
	o.Terms.Window = time.Duration(rapid.Uint32().Draw(t, "window")) * time.Second
	o.Terms.Expiry = second(t, "expiry")
	return o
}

func drawSignedClaim(t *rapid.T) channel.SignedClaim {
	var s channel.SignedClaim
	c := &s.Claim
	fixed(t, "channel", &c.Channel)
	c.Lane = channel.Lane(rapid.Byte().Draw(t, "lane"))
	c.Sequence = rapid.Uint64().Draw(t, "sequence")
	c.Amount, c.TickValue = amount(t, "amount"), amount(t, "tick value")
	c.Quantity = rapid.Int64().Draw(t, "quantity")
	c.Unit = rapid.Byte().Draw(t, "unit")
	fixed(t, "reading", &c.Reading)
	fixed(t, "quote", &c.Quote)
	fixed(t, "session", &c.Session)
	fixed(t, "tick root", &c.TickRoot)
	c.TickCount = rapid.Uint16().Draw(t, "tick count")
	fixed(t, "signature", &s.Signature)
	return s
}

func drawBest(t *rapid.T) channel.Best {
	b := channel.Best{Signed: drawSignedClaim(t), Ticks: rapid.Uint16().Draw(t, "ticks")}
	fixed(t, "preimage", &b.Preimage)
	return b
}

func drawWithdrawal(t *rapid.T) channel.SignedWithdrawal {
	var s channel.SignedWithdrawal
	fixed(t, "channel", &s.Withdrawal.Channel)
	s.Withdrawal.Sequence = rapid.Uint32().Draw(t, "sequence")
	s.Withdrawal.Totals = channel.PerParty{amount(t, "total 0"), amount(t, "total 1")}
	s.Withdrawal.Lanes = channel.PerLane{amount(t, "lane 0"), amount(t, "lane 1")}
	fixed(t, "signature 0", &s.Signatures[0])
	fixed(t, "signature 1", &s.Signatures[1])
	return s
}

func drawClose(t *rapid.T) channel.SignedClose {
	var s channel.SignedClose
	fixed(t, "channel", &s.Close.Channel)
	s.Close.Lanes = channel.PerLane{amount(t, "lane 0"), amount(t, "lane 1")}
	s.Close.NotAfter = second(t, "not after")
	fixed(t, "signature 0", &s.Signatures[0])
	fixed(t, "signature 1", &s.Signatures[1])
	return s
}

func drawCloseRequest(t *rapid.T) channel.SignedCloseRequest {
	var s channel.SignedCloseRequest
	fixed(t, "channel", &s.Request.Channel)
	s.Request.By = channel.Party(rapid.Byte().Draw(t, "by"))
	fixed(t, "signature", &s.Signature)
	return s
}

func TestEveryLayoutComesBackAsItWas(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value, encoded := c.draw(t)
				if c.size != 0 && len(encoded) != c.size {
					t.Fatalf("%d bytes, stated %d", len(encoded), c.size)
				}
				got, again, err := c.again(encoded)
				if err != nil {
					t.Fatal(err)
				}
				if got != value || !bytes.Equal(again, encoded) {
					t.Fatalf("came back as %+v, was %+v", got, value)
				}
			})
		})
	}
}

func TestEveryByteOfALayoutCounts(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value, encoded := c.draw(t)
				changed := bytes.Clone(encoded)
				changed[rapid.IntRange(0, len(encoded)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				if got, _, err := c.again(changed); err == nil && got == value {
					t.Fatalf("two encodings of one value: %x and %x", encoded, changed)
				}
			})
		})
	}
}

func TestI9_WhatIsShortLongOrOfAnotherVersionIsRefused(t *testing.T) {
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			encoded := c.example()
			tests := map[string]struct {
				bytes []byte
				want  error
			}{
				"nothing":         {nil, layout.ErrShort},
				"one byte less":   {encoded[:len(encoded)-1], layout.ErrShort},
				"one byte more":   {append(bytes.Clone(encoded), 0), layout.ErrTrailing},
				"another version": {append([]byte{encoded[0] + 1}, encoded[1:]...), layout.ErrVersion},
			}
			for name, test := range tests {
				_, _, err := c.again(test.bytes)
				if !errors.Is(err, channel.ErrEncoding) || !errors.Is(err, test.want) {
					t.Errorf("%s: %v, want %v", name, err, test.want)
				}
			}
		})
	}
}

// example gives the bytes of one value, always the same.
func (c coding) example() []byte {
	return rapid.Custom(func(t *rapid.T) []byte { _, encoded := c.draw(t); return encoded }).Example(1)
}

// fuzzLayout looks for bytes that are read, and written in another way; and for panics.
func fuzzLayout(f *testing.F, name string) {
	for _, c := range codings {
		if c.name != name {
			continue
		}
		encoded := c.example()
		f.Add(encoded)
		f.Add(encoded[:len(encoded)/2])
		f.Fuzz(func(t *testing.T, b []byte) {
			_, again, err := c.again(b)
			if err != nil && !errors.Is(err, channel.ErrEncoding) {
				t.Errorf("%v does not wrap ErrEncoding", err)
			}
			if err == nil && !bytes.Equal(again, b) {
				t.Errorf("read %x, wrote %x", b, again)
			}
		})
	}
}

func FuzzDecodeOpening(f *testing.F)            { fuzzLayout(f, "opening") }
func FuzzDecodeSignedClaim(f *testing.F)        { fuzzLayout(f, "signed claim") }
func FuzzDecodeSignedWithdrawal(f *testing.F)   { fuzzLayout(f, "signed withdrawal") }
func FuzzDecodeSignedClose(f *testing.F)        { fuzzLayout(f, "signed close") }
func FuzzDecodeSignedCloseRequest(f *testing.F) { fuzzLayout(f, "signed close request") }

// FuzzDecodeBest goes further: what a peer sends meets Accept next, and must not panic there either.
func FuzzDecodeBest(f *testing.F) {
	signed, elements := ticking(4, 3)
	f.Add(channel.Best{Signed: signed, Ticks: 2, Preimage: elements[2]}.Encode())
	f.Add(claimOf(channel.Opener, opened(50).ID(), 1, 10).Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := channel.DecodeBest(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Encode(), raw) {
			t.Errorf("read %x, wrote %x", raw, b.Encode())
		}
		side := newSide(t, opened(50), channel.Partner)
		rose, err := side.Accept(b)
		if rose && (err != nil || b.Owed() > 50) {
			t.Errorf("accepted %s over a deposit of 50, %v", b.Owed(), err)
		}
		if _, err := side.Adopt(b); err == nil && b.Signed.Verify(network, verifier(t, channel.Partner)) != nil {
			t.Error("adopted what it never signed")
		}
	})
}

// A claim's bytes are part of the protocol: another implementation must build the same ones.
func TestTheLayoutOfAClaimIsFixed(t *testing.T) {
	if channel.ClaimSize != 181 || channel.SignedClaimSize != 245 || channel.BestSize != 279 {
		t.Errorf("sizes %d, %d, %d", channel.ClaimSize, channel.SignedClaimSize, channel.BestSize)
	}
	c := channel.Claim{
		Channel: channel.ID{0xc1}, Lane: 1, Sequence: 2, Amount: 3, Quantity: 4, Unit: 5, Reading: channel.Hash{0x06},
		Quote: channel.Hash{0x07}, Session: channel.SessionID{0x08}, TickRoot: channel.Hash{0x09}, TickValue: 10, TickCount: 11,
	}
	at := func(offset int, want ...byte) {
		t.Helper()
		if got := c.Encode()[offset : offset+len(want)]; !bytes.Equal(got, want) {
			t.Errorf("bytes from %d: %x, want %x", offset, got, want)
		}
	}
	at(0, 1, 0xc1)
	at(33, 1)
	at(41, 2)
	at(49, 3)
	at(57, 4)
	at(58, 5)
	at(59, 0x06)
	at(91, 0x07)
	at(123, 0x08)
	at(139, 0x09)
	at(178, 10)
	at(180, 11)
	negative := channel.Claim{Amount: -1}
	if got := negative.Encode()[42:50]; !bytes.Equal(got, bytes.Repeat([]byte{0xff}, 8)) {
		t.Errorf("−1 is %x", got)
	}
}

func TestI8_ASignatureIsGoodForOneNetworkChannelLaneAndKind(t *testing.T) {
	o := opened(100)
	withdrawal := channel.SignedWithdrawal{Withdrawal: channel.Withdrawal{Channel: o.ID(), Sequence: 1, Totals: channel.PerParty{0, 5}}}
	close := channel.SignedClose{Close: channel.Close{Channel: o.ID(), Lanes: channel.PerLane{5, 0}, NotAfter: expiry}}
	request := channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: o.ID(), By: channel.Opener}}
	for p, key := range keys {
		withdrawal.Signatures[p] = key.Sign(wallet.DomainWithdrawal, network, withdrawal.Withdrawal.Encode())
		close.Signatures[p] = key.Sign(wallet.DomainClose, network, close.Close.Encode())
	}
	request.Signature = keys[0].Sign(wallet.DomainCloseRequest, network, request.Request.Encode())
	elsewhere, reopened := o, o
	elsewhere.Network[0]++
	reopened.Nonce[0]++
	moved := func(by func(*channel.SignedWithdrawal, *channel.SignedClose, *channel.SignedCloseRequest)) (channel.SignedWithdrawal, channel.SignedClose, channel.SignedCloseRequest) {
		w, c, r := withdrawal, close, request
		by(&w, &c, &r)
		return w, c, r
	}
	tests := []struct {
		name    string
		opening channel.Opening
		by      func(*channel.SignedWithdrawal, *channel.SignedClose, *channel.SignedCloseRequest)
		want    error
	}{
		{"as signed", o, func(*channel.SignedWithdrawal, *channel.SignedClose, *channel.SignedCloseRequest) {}, nil},
		{"another network, named by the signed id", elsewhere, func(*channel.SignedWithdrawal, *channel.SignedClose, *channel.SignedCloseRequest) {}, channel.ErrWrongChannel},
		{"another network", elsewhere, func(w *channel.SignedWithdrawal, c *channel.SignedClose, r *channel.SignedCloseRequest) {
			w.Withdrawal.Channel, c.Close.Channel, r.Request.Channel = elsewhere.ID(), elsewhere.ID(), elsewhere.ID()
		}, wallet.ErrSignature},
		{"another channel of the same keys", reopened, func(w *channel.SignedWithdrawal, c *channel.SignedClose, r *channel.SignedCloseRequest) {
			w.Withdrawal.Channel, c.Close.Channel, r.Request.Channel = reopened.ID(), reopened.ID(), reopened.ID()
		}, wallet.ErrSignature},
		{"another kind's signature", o, func(w *channel.SignedWithdrawal, c *channel.SignedClose, r *channel.SignedCloseRequest) {
			w.Signatures, c.Signatures, r.Signature = c.Signatures, w.Signatures, c.Signatures[0]
		}, wallet.ErrSignature},
		{"the other party's signature", o, func(w *channel.SignedWithdrawal, c *channel.SignedClose, r *channel.SignedCloseRequest) {
			w.Signatures[0], w.Signatures[1] = w.Signatures[1], w.Signatures[0]
			c.Signatures[0], c.Signatures[1] = c.Signatures[1], c.Signatures[0]
			r.Request.By = channel.Partner
		}, wallet.ErrSignature},
		{"one signature missing", o, func(w *channel.SignedWithdrawal, c *channel.SignedClose, r *channel.SignedCloseRequest) {
			w.Signatures[1], c.Signatures[0], r.Signature = wallet.Signature{}, wallet.Signature{}, wallet.Signature{}
		}, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, c, r := moved(test.by)
			wantErr(t, w.Verify(test.opening), test.want)
			wantErr(t, c.Verify(test.opening), test.want)
			wantErr(t, r.Verify(test.opening), test.want)
		})
	}
	request.Request.By = 2
	wantErr(t, request.Verify(o), channel.ErrEncoding)

	claim := claimOf(channel.Opener, o.ID(), 1, 10).Signed
	wantErr(t, claim.Verify(network, verifier(t, channel.Opener)), nil)
	wantErr(t, claim.Verify(wallet.NetworkID{9}, verifier(t, channel.Opener)), wallet.ErrSignature)
	wantErr(t, claim.Verify(network, verifier(t, channel.Partner)), wallet.ErrSignature)
	back := claim
	back.Claim.Lane = 1
	wantErr(t, back.Verify(network, verifier(t, channel.Opener)), wallet.ErrSignature)
	back = claim
	back.Claim.Channel = reopened.ID()
	wantErr(t, back.Verify(network, verifier(t, channel.Opener)), wallet.ErrSignature)
	back = claim
	back.Signature = keys[0].Sign(wallet.DomainClose, network, claim.Claim.Encode())
	wantErr(t, back.Verify(network, verifier(t, channel.Opener)), wallet.ErrSignature)
}
