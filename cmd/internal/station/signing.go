package station

import (
	"context"

	"joulepay/cmd/internal/party"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocmfsign"
)

// Signing gives an outlet whose meter signs the ends of a session with a key. A session that goes on goes on with what it
// delivered before.
func Signing(ctx context.Context, p *party.Party, outlet meter.Connector, key ocmf.PrivateKey, evse string) (meter.Connector, error) {
	last, err := registerOf(ctx, p.Store)
	if err != nil {
		return nil, err
	}
	return ocmfsign.Wrap(outlet, key, ocmfsign.Options{
		Serial: p.Wallet.DID().Short(), Model: "joulepay", EVSE: evse, OpenMilliwattHours: last.delivered,
	}), nil
}
