package receipt

import (
	"errors"
	"fmt"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// Trust says whom a reader of receipts believes about stations and meters. The zero value believes nobody, and demands nothing.
type Trust struct {
	// Issuers are those whose word counts, by kind; nil: nobody.
	Issuers credential.Trust
	// Demands are credentials without which a receipt does not verify: shown in the quote, good when the session began, of
	// Issuers, and not taken back.
	Demands credential.Demands
	// Keys give an issuer's keys; nil: the one that its DID names.
	Keys credential.Keys
	// Status tells whether an issuer took a credential back; nil: nobody knows.
	Status credential.StatusChecker
}

func (t Trust) issuers() credential.Trust {
	if t.Issuers == nil {
		return func(credential.Kind, wallet.DID) bool { return false }
	}
	return t.Issuers
}

func (t Trust) status() credential.StatusChecker {
	if t.Status == nil {
		return credential.IgnoreStatus{}
	}
	return t.Status
}

// checkDemands refuses a session whose station did not show what the reader demands.
func (d *dossier) checkDemands(t Trust) error {
	q := d.quote.Quote
	_, err := credential.CheckStation(credential.Offered{
		Station: q.Station, Payout: q.Payout, MeterKey: q.MeterKey, Credentials: q.Credential,
	}, t.Demands, d.began(), credential.Policy{Trust: t.issuers(), Keys: t.Keys, Status: t.Status})
	return err
}

// demanded says in words what checkDemands found.
func (d *dossier) demanded(t Trust) (checks []string) {
	if t.Demands.Calibration {
		checks = append(checks, "the station showed the calibration that you demand of it")
	}
	switch q := d.quote.Quote; {
	case t.Demands.Delegation && q.Payout == q.Station:
		checks = append(checks, "the station is paid to its own account, which needs no delegation")
	case t.Demands.Delegation:
		checks = append(checks, "the station showed the delegation that you demand of it")
	}
	return checks
}

// began is when the station showed what it shows.
func (d *dossier) began() time.Time { return time.UnixMilli(d.quote.Quote.IssuedAtMs).UTC() }

// credentials tells what others said of the station and its meter in the quote, at the time of the session, and which of them
// the reader believes. A credential that does not hold makes the receipt no worse than none, unless it is demanded.
func (d *dossier) credentials(t Trust) (checks, stated []string) {
	q := d.quote.Quote
	bundle, err := credential.SplitBundle(q.Credential)
	if err != nil {
		return nil, []string{fmt.Sprintf("what the credentials in the quote say: %v", err)}
	}
	for _, compact := range bundle {
		c, err := d.readCredential(compact, t)
		if err != nil {
			stated = append(stated, printable(fmt.Sprintf("what a credential in the quote says: %v", err)))
			continue
		}
		checks = append(checks, says(c)) // its members are printable
		if t.issuers()(c.Kind, c.Issuer) {
			checks = append(checks, fmt.Sprintf("%s is one that you trust for %s", c.Issuer, c.Kind))
		} else {
			stated = append(stated, fmt.Sprintf("that %s is to be trusted", c.Issuer))
		}
		good, unknown := d.standing(c, t)
		if good != "" {
			checks = append(checks, good)
		}
		if unknown != "" {
			stated = append(stated, unknown)
		}
	}
	return checks, stated
}

// readCredential verifies that somebody, whoever it is, said this of the station or its meter.
func (d *dossier) readCredential(compact string, t Trust) (credential.Credential, error) {
	q := d.quote.Quote
	anybody := credential.Policy{Trust: credential.AnyIssuer, Keys: t.Keys, Status: credential.IgnoreStatus{}}
	said, err := credential.Parse(compact)
	switch {
	case err != nil:
		return credential.Credential{}, err
	case said.Kind == credential.KindDelegation:
		return credential.CheckDelegation(compact, q.Station, q.Payout, d.began(), anybody)
	}
	return credential.CheckCalibration(compact, q.Station, q.MeterKey, d.began(), anybody)
}

// standing tells whether a credential was taken back: what is known, and what is not.
func (d *dossier) standing(c credential.Credential, t Trust) (known, unknown string) {
	if len(c.Status) == 0 {
		return fmt.Sprintf("what %s says cannot be taken back: it names no status list", c.Issuer), ""
	}
	for _, entry := range c.Status {
		standing, err := t.status().CheckStatus(entry, c.Issuer, d.began())
		switch {
		case errors.Is(err, credential.ErrRevoked), errors.Is(err, credential.ErrSuspended):
			return "", printable(fmt.Sprintf("that what %s says held during the session: by its list it does not now (%v)", c.Issuer, err))
		case err != nil || standing != credential.StandingGood:
			return "", fmt.Sprintf("that %s has not taken it back", c.Issuer)
		}
	}
	return fmt.Sprintf("%s has not taken it back, by its status list", c.Issuer), ""
}

// says tells a credential that holds in words.
func says(c credential.Credential) string {
	switch claims := c.Claims.(type) {
	case credential.Calibration:
		return fmt.Sprintf("%s calibrated the meter that signed the readings: serial %s, type examination %s", c.Issuer, claims.MeterSerial, claims.TypeExamination)
	case credential.Delegation:
		return fmt.Sprintf("%s lets the station sell, to be paid to the account of the quote: operator %s", c.Issuer, claims.Operator)
	}
	return fmt.Sprintf("%s says of the station: %s", c.Issuer, c.Kind)
}
