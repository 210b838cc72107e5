package natslink_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// exampleDID is the station of the configuration in the docs.
const exampleDID = "did:joule:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"

// external starts a real NATS server with the configuration of the docs, and gives its address and what to trust.
func external(t *testing.T) (options *server.Options, address, certificate string) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/nats-server.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate = loopbackCertificate(t, dir)
	for name, path := range map[string]string{"server-cert.pem": certificate, "server-key.pem": filepath.Join(dir, "key.pem")} {
		raw = []byte(strings.ReplaceAll(string(raw), `"`+name+`"`, `"`+path+`"`))
	}
	file := filepath.Join(dir, "nats-server.conf")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATION_1_PASSWORD", "station-secret")
	t.Setenv("VEHICLE_PASSWORD", "vehicle-secret")
	options, err = server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	options.Host, options.Port, options.NoSigs, options.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return options, s.Addr().String(), certificate
}

// loopbackCertificate makes a certificate for loopback that signs itself, and its key.
func loopbackCertificate(t *testing.T, dir string) string {
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
	cert := filepath.Join(dir, "cert.pem")
	err = errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTheConfigurationInTheDocsServesSessions(t *testing.T) {
	options, address, certificate := external(t)
	did, err := wallet.ParseDID(exampleDID)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range options.Users {
		want := natslink.StationPermissions(did)
		if u.Username == "vehicle" {
			want = natslink.PeerPermissions(natslink.Token{})
			for _, list := range [][]string{want.Publish, want.Subscribe} {
				for i := range list {
					list[i] = strings.ReplaceAll(list[i], natslink.Token{}.String(), "*")
				}
			}
		}
		if !slices.Equal(u.Permissions.Publish.Allow, want.Publish) || !slices.Equal(u.Permissions.Subscribe.Allow, want.Subscribe) {
			t.Errorf("%s may publish %v and subscribe to %v, want %v", u.Username, u.Permissions.Publish.Allow, u.Permissions.Subscribe.Allow, want)
		}
	}
	trusted, err := natsd.Trust(certificate)
	if err != nil {
		t.Fatal(err)
	}
	forbidden := make(chan error, 10)
	connect := func(user string, key natsd.Key) *nats.Conn {
		conn, err := natsd.Dial("tls://"+user+"@"+address, natsd.DialOptions{Key: key, TLS: trusted, OnError: func(err error) { forbidden <- err }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	key, w := wallet.GenerateKey(), wallet.Generate()
	stationConn, carConn := connect("station-1:station-secret", natslink.StationKey(w)), connect("vehicle:vehicle-secret", natslink.ConnectKey(key))
	station := listenStation(t, stationConn, did, nil)
	car := dialPeer(t, carConn, natslink.TokenOf(key.Public()))
	send(t, car, station.Local(), "hello")
	expect(t, station, car.Local(), "hello")
	send(t, station, car.Local(), "welcome")
	expect(t, car, station.Local(), "welcome")
	if len(forbidden) != 0 {
		t.Fatalf("too little is granted: %v", <-forbidden)
	}
	for who, subject := range map[*nats.Conn]string{
		carConn: "joulepay.v1.announce.z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", stationConn: "joulepay.v1.announce.z6Mkother",
	} {
		if err := who.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := await(t, forbidden); !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("publish on %s: %v, want ErrForbidden", subject, err)
		}
	}
	for _, user := range []string{"vehicle:wrong", "nobody:station-secret"} {
		if _, err := natsd.Dial("tls://"+user+"@"+address, natsd.DialOptions{TLS: trusted}); !errors.Is(err, natsd.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", user, err)
		}
	}
}
