package stationcmd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/vehicle"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
)

// ownCertificate makes a certificate for loopback that signs itself, and its key.
func ownCertificate(t *testing.T) party.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := party.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: raw}, files.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestAnEmbeddedBrokerWithACertificateIsReachedByWhoTrustsIt(t *testing.T) {
	files := ownCertificate(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	charger, err := Start(t.Context(), Options{
		Dir: t.TempDir(), Wallet: wallet.Generate(), NATS: Embedded, NATSListen: "127.0.0.1:0", TLS: files, Ledger: Embedded,
		Meter: meter.Spec{Kind: meter.KindSim}, PowerMw: 50_000_000, Log: slog.New(slog.DiscardHandler), OnNATS: func(error) {},
		Settings: func(*party.Party) (station.Config, error) {
			settings := station.Default(pricing.Default())
			settings.PulseEvery = station.PulseOf(station.Charging)
			return settings, nil
		},
	}, listener)
	if err != nil {
		t.Fatal(err)
	}
	defer charger.Close()
	if !strings.HasPrefix(charger.NATS, "tls://") {
		t.Errorf("it is announced as %s", charger.NATS)
	}
	open := func(files party.TLS) (*party.Party, error) {
		trusted, err := files.Trusted()
		if err != nil {
			t.Fatal(err)
		}
		return party.Open(t.Context(), party.Options{
			Wallet: wallet.Generate(), Dir: t.TempDir(), Access: party.AccessNone, NATS: charger.NATS, TLS: trusted, Ledger: charger.Ledger,
			Log: slog.New(slog.DiscardHandler),
		})
	}
	car, err := open(party.TLS{CA: files.Cert})
	if err != nil {
		t.Fatal(err)
	}
	defer car.Close()
	found, err := vehicle.Discover(t.Context(), car, vehicle.Wish{Station: charger.Party.Wallet.DID()}, time.Minute)
	if err != nil || len(found) != 1 {
		t.Errorf("found %d stations (%v)", len(found), err)
	}
	for what, files := range map[string]party.TLS{"nothing": {}, "another certificate": {CA: ownCertificate(t).Cert}} {
		if _, err := open(files); !errors.Is(err, natsd.ErrUntrusted) {
			t.Errorf("who trusts %s: %v, want ErrUntrusted", what, err)
		}
	}
}

func TestACertificateWithoutItsKeyIsAUsageError(t *testing.T) {
	for _, files := range []party.TLS{{Cert: "cert.pem"}, {Key: "key.pem"}} {
		if _, err := files.Certificate(); err == nil || !strings.Contains(err.Error(), "needs its key") {
			t.Errorf("%+v: %v", files, err)
		}
	}
}
