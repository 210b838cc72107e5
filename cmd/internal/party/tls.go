package party

import (
	"crypto/tls"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
)

// TLS names the files of a connection to a broker, and of a broker in this process.
type TLS struct {
	CA, Cert, Key string // PEM; empty: none
}

// AddTrust adds --nats-ca.
func (t *TLS) AddTrust(command *cobra.Command) {
	command.Flags().StringVar(&t.CA, "nats-ca", "", "certificates, PEM `FILE`, that a NATS server is trusted by (default: those of the system)")
}

// AddServe adds --nats-cert and --nats-key.
func (t *TLS) AddServe(command *cobra.Command) {
	command.Flags().StringVar(&t.Cert, "nats-cert", "", "certificate of an embedded NATS server, PEM `FILE`: it then wants TLS")
	command.Flags().StringVar(&t.Key, "nats-key", "", "key of that certificate, PEM `FILE`")
}

// Certificate gives what an embedded broker serves with; nil serves in the clear.
func (t TLS) Certificate() (*tls.Config, error) {
	if t.Cert == "" && t.Key == "" {
		return nil, nil
	}
	if t.Cert == "" || t.Key == "" {
		return nil, cli.Usage("name both files: --nats-cert FILE --nats-key FILE", "a certificate needs its key, and a key its certificate")
	}
	return natsd.Certificate(t.Cert, t.Key)
}

// Trusted gives what a connection trusts: --nats-ca, and the certificate that this process serves itself; nil trusts what
// the system does.
func (t TLS) Trusted() (*tls.Config, error) {
	var files []string
	for _, file := range []string{t.CA, t.Cert} {
		if file != "" {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	return natsd.Trust(files...)
}
