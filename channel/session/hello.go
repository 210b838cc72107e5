package session

import (
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/wire"
	"joulepay/wallet"
)

// CheckHello returns ErrIdentity unless a hello of a session is for this station, on this network, and signed for the vehicle
// that it names with a key that keys take for the vehicle's; ErrUndecided while they cannot tell. Until then it proves
// nothing, and should cost nothing.
func CheckHello(h wire.Hello, id channel.SessionID, station wallet.DID, network wallet.NetworkID, keys quote.Keys) error {
	if h.Station != station {
		return fmt.Errorf("%w: hello for another station", ErrIdentity)
	}
	if _, err := wallet.ParsePublicKey(h.Vehicle[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	key, err := wallet.StatedKey(h.Vehicle, h.Key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if err := wallet.Verify(key, wallet.DomainHello, network, h.SigningBytes(id), h.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	switch err := keys.Check(h.Vehicle, key); {
	case err == nil, errors.Is(err, ErrUndecided):
		return err
	default:
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
}
