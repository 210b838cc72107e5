package natsd_test

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
	"strings"
	"testing"
	"time"

	"joulepay/internal/natsd"
)

// authority signs certificates of servers.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.certificate, a.key = issue(t, template, nil, a.file, "")
	return a
}

// server makes the files of a server's certificate and key.
func (a authority) server(t *testing.T, host net.IP) (certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	issue(t, &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{host}}, &a, certificate, key)
	return certificate, key
}

func issue(t *testing.T, template *x509.Certificate, by *authority, certificateFile, keyFile string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certificateFile, "CERTIFICATE", raw)
	if keyFile != "" {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(keyFile, "PRIVATE KEY", der)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key
}

func TestATLSServerIsReachedByWhoTrustsItsAuthority(t *testing.T) {
	a := newAuthority(t)
	certificate, key := a.server(t, net.IPv4(127, 0, 0, 1))
	serving, err := natsd.Certificate(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	client := newKey(t)
	s := start(t, natsd.Options{TLS: serving, Verify: verifyBare, Authorize: onlyKey(client)})
	_, address, _ := strings.Cut(s.ClientURL(), "://")
	for _, files := range [][]string{{a.file}, {certificate}, {newAuthority(t).file, a.file}} {
		trusted, err := natsd.Trust(files...)
		if err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"tls://", "nats://"} {
			conn := dial(t, scheme+address, natsd.DialOptions{Key: client, TLS: trusted})
			if state, err := conn.TLSConnectionState(); err != nil || !state.HandshakeComplete {
				t.Errorf("%s is not encrypted: %v", scheme, err)
			}
		}
	}
	conn, err := s.Dial(natsd.DialOptions{Key: client}) // in process there is nobody to overhear it
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	stranger, err := natsd.Trust(newAuthority(t).file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := natsd.Dial("tls://"+address, natsd.DialOptions{Key: client, TLS: stranger}); !errors.Is(err, natsd.ErrUntrusted) {
		t.Errorf("trusting another authority: %v, want ErrUntrusted", err)
	}
	if _, err := natsd.Dial("tls://"+address, natsd.DialOptions{Key: client}); !errors.Is(err, natsd.ErrUntrusted) {
		t.Errorf("trusting the system's authorities: %v, want ErrUntrusted", err)
	}
}

func TestACertificateForAnotherHostIsNotTrusted(t *testing.T) {
	a := newAuthority(t)
	certificate, key := a.server(t, net.IPv4(192, 0, 2, 1))
	serving, err := natsd.Certificate(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, natsd.Options{TLS: serving})
	trusted, err := natsd.Trust(a.file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{TLS: trusted}); !errors.Is(err, natsd.ErrUntrusted) {
		t.Errorf("%v, want ErrUntrusted", err)
	}
}

// TestAURLThatWantsTLSNeverGoesInTheClear is what a broker in the middle would like: tls:// to a server without TLS fails.
func TestAURLThatWantsTLSNeverGoesInTheClear(t *testing.T) {
	s := start(t, natsd.Options{})
	_, address, _ := strings.Cut(s.ClientURL(), "://")
	trusted, err := natsd.Trust(newAuthority(t).file)
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []natsd.DialOptions{{}, {TLS: trusted}} {
		if _, err := natsd.Dial("tls://"+address, options); !errors.Is(err, natsd.ErrUntrusted) {
			t.Errorf("tls:// to a server in the clear: %v, want ErrUntrusted", err)
		}
	}
}

func TestFilesThatAreNoCertificatesAreNamed(t *testing.T) {
	dir := t.TempDir()
	empty, large := filepath.Join(dir, "empty"), filepath.Join(dir, "large")
	for file, size := range map[string]int{empty: 0, large: 1<<20 + 1} {
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{empty, large, filepath.Join(dir, "missing")} {
		if _, err := natsd.Trust(file); !errors.Is(err, natsd.ErrTLS) {
			t.Errorf("trust %s: %v, want ErrTLS", filepath.Base(file), err)
		}
		if _, err := natsd.Certificate(file, file); !errors.Is(err, natsd.ErrTLS) {
			t.Errorf("serve %s: %v, want ErrTLS", filepath.Base(file), err)
		}
	}
}
