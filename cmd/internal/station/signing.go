package station

import (
	"context"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocmfsign"
)

// Signing gives an outlet whose meter signs the ends of a session with a key. It goes on after a restart: with its pages, and
// with the transaction of a session that is not over.
func Signing(ctx context.Context, p *party.Party, outlet meter.Connector, key ocmf.PrivateKey, evse string) (meter.Connector, error) {
	o := ocmfsign.Options{Serial: p.Wallet.DID().Short(), Model: "joulepay", EVSE: evse}
	var err error
	if o.Open, err = openTransaction(ctx, p.Store); err == nil {
		o.Page, err = lastPage(ctx, p.Store)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the meter signed last: %w", err)
	}
	return ocmfsign.Wrap(outlet, key, o), nil
}

// openTransaction gives the transaction of the session that is not over; nil for none.
func openTransaction(ctx context.Context, s store.Store) (*ocmfsign.Open, error) {
	records, err := s.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Role != session.RolePayee || r.Phase >= session.PhaseFinal {
			continue
		}
		readings, err := s.Readings(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		if len(readings) == 0 {
			continue
		}
		baseline, err := meter.DecodeSigned(readings[0].Signed)
		if err != nil {
			return nil, err
		}
		return &ocmfsign.Open{
			Holder: r.Peer.String(), RegisterMilliwattHours: baseline.Reading.Register, At: baseline.Reading.Time,
			Stopping: r.Phase >= session.PhaseStopping,
		}, nil
	}
	return nil, nil
}

// pagesLook is how many sessions lastPage reads: those at the end may have been of vehicles that only asked.
const pagesLook = 64

// lastPage gives the highest page of the records that the meter signed last.
func lastPage(ctx context.Context, s store.Store) (uint64, error) {
	records, err := s.Sessions(ctx, channel.SessionID{}, pagesLook)
	if err != nil {
		return 0, err
	}
	for _, r := range records {
		readings, err := s.Readings(ctx, r.ID)
		if err != nil {
			return 0, err
		}
		if len(readings) == 0 {
			continue
		}
		last, err := meter.DecodeSigned(readings[len(readings)-1].Signed)
		if err != nil {
			return 0, err
		}
		if last.Reading.Attestation == meter.AttestedOCMF {
			return highestPage(last.Evidence)
		}
	}
	return 0, nil
}

func highestPage(evidence []byte) (uint64, error) {
	raws, err := ocmf.Split(evidence)
	if err != nil {
		return 0, err
	}
	var highest uint64
	for _, raw := range raws {
		record, err := ocmf.Parse(raw)
		if err != nil {
			return 0, err
		}
		highest = max(highest, record.Payload().Page.Number)
	}
	return highest, nil
}
