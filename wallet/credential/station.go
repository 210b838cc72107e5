package credential

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"joulepay/wallet"
)

// Errors of what a station shows.
var (
	ErrMeterKey = errors.New("credential: calibrated is another meter than the one that signs the readings")
	ErrPayout   = errors.New("credential: delegated to another pay-out account")
	ErrMissing  = errors.New("credential: the station shows no credential of this kind")
)

// CheckCalibration checks that the meter of a station is calibrated: the key that verifies its readings is the one in
// the credential, issued about this station by somebody whom the policy trusts for calibrations.
func CheckCalibration(compact string, station wallet.DID, meterKey wallet.PublicKey, now time.Time, p Policy) (Credential, error) {
	p.Kind, p.Subject = KindCalibration, station
	c, err := Verify(compact, now, p)
	if err != nil {
		return Credential{}, err
	}
	calibration, _ := c.Claims.(Calibration) // of this kind
	if calibration.MeterKey != meterKey {
		return Credential{}, fmt.Errorf("%w: %s, not %s", ErrMeterKey, calibration.MeterKey, meterKey)
	}
	if c.ValidUntil.IsZero() { // Issue refuses it; another issuer's software may not
		return Credential{}, fmt.Errorf("%w: a calibration needs its end", ErrTime)
	}
	return c, nil
}

// CheckDelegation checks that an operator whom the policy trusts lets the station sell, and names the account that the
// quote wants paid.
func CheckDelegation(compact string, station, payout wallet.DID, now time.Time, p Policy) (Credential, error) {
	p.Kind, p.Subject = KindDelegation, station
	c, err := Verify(compact, now, p)
	if err != nil {
		return Credential{}, err
	}
	delegation, _ := c.Claims.(Delegation) // of this kind
	if delegation.PayoutAccount != payout {
		return Credential{}, fmt.Errorf("%w: %s, not %s", ErrPayout, delegation.PayoutAccount, payout)
	}
	return c, nil
}

// CheckContract checks that a vehicle has a contract with somebody whom the policy trusts for contracts.
func CheckContract(compact string, vehicle wallet.DID, now time.Time, p Policy) (Credential, error) {
	p.Kind, p.Subject = KindContract, vehicle
	return Verify(compact, now, p)
}

// Offered is what a quote says of the station, under the station's own signature: that is the proof of possession, so
// the credentials need no presentation.
type Offered struct {
	Station     wallet.DID
	Payout      wallet.DID
	MeterKey    wallet.PublicKey
	Credentials []byte // as JoinBundle writes them
}

// Demands are what a vehicle refuses to do without.
type Demands struct {
	Calibration bool
	// Delegation wants an operator behind the pay-out account, unless it is the station's own.
	Delegation bool
}

// CheckStation checks what a station shows against what a vehicle demands, and gives the credentials that count. One that
// is not demanded is not looked at, so nothing that a station adds makes it less acceptable.
func CheckStation(offered Offered, demands Demands, now time.Time, p Policy) ([]Credential, error) {
	if offered.Payout == offered.Station {
		demands.Delegation = false
	}
	if !demands.Calibration && !demands.Delegation {
		return nil, nil
	}
	bundle, err := SplitBundle(offered.Credentials)
	if err != nil {
		return nil, err
	}
	var counted []Credential
	if demands.Calibration {
		c, err := firstOf(bundle, KindCalibration, func(compact string) (Credential, error) {
			return CheckCalibration(compact, offered.Station, offered.MeterKey, now, p)
		})
		if err != nil {
			return nil, err
		}
		counted = append(counted, c)
	}
	if demands.Delegation {
		c, err := firstOf(bundle, KindDelegation, func(compact string) (Credential, error) {
			return CheckDelegation(compact, offered.Station, offered.Payout, now, p)
		})
		if err != nil {
			return nil, err
		}
		counted = append(counted, c)
	}
	return counted, nil
}

// firstOf gives the first credential of a kind that passes, else why the last one does not.
func firstOf(bundle []string, kind Kind, check func(string) (Credential, error)) (Credential, error) {
	refusal := fmt.Errorf("%w: %s", ErrMissing, kind)
	for _, compact := range bundle {
		if c, err := Parse(compact); err == nil && c.Kind != kind {
			continue
		}
		c, err := check(compact)
		if err == nil {
			return c, nil
		}
		refusal = err
	}
	return Credential{}, refusal
}

// JoinBundle puts credentials into the field of a quote: one a line.
func JoinBundle(compacts ...string) []byte { return []byte(strings.Join(compacts, "\n")) }

// SplitBundle takes them out. What they are, verification says.
func SplitBundle(bundle []byte) ([]string, error) {
	if len(bundle) == 0 {
		return nil, nil
	}
	if len(bundle) > SizeMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(bundle), SizeMax)
	}
	compacts := strings.Split(string(bundle), "\n")
	if len(compacts) > presentMax {
		return nil, fmt.Errorf("%w: %d credentials, at most %d", ErrSize, len(compacts), presentMax)
	}
	return compacts, nil
}
