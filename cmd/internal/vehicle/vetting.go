package vehicle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// Credentials say what a vehicle wants a station to show, and whom it believes.
type Credentials struct {
	Demands   credential.Demands
	Trust     map[credential.Kind][]wallet.DID
	StatusAge time.Duration     // how old a status list may be; zero: StatusAgeDefault
	OnUnknown status.FailPolicy // what becomes of one whose status nobody tells; zero: status.FailClosed
}

// StatusAgeDefault is how soon a vehicle notices a revocation unless it is told otherwise.
const StatusAgeDefault = 24 * time.Hour

// lookUpMax bounds one look-up, below what a session waits for: a list of some kilobytes, or a proof.
const lookUpMax = 10 * time.Second

// vetting answers what a session asks about credentials from what is at hand, and looks up what is not meanwhile. Each
// thing is looked up once: what cannot be learned then is not known.
type vetting struct {
	registry  *registry.Registry
	cache     *status.Cache
	onUnknown status.FailPolicy
	fetch     status.Fetch

	ctx  context.Context // ends with close
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex // guards lookUps
	lookUps map[string]*lookUp
}

// lookUp is under way until done is closed.
type lookUp struct {
	done chan struct{}
	err  error // read after done
}

// newVetting makes the vetting of one vehicle and gives the policy of its sessions.
func newVetting(c Credentials, r *registry.Registry) (*vetting, session.CredentialPolicy, error) {
	if c.StatusAge == 0 {
		c.StatusAge = StatusAgeDefault
	}
	if c.OnUnknown == 0 {
		c.OnUnknown = status.FailClosed
	}
	v := &vetting{registry: r, onUnknown: c.OnUnknown, fetch: status.FetchHTTP, lookUps: map[string]*lookUp{}}
	v.ctx, v.stop = context.WithCancel(context.Background())
	var err error
	v.cache, err = status.NewCache(status.Options{MaxAge: c.StatusAge, OnUnknown: status.FailClosed, Keys: r.Keys(v.ctx)})
	if err != nil {
		v.stop()
		return nil, session.CredentialPolicy{}, err
	}
	return v, session.CredentialPolicy{Demands: c.Demands, Policy: credential.Policy{
		Trust: credential.TrustFor(c.Trust), Keys: v.keys, Status: v,
	}}, nil
}

// close ends what is under way, and waits for it.
func (v *vetting) close() {
	v.stop()
	v.work.Wait()
}

// ask tells whether a thing was looked up, and with what success; the first question begins the look-up.
func (v *vetting) ask(name string, do func(context.Context) error) (done bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.lookUps[name]
	if l == nil {
		l = &lookUp{done: make(chan struct{})}
		v.lookUps[name] = l
		v.work.Go(func() {
			defer close(l.done)
			ctx, cancel := context.WithTimeout(v.ctx, lookUpMax)
			defer cancel()
			l.err = do(ctx)
		})
	}
	select {
	case <-l.done:
		return true, l.err
	default:
		return false, nil
	}
}

// again checks what a station showed anew: what was looked up before is looked up again where it is too old by now, and
// waited for.
func (v *vetting) again(ctx context.Context, p session.CredentialPolicy, q quote.Quote, now time.Time) error {
	v.forget()
	for {
		_, err := credential.CheckStation(credential.Offered{
			Station: q.Station, Payout: q.Payout, MeterKey: q.MeterKey, Credentials: q.Credential,
		}, p.Demands, now, p.Policy)
		if !errors.Is(err, session.ErrUndecided) {
			return err
		}
		if err := v.wait(ctx); err != nil {
			return err
		}
	}
}

// forget lets what was looked up be looked up again.
func (v *vetting) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, l := range v.lookUps {
		select {
		case <-l.done:
			delete(v.lookUps, name)
		default:
		}
	}
}

// wait returns when nothing is under way; each look-up is bounded.
func (v *vetting) wait(ctx context.Context) error {
	v.mu.Lock()
	under := slices.Collect(maps.Values(v.lookUps))
	v.mu.Unlock()
	for _, l := range under {
		select {
		case <-l.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// keys gives the keys of an issuer, as the ledger proves them.
func (v *vetting) keys(d wallet.DID) ([]wallet.PublicKey, error) {
	if standing, known := v.registry.Known(d); known {
		return standing.Current(), nil
	}
	done, err := v.ask("keys of "+d.String(), func(ctx context.Context) error {
		_, err := v.registry.Look(ctx, d)
		return err
	})
	if !done {
		return nil, fmt.Errorf("%w: the keys of %s", session.ErrUndecided, d)
	}
	if err != nil {
		return nil, err
	}
	standing, known := v.registry.Known(d) // it came while we asked
	if !known {
		return nil, fmt.Errorf("%w: what it said of %s is too old by now", registry.ErrUnknown, d)
	}
	return standing.Current(), nil
}

// CheckStatus implements credential.StatusChecker.
func (v *vetting) CheckStatus(entry credential.StatusEntry, issuer wallet.DID, now time.Time) (credential.Standing, error) {
	standing, err := v.cache.CheckStatus(entry, issuer, now)
	if err == nil || !unknown(err) {
		return standing, err
	}
	done, failure := v.ask("status "+issuer.String()+" "+entry.List, func(ctx context.Context) error {
		return v.cache.Refresh(ctx, entry.List, issuer, now, v.fetch)
	})
	if !done {
		return standing, fmt.Errorf("%w: %s", session.ErrUndecided, entry.List)
	}
	standing, err = v.cache.CheckStatus(entry, issuer, now) // it may have come while we asked
	switch {
	case err == nil || !unknown(err):
		return standing, err
	case v.onUnknown == status.FailOpen:
		return credential.StandingUnknown, nil
	case failure != nil:
		return standing, fmt.Errorf("%w; %w", err, failure)
	}
	return standing, err
}

// unknown tells whether a list is missing or too old; all else is an answer.
func unknown(err error) bool {
	return errors.Is(err, credential.ErrStatusUnavailable) || errors.Is(err, status.ErrStale)
}
