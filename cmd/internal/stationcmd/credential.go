package stationcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"joulepay/channel/quote"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// ErrCredential is returned for a credential that a charger cannot show: no vehicle would count it.
var ErrCredential = errors.New("the charger cannot show this credential")

// readCredentials reads the files of --credential, whatever is in them.
func (c *runCmd) readCredentials() ([]string, error) {
	var compacts []string
	total := 0
	for _, name := range c.credentials {
		compact, err := readCredential(name)
		if err != nil {
			return nil, fmt.Errorf("--credential: %w", err)
		}
		compacts = append(compacts, compact)
		total += len(compact) + 1
	}
	if total > quote.CredentialMax+1 {
		return nil, cli.Usage("show one calibration and one delegation; ask their issuers for shorter ones",
			"--credential: %d bytes, a quote has room for %d", total-1, quote.CredentialMax)
	}
	return compacts, nil
}

func readCredential(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	raw, err := io.ReadAll(io.LimitReader(file, credential.SizeMax+1))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(raw)), nil
}

// present checks each credential as a vehicle will, except whom it trusts and what was revoked, and puts them into quotes. One
// that is refused by every vehicle is better refused here.
func (c *runCmd) present(ctx context.Context, s *station.Config, p *party.Party, compacts []string) error {
	shown := own{
		station: p.Wallet.DID(), payout: s.Payout, meter: p.Wallet.Meter().Public(), now: time.Now(),
		policy: credential.Policy{Trust: credential.AnyIssuer, Keys: p.Registry.Keys(ctx), Status: credential.IgnoreStatus{}},
	}
	if shown.payout.IsZero() {
		shown.payout = shown.station
	}
	for i, compact := range compacts {
		if err := shown.check(compact); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrCredential, c.credentials[i], err)
		}
	}
	s.Credential = credential.JoinBundle(compacts...)
	return nil
}

// own is what a charger says of itself in its quotes.
type own struct {
	station, payout wallet.DID
	meter           wallet.PublicKey
	now             time.Time
	policy          credential.Policy
}

func (o own) check(compact string) error {
	said, err := credential.Parse(compact)
	if err != nil {
		return err
	}
	switch said.Kind {
	case credential.KindCalibration:
		_, err = credential.CheckCalibration(compact, o.station, o.meter, o.now, o.policy)
	case credential.KindDelegation:
		_, err = credential.CheckDelegation(compact, o.station, o.payout, o.now, o.policy)
	default:
		err = fmt.Errorf("%w: %s", credential.ErrKind, said.Kind)
	}
	return err
}

// credentialErrors says what to do about a credential that a charger cannot show. They are looked up before what other
// commands say of the same errors.
var credentialErrors = []cli.Known{
	{Err: credential.ErrSubject, Hint: "it is for another charger: this one is {did}, `chargepoint did show` prints it"},
	{Err: credential.ErrMeterKey,
		Hint: "ask for one of this charger's meter: `chargepoint did show` prints its key, for --claim meterKey="},
	{Err: credential.ErrPayout, Hint: "name the account that the operator named: `{command} --payout DID`"},
	{Err: credential.ErrExpired, Hint: "ask its issuer for a new one"},
	{Err: credential.ErrNotYetValid, Hint: "leave it out until then, or set the clock of this machine"},
	{Err: credential.ErrKind, Hint: "show a calibration or a delegation: vehicles ask a charger for nothing else"},
	{Err: credential.ErrKey, Hint: "its issuer has another key now: ask for a new one"},
	{Err: ErrCredential, Hint: "do not rely on it: ask its issuer for the original; `chargepoint claim verify FILE` shows more"},
}

// shown adds to a refusal of --credential what to do about it.
func shown(err error) error {
	for _, k := range credentialErrors {
		if errors.Is(err, ErrCredential) && errors.Is(err, k.Err) {
			return cli.Hint(err, k.Hint)
		}
	}
	return err
}
