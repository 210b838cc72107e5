package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

var session = channel.SessionID{0: 0x5e, 15: 1}

// A vehicle pays; the station reads the datagram.
func Example() {
	datagram := wire.Frame{Session: session, Message: wire.Stop{Reason: wire.ReasonUser}}.Encode()
	frame, err := wire.Decode(datagram)
	fmt.Println(frame.Session == session, frame.Message.(wire.Stop).Reason, err)
	// Output: true user <nil>
}

// messages holds one of every kind, the fields filled.
var messages = []wire.Message{
	wire.Hello{Vehicle: wallet.DID{1}, Station: wallet.DID{2}, AtMs: 3, Service: "charging", Quantity: 4, Resume: true,
		Channel: channel.ID{5}, Known: wire.Known{Lanes: [2][]byte{best(1), nil}}, Signature: wallet.Signature{6}},
	wire.Hello{Vehicle: wallet.DID{1}, Station: wallet.DID{2}, AtMs: 3, Service: "charging", EVSE: "DE*JLP*E1*1"},
	wire.Offer{Quote: []byte("quote"), Known: wire.Known{Lanes: [2][]byte{nil, best(2)}}},
	wire.Accept{Quote: channel.Hash{1}, Opening: []byte("opening"), Base: channel.PerLane{2, 3}},
	wire.Demand{Reading: []byte("reading"), Required: 1, Accepted: 2, Covered: 3, Back: best(3), Final: true, Reason: wire.ReasonTarget},
	wire.Claim{Best: best(4)},
	wire.Stop{Reason: wire.ReasonCost, Signature: wallet.Signature{1}},
	wire.Done{Accepted: 1, Reason: wire.ReasonUser, Back: best(5)},
	wire.Withdraw{Withdrawal: []byte("withdrawal")},
	wire.Close{Close: []byte("close")},
	wire.Requote{Quote: []byte("quote")},
	wire.Refuse{Code: wire.CodeBusy, Detail: "every outlet is in use"},
	wire.Piece{Number: 7, Payload: []byte("a message")},
	wire.Missing{From: 7},
}

func best(n byte) []byte {
	b := make([]byte, channel.BestSize)
	b[0] = n
	return b
}

func TestEveryMessageComesBackAsItWas(t *testing.T) {
	kinds := map[wire.Kind]bool{}
	for _, m := range messages {
		kinds[m.Kind()] = true
		raw := wire.Frame{Session: session, Message: m}.Encode()
		got, err := wire.Decode(raw)
		if err != nil {
			t.Errorf("%T: %v", m, err)
			continue
		}
		if got.Session != session || !reflect.DeepEqual(got.Message, m) {
			t.Errorf("%T: got %+v", m, got)
		}
		empty := reflect.New(reflect.TypeOf(m)).Elem().Interface().(wire.Message)
		if got, err := wire.Decode(wire.Frame{Message: empty}.Encode()); err != nil || !reflect.DeepEqual(got.Message, empty) {
			t.Errorf("empty %T: %+v, %v", m, got, err)
		}
	}
	for kind := wire.KindHello; kind <= wire.KindMissing; kind++ {
		reserved := kind == wire.KindHandshake || kind == wire.KindCredential || kind == wire.KindTick
		if !kinds[kind] && !reserved {
			t.Errorf("no message of kind %d is tested", kind)
		}
	}
}

// The header is part of the protocol.
func TestAFrameIsVersionKindSessionAndBody(t *testing.T) {
	raw := wire.Frame{Session: session, Message: wire.Claim{Best: []byte{7}}}.Encode()
	want := append(append([]byte{1, 5}, session[:]...), 0xa1, 0x01, 0x41, 7)
	if !bytes.Equal(raw, want) {
		t.Errorf("got %x, want %x", raw, want)
	}
}

func TestI9_AFrameThatIsNotOneIsRefused(t *testing.T) {
	good := wire.Frame{Session: session, Message: wire.Stop{Reason: wire.ReasonUser}}.Encode()
	with := func(by func([]byte) []byte) []byte { return by(bytes.Clone(good)) }
	encode := func(m wire.Message) []byte { return wire.Frame{Session: session, Message: m}.Encode() }
	long := strings.Repeat("x", 513)
	tests := []struct {
		name string
		raw  []byte
		want error
	}{
		{"nothing", nil, wire.ErrFrame},
		{"half a header", good[:17], wire.ErrFrame},
		{"a header alone", good[:18], wire.ErrFrame},
		{"cut short", good[:len(good)-1], wire.ErrFrame},
		{"a byte more", append(bytes.Clone(good), 0), wire.ErrFrame},
		{"an older version", with(func(b []byte) []byte { b[0] = 0; return b }), wire.ErrVersion},
		{"a newer version", with(func(b []byte) []byte { b[0] = 2; return b }), wire.ErrVersion},
		{"no kind", with(func(b []byte) []byte { b[1] = 0; return b }), wire.ErrFrame},
		{"an unknown kind", with(func(b []byte) []byte { b[1] = 15; return b }), wire.ErrFrame},
		{"a handshake", with(func(b []byte) []byte { b[1] = byte(wire.KindHandshake); return b }), wire.ErrReserved},
		{"a credential", with(func(b []byte) []byte { b[1] = byte(wire.KindCredential); return b }), wire.ErrReserved},
		{"a tick", with(func(b []byte) []byte { b[1] = byte(wire.KindTick); return b }), wire.ErrReserved},
		{"another kind's body", with(func(b []byte) []byte { b[1] = byte(wire.KindHello); return b }), wire.ErrFrame},
		{"an unknown key", append(bytes.Clone(good[:18]), 0xa1, 9, 1), wire.ErrFrame},
		{"larger than a datagram", append(bytes.Clone(good), make([]byte, wire.FrameSizeMax)...), wire.ErrFrame},
		{"a long service", encode(wire.Hello{Service: long}), wire.ErrFrame},
		{"a long EVSE", encode(wire.Hello{EVSE: long}), wire.ErrFrame},
		{"half a claim known", encode(wire.Hello{Known: wire.Known{Lanes: [2][]byte{{1}, nil}}}), wire.ErrFrame},
		{"half a claim offered", encode(wire.Offer{Known: wire.Known{Lanes: [2][]byte{nil, {1}}}}), wire.ErrFrame},
		{"a reading with a book of evidence", encode(wire.Demand{Reading: make([]byte, 8<<10)}), wire.ErrFrame},
		{"a long reason to demand", encode(wire.Demand{Reason: wire.Reason(long)}), wire.ErrFrame},
		{"a long reason to stop", encode(wire.Stop{Reason: wire.Reason(long)}), wire.ErrFrame},
		{"a long reason to be done", encode(wire.Done{Reason: wire.Reason(long)}), wire.ErrFrame},
		{"a long code", encode(wire.Refuse{Code: wire.Code(long)}), wire.ErrFrame},
		{"a long refusal", encode(wire.Refuse{Detail: long}), wire.ErrFrame},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := wire.Decode(test.raw); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestARefusalAlwaysFitsItsMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(string(rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "text")), rapid.IntRange(0, 300).Draw(t, "times"))
		text += strings.Repeat("€", rapid.IntRange(0, 300).Draw(t, "euros"))
		refuse := wire.NewRefuse(wire.CodeInternal, errors.New(text))
		got, err := wire.Decode(wire.Frame{Message: refuse}.Encode())
		if err != nil || got.Message != refuse {
			t.Fatalf("%q came back as %+v, %v", refuse.Detail, got.Message, err)
		}
		if len(text) <= wire.DetailMax && strings.ToValidUTF8(text, "\uFFFD") != refuse.Detail && len(refuse.Detail) < wire.DetailMax-2 {
			t.Fatalf("%q became %q", text, refuse.Detail)
		}
	})
}

func TestI8_AHelloOrStopIsGoodForOneSession(t *testing.T) {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{1})
	network, other := wallet.NetworkID{1}, channel.SessionID{9}
	hello := wire.Hello{Vehicle: wallet.DIDOf(key.Public()), Station: wallet.DID{2}, AtMs: 3, Service: "charging"}
	hello.Signature = key.Sign(wallet.DomainHello, network, hello.SigningBytes(session))
	stop := wire.Stop{Reason: wire.ReasonUser}
	stop.Signature = key.Sign(wallet.DomainStop, network, stop.SigningBytes(session))
	resumed, elsewhere, later, plug := hello, hello, hello, hello
	plug.EVSE = "E2"
	resumed.Resume = true
	elsewhere.Station[0]++
	later.AtMs++
	tests := []struct {
		name    string
		domain  wallet.Domain
		network wallet.NetworkID
		body    []byte
		sign    wallet.Signature
		want    error
	}{
		{"hello", wallet.DomainHello, network, hello.SigningBytes(session), hello.Signature, nil},
		{"hello of another session", wallet.DomainHello, network, hello.SigningBytes(other), hello.Signature, wallet.ErrSignature},
		{"hello on another network", wallet.DomainHello, wallet.NetworkID{2}, hello.SigningBytes(session), hello.Signature, wallet.ErrSignature},
		{"hello at another plug", wallet.DomainHello, network, plug.SigningBytes(session), hello.Signature, wallet.ErrSignature},
		{"hello to another station", wallet.DomainHello, network, elsewhere.SigningBytes(session), hello.Signature, wallet.ErrSignature},
		{"hello that resumes", wallet.DomainHello, network, resumed.SigningBytes(session), hello.Signature, wallet.ErrSignature},
		{"hello at another time", wallet.DomainHello, network, later.SigningBytes(session), hello.Signature, wallet.ErrSignature},
		{"stop", wallet.DomainStop, network, stop.SigningBytes(session), stop.Signature, nil},
		{"stop of another session", wallet.DomainStop, network, stop.SigningBytes(other), stop.Signature, wallet.ErrSignature},
		{"stop for another reason", wallet.DomainStop, network, wire.Stop{Reason: wire.ReasonCost}.SigningBytes(session), stop.Signature, wallet.ErrSignature},
		{"stop as hello", wallet.DomainHello, network, stop.SigningBytes(session), stop.Signature, wallet.ErrSignature},
		{"hello as quote", wallet.DomainQuote, network, hello.SigningBytes(session), hello.Signature, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := wallet.Verify(key.Public(), test.domain, test.network, test.body, test.sign); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if bytes.Equal(hello.SigningBytes(session), stop.SigningBytes(session)) || session != (channel.SessionID{0: 0x5e, 15: 1}) {
		t.Error("signing bytes are shared, or the session was written to")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		f.Add(wire.Frame{Session: session, Message: m}.Encode())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := wire.Decode(raw)
		if err != nil {
			if !errors.Is(err, wire.ErrFrame) && !errors.Is(err, wire.ErrVersion) && !errors.Is(err, wire.ErrReserved) {
				t.Errorf("%v is none of the package's errors", err)
			}
			return
		}
		if !bytes.Equal(got.Encode(), raw) {
			t.Errorf("read %x, wrote %x", raw, got.Encode())
		}
	})
}
