package station

import (
	"context"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/store"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

// VisitOf reads what a store has of a session, for an export.
func VisitOf(ctx context.Context, s store.Store, shown client.Session) (receipt.Visit, error) {
	record, err := s.Session(ctx, channel.SessionID(shown.ID))
	if err != nil {
		return receipt.Visit{}, fmt.Errorf("session %s: %w", shown.ID, err)
	}
	stored, err := s.Readings(ctx, record.ID)
	if err != nil {
		return receipt.Visit{}, fmt.Errorf("session %s: %w", shown.ID, err)
	}
	f := receipt.Facts{
		Vehicle: record.Peer, Quotes: record.Quotes(), Paid: record.Paid, Claims: record.Claims, Reason: string(record.Reason), Final: shown.Final,
	}
	for _, r := range stored {
		f.Readings = append(f.Readings, r.Signed)
	}
	if shown.Settlement != nil {
		f.Settlement = shown.Settlement.String()
	}
	v, err := receipt.NewVisit(f)
	if err != nil {
		return v, fmt.Errorf("session %s: %w", shown.ID, err)
	}
	return v, nil
}
