package ocmf

import "fmt"

// CheckEvidence verifies the records of a reading's evidence, one after the other, under the key of a meter, and that they
// make one whole transaction. Departures from the standard are not accepted. It returns one of the verdicts.
func CheckEvidence(evidence []byte, key PublicKey) (Transaction, error) {
	raws, err := Split(evidence)
	if err != nil {
		return Transaction{}, err
	}
	var records []Verified
	for i, raw := range raws {
		record, err := Parse(raw)
		if err != nil {
			return Transaction{}, fmt.Errorf("record %d: %w", i, err)
		}
		verified, err := record.Verify(key, Quirks{})
		if err != nil {
			return Transaction{}, fmt.Errorf("record %d: %w", i, err)
		}
		records = append(records, verified)
	}
	return CheckTransaction(records)
}
