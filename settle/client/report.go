package client

import "context"

// ReceiptReport is what a server found when it verified a receipt, as `vehicle verify` does. Whoever does not trust the
// server verifies the receipt: package receipt.
type ReceiptReport struct {
	Verified bool     `json:"verified"`
	Failure  string   `json:"failure,omitempty"` // the part that does not hold, and why
	Checks   []string `json:"checks"`            // what holds, in words, in order
	Stated   []string `json:"stated"`            // what the issuer states and nothing proves
	Final    bool     `json:"final"`             // witnesses certified a state of the channel that covers the claims
	Settled  bool     `json:"settled"`           // final, ended, and nothing is left unpaid
}

// ReceiptReport asks the server to verify the receipt of a session against the network that it follows.
func (c *Client) ReceiptReport(ctx context.Context, id SessionID) (ReceiptReport, error) {
	return read[ReceiptReport](ctx, c, "/v1/receipts/"+id.String()+"/report", nil)
}
