package api

import (
	"net/http"

	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

// receiptReport verifies a receipt against the network of this process. A receipt that fails is an answer, not an error:
// it says which part does not hold.
func (s *server) receiptReport(w http.ResponseWriter, r *http.Request) error {
	id, err := pathSession(r)
	if err != nil {
		return err
	}
	network, err := s.Network.Network(r.Context())
	if err != nil {
		return err
	}
	raw, err := s.Sessions.Receipt(r.Context(), id)
	if err != nil {
		return err
	}
	var found receipt.Report
	parsed, failure := receipt.Parse(raw)
	if failure == nil {
		found, failure = receipt.Verify(parsed, receipt.Options{Network: network.Network})
	}
	report := client.ReceiptReport{
		Verified: failure == nil, Final: found.Final, Settled: found.Settled,
		Checks: append([]string{}, found.Checks...), Stated: append([]string{}, found.Stated...),
	}
	if failure != nil {
		report.Failure = failure.Error()
	}
	return writeJSON(w, r, report)
}
