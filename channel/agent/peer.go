package agent

import (
	"fmt"

	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/wallet"
)

// checkPeer returns session.ErrIdentity when a message comes from somebody who proved another DID than that of the peer whose
// message it claims to be. An address of a link that proves nothing is taken as it is.
func checkPeer(from link.Addr, peer wallet.DID) error {
	if proven, ok := secure.PeerOf(from); ok && proven != peer {
		return fmt.Errorf("%w: it comes from %s, and is for %s to say", session.ErrIdentity, proven, peer)
	}
	return nil
}
