package natsd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrTLS says that a certificate or its key cannot be used.
var ErrTLS = errors.New("natsd: not a usable certificate")

// handshakeTimeout bounds the TLS handshake of a client, and pemMax a file of certificates: all authorities that an operating
// system trusts are a quarter of it.
const (
	handshakeTimeout = 5 * time.Second
	pemMax           = 1 << 20
)

// Certificate reads the certificate of a server, with those between it and its authority, and its key, both PEM.
func Certificate(certificateFile, keyFile string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}, nil
}

// Trust reads the certificates that a client trusts, and no others: of authorities, or of a server itself. PEM.
func Trust(files ...string) (*tls.Config, error) {
	pool := x509.NewCertPool()
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTLS, err)
		}
		if info.Size() > pemMax {
			return nil, fmt.Errorf("%w: %s has %d bytes, at most %d", ErrTLS, file, info.Size(), pemMax)
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTLS, err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: %s holds no certificate", ErrTLS, file)
		}
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
