package quote

import (
	"errors"
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// ErrProof is returned for a reading that bills what the quote promised that the meter signs, and is not signed so.
var ErrProof = errors.New("quote: the meter did not sign what is billed")

// proofDeviationMax is how far the time of a signed record may be from that of the reading which it proves: the record
// travels, and two clocks differ.
const proofDeviationMax = 2 * time.Minute

// CheckProof checks the end of a session under a quote that promises signed metering (meter.AttestedOCMF): what is paid ends
// on the signed record, or is not more than what was read before. Readings between are the station's. quantity and before
// are what the reading, and the one before it, bill, in mWh.
func (q Quote) CheckProof(s meter.Signed, quantity, before int64) error {
	if meter.Attestation(q.Attestation) != meter.AttestedOCMF {
		return nil
	}
	if s.Reading.Attestation != meter.AttestedOCMF {
		if s.Reading.State == meter.Ended && quantity > before {
			return fmt.Errorf("%w: %d mWh by the station's word, %d mWh before", ErrProof, quantity, before)
		}
		return nil
	}
	key, err := ocmf.ParsePublicKey(q.OCMFKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	proved, err := ocmf.CheckEvidence(s.Evidence, key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	energy, err := proved.EnergyMilliwattHours()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrProof, err)
	case energy < quantity:
		return fmt.Errorf("%w: %d mWh billed, %d mWh signed", ErrProof, quantity, energy)
	case proved.End.Sync != ocmf.Unsynchronised && proved.End.Time.Sub(s.Reading.Time).Abs() > proofDeviationMax:
		return fmt.Errorf("%w: the record is of %s", ErrProof, proved.End.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkOCMFKey asks for the key exactly where it is needed.
func (q Quote) checkOCMFKey() error {
	if meter.Attestation(q.Attestation) != meter.AttestedOCMF {
		if len(q.OCMFKey) != 0 {
			return fmt.Errorf("%w: a key of OCMF without its promise", ErrQuote)
		}
		return nil
	}
	if meter.Unit(q.Unit) != meter.MilliwattHours {
		return fmt.Errorf("%w: OCMF records energy only", ErrQuote)
	}
	if _, err := ocmf.ParsePublicKey(q.OCMFKey); err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	return nil
}
