package session

import (
	"fmt"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// CheckHello returns ErrIdentity unless a hello of a session is for this station, on this network, and signed by the vehicle
// that it names. Until then it proves nothing, and should cost nothing.
func CheckHello(h wire.Hello, id channel.SessionID, station wallet.DID, network wallet.NetworkID) error {
	if h.Station != station {
		return fmt.Errorf("%w: hello for another station", ErrIdentity)
	}
	if _, err := wallet.ParsePublicKey(h.Vehicle[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if err := wallet.Verify(h.Vehicle.InceptionKey(), wallet.DomainHello, network, h.SigningBytes(id), h.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return nil
}
