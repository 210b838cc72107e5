package stationcmd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"joulepay/cmd/internal/station"
	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

// certificate makes one for 127.0.0.1, and a client that trusts it.
func certificate(t *testing.T) (tls.Certificate, *http.Client) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(parsed)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, client
}

// Security profile 2: TLS, and a password inside it.
func TestAStationConnectsOverTLSWithItsPassword(t *testing.T) {
	own, trusting := certificate(t)
	w := newOCPPWorld(t, time.Now(), station.OCPP{Certificate: &own, Stations: []station.OCPPStation{{ID: "S001", Password: "open sesame"}}})
	if !strings.HasPrefix(w.charger.OCPP, "wss://") {
		t.Fatal(w.charger.OCPP)
	}
	header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("S001:open sesame"))}}
	if _, _, err := ocpptest.Dial(t, w.charger.OCPP, "ocpp1.6", header); err == nil {
		t.Error("a station that does not know the certificate connects")
	}
	if _, response, _ := ocpptest.DialWith(t, trusting, w.charger.OCPP, "ocpp1.6", nil); response == nil || response.StatusCode != http.StatusUnauthorized {
		t.Error("no password is asked for")
	}
	plain := strings.Replace(w.charger.OCPP, "wss://", "ws://", 1)
	if _, _, err := ocpptest.Dial(t, plain, "ocpp1.6", header); err == nil {
		t.Error("it connects without TLS")
	}
	s, _, err := ocpptest.DialWith(t, trusting, w.charger.OCPP, "ocpp1.6", header)
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Ask("1", "Heartbeat", `{}`); f.Kind != ocpp.CallResult {
		t.Errorf("%+v", f)
	}
}

func TestPeopleAreToldWhatAStationDoes(t *testing.T) {
	for want, e := range map[string]ocpp.Event{
		`charging station "S" connected with OCPP 1.6`: {Kind: ocpp.EventConnected, Station: "S", Detail: "OCPP 1.6"},
		`charging station "S" booted: "Acme One 1.4"`:  {Kind: ocpp.EventBooted, Station: "S", Detail: "Acme One 1.4"},
		`connector 1 of "S" is Available`:              {Kind: ocpp.EventStatus, Station: "S", Connector: 1, Detail: "Available"},
		`delivered 140.1 Wh, signed by its meter`:      {Kind: ocpp.EventEnded, EnergyMwh: 140_100, Signed: true},
		`delivered 28 Wh, by the station's word`:       {Kind: ocpp.EventEnded, EnergyMwh: 28_000},
		`serves nobody until the station boots again`:  {Kind: ocpp.EventFault, Err: ocpp.ErrUnpaidEnergy},
		`or name this one there`:                       {Kind: ocpp.EventRefused, Err: fmt.Errorf("%w: x", ocpp.ErrUnknownStation)},
		`password of --ocpp-password-file`:             {Kind: ocpp.EventRefused, Err: ocpp.ErrPassword},
		`OCPP 1.6 JSON or OCPP 2.0.1`:                  {Kind: ocpp.EventRefused, Err: ocpp.ErrSubprotocol},
		`look at the URL`:                              {Kind: ocpp.EventRefused, Err: ocpp.ErrHandshake},
		`with what was read before`:                    {Kind: ocpp.EventFault, Err: ocpp.ErrRegisterFell},
		`its meter did not sign`:                       {Kind: ocpp.EventUnsigned, Err: ocpp.ErrUnsigned},
		`docs/ocpp.md says why`:                        {Kind: ocpp.EventQuirk, Detail: string(ocpp.QuirkPage)},
		`nobody pays for`:                              {Kind: ocpp.EventStray},
		`is gone; it connects again by itself`:         {Kind: ocpp.EventDisconnected},
		`does not do as it was asked`:                  {Kind: ocpp.EventCall, Err: ocpp.ErrTimeout},
	} {
		if got := words(e); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", e.Kind, got, want)
		}
	}
	evil := words(ocpp.Event{Kind: ocpp.EventBooted, Station: "a\x1b[2J", Detail: "b\nfault"})
	if strings.ContainsAny(evil, "\x1b\n") {
		t.Errorf("text of a station is written as it is: %q", evil)
	}
	closed := station.OCPPStation{ID: "S001", Password: "open sesame"}
	if !errors.Is(station.OCPP{Listener: anywhere{}, Stations: []station.OCPPStation{closed, {ID: "S002"}}}.Check(), station.ErrOpen) {
		t.Error("anybody may connect")
	}
	if err := (station.OCPP{Listener: anywhere{}, Stations: []station.OCPPStation{closed}}).Check(); err != nil {
		t.Error(err)
	}
}

// anywhere listens on all addresses.
type anywhere struct{ net.Listener }

func (anywhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 9210} }
