package vehicle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/quote"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/settle/did"
	"joulepay/settle/registry"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// ErrRecheck says that a station is not any more what it was accepted for. The cause is one of settle/did, settle/registry or
// wallet/credential.
var ErrRecheck = errors.New("vehicle: the station would not be accepted any more; stopping, and paying for what was had")

// RecheckDefault is how often a vehicle looks again at the station of a running session: as often as a registry asks the ledger.
const RecheckDefault = time.Minute

// undecided are answers that say nothing of the station: a ledger or a list that is out of reach, or a node that lies, ends no
// session. What was true at its beginning counts on.
var undecided = []error{
	registry.ErrUnknown, did.ErrStale, did.ErrProof, session.ErrUndecided, credential.ErrStatusUnavailable, status.ErrStale, context.Canceled,
}

// connected is a link that knows who is at the other end.
type connected interface {
	Peer(station link.Addr) (secure.Peer, bool)
}

// recheck looks again at what the station of the running session was accepted for: the key that it shook hands with, and the
// credentials in its quote. It returns ErrRecheck when it would be refused now, and nil when not, or when nobody can tell.
func (v *Vehicle) recheck(ctx context.Context) (channel.SessionID, error) {
	running, err := Unfinished(ctx, v.party)
	if err != nil || running == nil || running.Phase >= session.PhaseStopping || len(running.Quote) == 0 {
		return channel.SessionID{}, err
	}
	signed, err := quote.Parse(running.Quote, quote.AnyKey)
	if err != nil {
		return running.ID, err
	}
	err = v.recheckKey(ctx, signed.Quote)
	if err == nil {
		err = v.vetting.again(ctx, v.config.Policy.Credentials, signed.Quote, v.config.Clock.Now().Session)
	}
	if err == nil || slices.ContainsFunc(undecided, func(u error) bool { return errors.Is(err, u) }) {
		return running.ID, nil
	}
	return running.ID, fmt.Errorf("%w: %w", ErrRecheck, err)
}

// recheckKey asks whether the key of the other end is still the station's. A station that was started again with its new key
// has shown that one in another handshake, and its session goes on.
func (v *Vehicle) recheckKey(ctx context.Context, q quote.Quote) error {
	if at, knows := v.link.(connected); knows {
		if peer, met := at.Peer(secure.AddrOf(q.Station)); met {
			return v.party.Registry.CheckAnew(ctx, peer.DID, peer.Account, &peer.Static)
		}
	}
	return v.party.Registry.CheckActive(ctx, q.Station)
}

// watch looks again from time to time, and stops the session politely once the station would not be accepted any more.
func (v *Vehicle) watch(running context.Context) {
	every := v.config.RecheckEvery
	if every <= 0 {
		every = RecheckDefault
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-ticker.C:
		}
		id, err := v.recheck(running)
		if errors.Is(err, ErrRecheck) {
			v.report(session.Progress{
				Session: id, Role: session.RolePayer, Phase: session.PhaseStopping, Peer: v.station, At: v.config.Clock.Now().Session, Err: err,
			})
			v.stop(running)
			return
		}
		if err != nil && running.Err() == nil {
			v.log.Warn("looking at the station again", "error", err)
		}
	}
}
