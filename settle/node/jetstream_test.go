package node_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/jetstream"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func startNATS(t testing.TB, dir string, port int) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Port: port, JetStream: true, StoreDir: dir, SyncAlways: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dialLog(t testing.TB, address string, network wallet.NetworkID) stream.Log {
	t.Helper()
	conn, err := natsd.Dial(address, natsd.DialOptions{Name: "ledger"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := jetstream.New(conn, jetstream.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestI7_NATSThatLostItsStoreLosesNothingApplied(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	server := startNATS(t, dir, 0)
	address, err := url.Parse(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	net := newNetwork(t, settle.DefaultLimits())
	net.store = openSQLite(t, filepath.Join(t.TempDir(), "ledger.db"))
	t.Cleanup(func() { _ = net.store.Close() })
	net.stream = dialLog(t, server.ClientURL(), net.genesis.NetworkID())
	net.logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	n := net.start(t)
	alice := wallet.NewPrivateKey([32]byte{10})
	for round := range 3 {
		for i := range 3 {
			r := net.post(t, n, net.issuer, uint64(100*round+10*i), net.issue(fmt.Sprint(round, i), alice, eur))
			if _, err := n.WaitFinal(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 1 {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		server = startNATS(t, dir, port)
	}
	if account, _, err := n.Account(t.Context(), wallet.DIDOf(alice.Public())); err != nil || account.Balance != money.Amount(9)*eur {
		t.Errorf("alice has %s, %v", account.Balance, err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}
