package channelscmd

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var owner = wallet.FromEntropy([32]byte{1})

// someExport has a channel with a claim, and an operation under way.
func someExport(t testing.TB) export {
	t.Helper()
	currency, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	station := wallet.FromEntropy([32]byte{2})
	network := wallet.NetworkID{7}
	o := channel.Opening{
		Network: network, Opener: owner.DID(), Partner: station.DID(), OpenerKey: owner.Channel(70_000).Public(),
		PartnerKey: station.Channel(1).Public(), Payout: station.DID(), Deposit: 1000, Nonce: [16]byte{7},
		Terms: channel.Terms{Currency: currency, Window: time.Minute, Expiry: time.Unix(1_800_000_000, 0).UTC()},
	}
	side, err := channel.NewSide(o, channel.Opener)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := side.Pay(channel.Draft{Amount: 5}, owner.Channel(70_000)); err != nil {
		t.Fatal(err)
	}
	record := session.ChannelRecord{
		ID: side.ID(), Peer: station.DID(), KeyIndex: 70_000, Side: side.Snapshot(), State: channel.Open, Expiry: o.Terms.Expiry,
	}
	op := session.NewOp(session.OpSettle, side.ID(), channel.SessionID{}, []byte("body"))
	op.Payload = []byte("payload")
	return export{Network: network, Channels: []session.ChannelRecord{record}, Ops: []session.OpRecord{op}}
}

func TestAnExportComesBackAsItWas(t *testing.T) {
	e := someExport(t)
	restored, err := wallet.FromWords(owner.Words())
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeExport(e.encode(owner), restored)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func TestI9_AnExportThatIsNotThisWalletsOrWasChangedIsRefused(t *testing.T) {
	e := someExport(t)
	raw := e.encode(owner)
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 0x40
		if _, err := decodeExport(changed, owner); !refusedTyped(err) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := decodeExport(raw[:i], owner); !errors.Is(err, ErrExportFile) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := decodeExport(raw, wallet.FromEntropy([32]byte{2})); !errors.Is(err, ErrExportWallet) {
		t.Errorf("another wallet: %v", err)
	}
	newer := bytes.Clone(raw)
	newer[len(exportMagic)] = exportVersion + 1
	if _, err := decodeExport(newer, owner); !errors.Is(err, ErrExportVersion) {
		t.Errorf("a newer version: %v", err)
	}
	if _, err := decodeExport(append(bytes.Clone(raw), make([]byte, exportSizeMax)...), owner); !errors.Is(err, ErrExportFile) {
		t.Errorf("a file without end: %v", err)
	}
	if bytes.Contains(raw, e.Channels[0].ID[:]) || bytes.Contains(raw, []byte("payload")) {
		t.Error("the file shows what is in it")
	}
}

func refusedTyped(err error) bool {
	return errors.Is(err, ErrExportFile) || errors.Is(err, ErrExportVersion) || errors.Is(err, ErrExportWallet)
}

func TestOperationsThatSpendTravelOnlyWithTheirPayload(t *testing.T) {
	for kind, want := range map[session.OpKind]bool{
		session.OpOpen: false, session.OpTopUp: false, session.OpSettle: true, session.OpWithdraw: true, session.OpClose: true,
		session.OpCloseRequest: true, session.OpFinalise: true,
	} {
		op := session.NewOp(kind, channel.ID{1}, channel.SessionID{}, nil)
		if travels(op) != want {
			t.Errorf("%s without payload: %t", kind, !want)
		}
		if op.Payload = []byte("fixed"); !travels(op) {
			t.Errorf("%s with its payload stays behind", kind)
		}
	}
}

// FuzzDecodeExport reads what is under the seal: a wallet that seals rubbish is a bug, and still no panic.
func FuzzDecodeExport(f *testing.F) {
	e := someExport(f)
	raw := e.encode(owner)
	size := len(exportMagic) + 1 + 32 + 32
	body, err := owner.Unseal(exportUse, raw[:size], raw[size:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		header := exportHeader(owner.DID(), wallet.NetworkID{7})
		got, err := decodeExport(append(header, owner.Seal(exportUse, header, body)...), owner)
		if err != nil {
			if !errors.Is(err, ErrExportFile) {
				t.Errorf("got %v", err)
			}
			return
		}
		again := got.encode(owner)
		back, err := owner.Unseal(exportUse, again[:size], again[size:])
		if err != nil || !bytes.Equal(back, body) {
			t.Errorf("%x comes back as %x, %v", body, back, err)
		}
	})
}
