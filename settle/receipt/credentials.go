package receipt

import (
	"fmt"
	"time"

	"joulepay/wallet/credential"
)

// credentials tells what others said of the station and its meter in the quote, at the time of the session. Whether they are to
// be trusted is the reader's to say, and whether they took it back since, or before, their status list's. A credential that does
// not hold makes the receipt no worse than none.
func (d *dossier) credentials() (checks, stated []string) {
	q := d.quote.Quote
	bundle, err := credential.SplitBundle(q.Credential)
	if err != nil {
		return nil, []string{fmt.Sprintf("what the credentials in the quote say: %v", err)}
	}
	at := time.UnixMilli(q.IssuedAtMs).UTC()
	anybody := credential.Policy{Trust: credential.AnyIssuer, Status: credential.IgnoreStatus{}}
	for _, compact := range bundle {
		var c credential.Credential
		said, err := credential.Parse(compact)
		switch {
		case err != nil:
		case said.Kind == credential.KindDelegation:
			c, err = credential.CheckDelegation(compact, q.Station, q.Payout, at, anybody)
		default:
			c, err = credential.CheckCalibration(compact, q.Station, q.MeterKey, at, anybody)
		}
		if err != nil {
			stated = append(stated, printable(fmt.Sprintf("what a credential in the quote says: %v", err)))
			continue
		}
		checks = append(checks, says(c)) // its members are printable
		stated = append(stated, fmt.Sprintf("that %s is to be trusted, and has not taken it back", c.Issuer))
	}
	return checks, stated
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
