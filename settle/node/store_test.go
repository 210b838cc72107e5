package node_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/sqlite"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// tee commits to a SQLite store and to the twin, and reads from SQLite.
type tee struct {
	store.Store
	twin store.Store
}

func (s tee) Commit(ctx context.Context, b store.Batch) error {
	if err := s.Store.Commit(ctx, b); err != nil { // first: a node that closes gives up a commit that waits, and then neither has it
		return err
	}
	return s.twin.Commit(context.WithoutCancel(ctx), b)
}

func openSQLite(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// busyLedger runs a ledger through issues, payments, refusals and a channel's life.
func busyLedger(t *testing.T, net *network) {
	t.Helper()
	n := net.start(t)
	alice, bob := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	aliceDID, bobDID := wallet.DIDOf(alice.Public()), wallet.DIDOf(bob.Public())
	for i := range 4 {
		net.post(t, n, net.issuer, uint64(10*i), net.issue(fmt.Sprint(i), alice, 50*eur))
		net.post(t, n, alice, 1, &settle.Transfer{Sequence: uint64(i + 1), To: bobDID, Amount: eur})
		if _, err := n.Post(t.Context(), bobDID, bob, uint64(i), &settle.Transfer{Sequence: 9, To: aliceDID, Amount: eur}); err == nil {
			t.Fatal("wrong sequence accepted")
		}
	}
	keys := [2]wallet.PrivateKey{wallet.NewPrivateKey([32]byte{12}), wallet.NewPrivateKey([32]byte{13})}
	opening := channel.Opening{
		Network: n.Network().ID, Opener: aliceDID, Partner: bobDID, OpenerKey: keys[0].Public(), PartnerKey: keys[1].Public(),
		Payout: bobDID, Deposit: 30 * eur,
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: 2 * time.Second, Expiry: time.Now().Add(time.Hour).Truncate(time.Second).UTC()},
	}
	net.post(t, n, alice, 1, &settle.Open{Sequence: 5, Opening: opening})
	claim := channel.SignClaim(channel.Claim{Channel: opening.ID(), Sequence: 1, Amount: 7 * eur}, opening.Network, keys[0])
	net.post(t, n, bob, 1, &settle.Settle{Claims: []channel.Best{{Signed: claim}}})
	claims, err := n.Claims(t.Context(), opening.ID())
	if err != nil || claims[0] == nil || claims[0].Signed != claim || claims[1] != nil {
		t.Errorf("claims %v, %v", claims, err)
	}
	end := channel.SignedClose{Close: channel.Close{Channel: opening.ID(), Lanes: channel.PerLane{7 * eur}, NotAfter: time.Now().Add(time.Hour)}}
	for i, key := range keys {
		end.Signatures[i] = key.Sign(wallet.DomainClose, opening.Network, end.Close.Encode())
	}
	closed := net.post(t, n, bob, 2, &settle.CooperativeClose{Signed: end})
	if _, err := n.WaitFinal(t.Context(), closed.ID); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSQLiteAgreesWithItsTwin(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	twin, file := net.store, openSQLite(t, filepath.Join(t.TempDir(), "ledger.db"))
	defer file.Close()
	net.store = tee{file, twin}
	busyLedger(t, net)

	ctx := t.Context()
	same(t, "load", twin, file, func(s store.Store) (any, error) {
		stored, err := s.Load(ctx)
		return stored, err
	})
	vertices, err := twin.Vertices(ctx, store.VertexQuery{Page: store.Page{Limit: 1000}})
	if err != nil || len(vertices) < 15 {
		t.Fatal(len(vertices), err)
	}
	alice := wallet.DIDOf(wallet.NewPrivateKey([32]byte{10}).Public())
	channels, err := twin.Channels(ctx, store.ChannelQuery{Page: store.Page{Limit: 9}})
	if err != nil || len(channels) != 1 {
		t.Fatal(channels, err)
	}
	for name, q := range map[string]store.VertexQuery{
		"all": {}, "page": {Page: store.Page{Before: 9, Limit: 3}}, "kind": {Kind: settle.KindTransfer}, "issuer": {Issuer: alice},
		"party": {Party: alice}, "channel": {Channel: channels[0].ID}, "refused": {Only: store.RefusedOnly},
		"payload": {Payload: &vertices[3].Payload, Only: store.AcceptedOnly}, "party and channel": {Party: alice, Channel: channels[0].ID},
		"channel page": {Channel: channels[0].ID, Page: store.Page{Before: vertices[0].Height}}, "payload and party": {Payload: &vertices[3].Payload, Party: alice},
		"far": {Page: store.Page{Before: 1 << 63}},
	} {
		if q.Limit == 0 {
			q.Limit = 1000
		}
		same(t, "vertices "+name, twin, file, func(s store.Store) (any, error) { return s.Vertices(ctx, q) })
	}
	for _, v := range vertices {
		same(t, "vertex", twin, file, func(s store.Store) (any, error) { return s.Vertex(ctx, v.ID) })
		same(t, "covering", twin, file, func(s store.Store) (any, error) { return s.Covering(ctx, v.Height) })
	}
	for name, q := range map[string]store.ChannelQuery{
		"all": {}, "party": {Party: alice}, "open": {State: channel.Open}, "ended": {State: channel.Closed},
		"before": {Page: store.Page{Before: uint64(channels[0].Index) + 1}},
	} {
		q.Limit = 10
		same(t, "channels "+name, twin, file, func(s store.Store) (any, error) { return s.Channels(ctx, q) })
	}
	same(t, "checkpoints", twin, file, func(s store.Store) (any, error) {
		return s.Checkpoints(ctx, store.Page{Before: 4, Limit: 2})
	})
	same(t, "checkpoint", twin, file, func(s store.Store) (any, error) { return s.Checkpoint(ctx, 2) })
	same(t, "missing", twin, file, func(s store.Store) (any, error) { return s.Checkpoint(ctx, 1<<62) })
	same(t, "receipts", twin, file, func(s store.Store) (any, error) { return s.Receipts(ctx, 2, 9) })
	same(t, "slot", twin, file, func(s store.Store) (any, error) {
		content, height, err := s.Slot(ctx, settle.AccountKey(alice))
		return []any{content, height}, err
	})
	same(t, "entries", twin, file, func(s store.Store) (any, error) {
		var all []store.Entry
		err := s.Entries(ctx, 0, func(e store.Entry) error { all = append(all, e); return nil })
		return all, err
	})
}

func same(t *testing.T, what string, twin, file store.Store, read func(store.Store) (any, error)) {
	t.Helper()
	want, wantErr := read(twin)
	got, gotErr := read(file)
	if (wantErr == nil) != (gotErr == nil) {
		t.Errorf("%s: twin %v, file %v", what, wantErr, gotErr)
	}
	if !reflect.DeepEqual(normal(want), normal(got)) {
		t.Errorf("%s:\ntwin %+v\nfile %+v", what, want, got)
	}
}

// normal drops what two equal values may hold differently: empty slices, and payloads behind pointers.
func normal(v any) string {
	switch v := v.(type) {
	case store.Stored:
		return fmt.Sprintf("%v %+v %+v %v %+v %v %v %v", v.Snapshot.Genesis.ID(), v.Snapshot.Head, v.Snapshot.Slots, v.Snapshot.Recent,
			v.Snapshot.Marks, v.Snapshot.Receipts, v.Position, [2]proof.Final{v.Final}) + fmt.Sprint(v.Pending, *v.Vote)
	case []store.CheckpointRow:
		out := ""
		for _, row := range v {
			out += normal(row)
		}
		return out
	case store.CheckpointRow:
		return fmt.Sprintf("%+v %v", v.Checkpoint, v.Certificate)
	}
	return fmt.Sprintf("%+v", v)
}

func TestI4_SQLiteLedgerIsTheSameAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	net := newNetwork(t, settle.DefaultLimits())
	net.store = openSQLite(t, path)
	busyLedger(t, net)
	if err := net.store.Close(); err != nil {
		t.Fatal(err)
	}
	net.store = openSQLite(t, path)
	defer net.store.Close()
	n := net.start(t)
	alice := wallet.NewPrivateKey([32]byte{10})
	if account, _, err := n.Account(t.Context(), wallet.DIDOf(alice.Public())); err != nil || account.Balance != 189*eur || account.Sequence != 5 {
		t.Errorf("account %+v, %v", account, err)
	}
	slot, err := n.ProveSlot(settle.AccountKey(wallet.DIDOf(alice.Public())))
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Verify(n.Network()); err != nil {
		t.Error(err)
	}
	r := net.post(t, n, alice, 9, &settle.Transfer{Sequence: 6, To: wallet.DIDOf(net.issuer.Public()), Amount: eur})
	if _, err := n.WaitFinal(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
