package party

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/settle/did"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

const (
	// lookUpMax bounds one look-up, below what a session waits for: a proof.
	lookUpMax = 10 * time.Second
	// lookUpsMax bounds the look-ups at a time: who asks for more is answered when there is room.
	lookUpsMax = 64
)

// keys answers which key a DID has now from what the registry knows, as sessions never wait, and has it looked up meanwhile.
type keys struct {
	registry *registry.Registry
	station  bool

	ctx  context.Context // ends with close
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex // guards lookUps
	lookUps map[wallet.DID]*lookUp
}

// lookUp is under way until done is closed. Its failure answers one question; the next begins another.
type lookUp struct {
	done chan struct{}
	err  error // read after done
}

func newKeys(r *registry.Registry, station bool) *keys {
	k := &keys{registry: r, station: station, lookUps: map[wallet.DID]*lookUp{}}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// close ends what is under way, and waits for it.
func (k *keys) close() {
	k.stop()
	k.work.Wait()
}

// check is quote.Keys.
func (k *keys) check(d wallet.DID, key wallet.PublicKey) error {
	if standing, known := k.registry.Known(d); known {
		return standing.CheckKey(key)
	}
	done, err := k.lookUp(d)
	if !done {
		return fmt.Errorf("%w: the key of %s", session.ErrUndecided, d.Short())
	}
	if standing, known := k.registry.Known(d); known { // it came while we asked
		return standing.CheckKey(key)
	}
	if err == nil {
		err = fmt.Errorf("%w: what it said of %s is too old by now", registry.ErrUnknown, d.Short())
	}
	return k.untold(err, d, key)
}

// untold decides where nobody tells which key a DID has. A station goes by the DID, as in the handshake.
func (k *keys) untold(err error, d wallet.DID, key wallet.PublicKey) error {
	if k.station && (errors.Is(err, registry.ErrUnknown) || errors.Is(err, did.ErrStale)) {
		return quote.Keys(nil).Check(d, key)
	}
	return err
}

// lookUp tells whether a DID was looked up, and with what success; the first question begins it.
func (k *keys) lookUp(d wallet.DID) (done bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.lookUps[d]
	if l == nil {
		k.begin(d)
		return false, nil
	}
	select {
	case <-l.done:
		delete(k.lookUps, d)
		return true, l.err
	default:
		return false, nil
	}
}

// begin looks a DID up, if there is room. Answers that nobody came back for make room.
func (k *keys) begin(d wallet.DID) {
	if len(k.lookUps) >= lookUpsMax {
		for other, l := range k.lookUps {
			select {
			case <-l.done:
				delete(k.lookUps, other)
			default:
			}
		}
	}
	if len(k.lookUps) >= lookUpsMax {
		return
	}
	l := &lookUp{done: make(chan struct{})}
	k.lookUps[d] = l
	k.work.Go(func() {
		defer close(l.done)
		ctx, cancel := context.WithTimeout(k.ctx, lookUpMax)
		defer cancel()
		_, l.err = k.registry.Look(ctx, d)
	})
}

// Keys says which key a peer has now, for sessions: it never waits.
func (p *Party) Keys() quote.Keys { return p.keys.check }

// KeysHeard says the same of who is only heard of, and asks the ledger where a key is stated: without it that proves nothing.
func (p *Party) KeysHeard(ctx context.Context) quote.Keys {
	return func(d wallet.DID, key wallet.PublicKey) error {
		if key == d.InceptionKey() {
			return nil
		}
		return p.Registry.Check(ctx, d, key, nil)
	}
}

// ErrRetired is returned for a wallet that has another key than its DID: a copy of before a rotation.
var ErrRetired = errors.New("party: the wallet's key was replaced")

// CheckOwnKey returns ErrRetired when the ledger says that this wallet's key is not its DID's any more: no peer takes a
// signature of it. What the ledger does not know is no hindrance.
func (p *Party) CheckOwnKey(ctx context.Context) error {
	standing, err := p.Registry.Look(ctx, p.Wallet.DID())
	if err != nil || len(standing.Current()) == 0 {
		return nil
	}
	if err := standing.CheckKey(p.Wallet.Account().Public()); err != nil {
		return fmt.Errorf("%w: %w", ErrRetired, err)
	}
	return nil
}
