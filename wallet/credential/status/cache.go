package status

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// Errors of the cache.
var (
	ErrStale      = errors.New("status: the list is older than its stated maximum age")
	ErrRolledBack = errors.New("status: a list older than the one that is known")
	ErrOptions    = errors.New("status: a cache needs a maximum age and a fail policy")
)

// FailPolicy says what a verifier does when it cannot know a status. The zero value is no policy: it must be stated.
type FailPolicy uint8

// Fail policies.
const (
	FailClosed FailPolicy = iota + 1 // refuse the credential
	FailOpen                         // accept it, with StandingUnknown
)

// Bounds of a cache.
const (
	listsMax   = 64               // lists kept; an operator's stations share one or two
	retryAfter = 30 * time.Second // between two attempts to fetch a list that could not be had
)

// Options say what a cache accepts.
type Options struct {
	// MaxAge is how long ago a list may have been fetched. A list is also void after its own validUntil, whoever serves it.
	MaxAge    time.Duration
	OnUnknown FailPolicy
	Keys      credential.Keys // of issuers; nil: their inception keys
}

// Fetch gets the JWT of a list by its URL, within bounds of its own on time and size.
type Fetch func(ctx context.Context, url string) ([]byte, error)

// Cache keeps lists that were fetched and verified. It is safe for concurrent use.
type Cache struct {
	options Options

	mu      sync.Mutex // guards entries
	entries map[name]cached
}

// name keeps apart what different issuers sign for one URL: nobody replaces the list of somebody else.
type name struct {
	url    string
	issuer wallet.DID
}

// cached is what is known of a list.
type cached struct {
	list    list // zero until the first success
	fetched time.Time
	failed  time.Time // of the last attempt, when it failed after fetched
}

// NewCache makes an empty cache.
func NewCache(o Options) (*Cache, error) {
	if o.MaxAge <= 0 || o.OnUnknown != FailClosed && o.OnUnknown != FailOpen {
		return nil, ErrOptions
	}
	return &Cache{options: o, entries: map[name]cached{}}, nil
}

// Put takes a list that was fetched at a time: one from a file, say. A list that was signed before the one that is known is
// refused: whoever serves it hides what was revoked since.
func (c *Cache) Put(compact string, fetched time.Time) error {
	l, err := verify(compact, fetched, c.options.Keys)
	if err != nil {
		return err
	}
	return c.put(l, fetched)
}

func (c *Cache) put(l list, fetched time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := name{l.url, l.issuer}
	if l.validFrom.Before(c.entries[n].list.validFrom) {
		return fmt.Errorf("%w: of %s", ErrRolledBack, l.validFrom.Format(time.RFC3339))
	}
	c.makeRoom(n)
	c.entries[n] = cached{list: l, fetched: fetched}
	return nil
}

// makeRoom forgets the list that was fetched first when there are too many. The caller holds mu.
func (c *Cache) makeRoom(n name) {
	if _, known := c.entries[n]; known || len(c.entries) < listsMax {
		return
	}
	var oldest name
	for candidate, entry := range c.entries {
		if oldest == (name{}) || entry.fetched.Before(c.entries[oldest].fetched) {
			oldest = candidate
		}
	}
	delete(c.entries, oldest)
}

// CheckStatus implements credential.StatusChecker with what is there; it never waits. What is not known, or not any more,
// is ErrStale or credential.ErrStatusUnavailable, or StandingUnknown where the policy is FailOpen. A bit that was set in a
// list grown old stays set.
func (c *Cache) CheckStatus(entry credential.StatusEntry, issuer wallet.DID, now time.Time) (credential.Standing, error) {
	if err := entry.Check(); err != nil {
		return credential.StandingUnknown, err
	}
	c.mu.Lock()
	known := c.entries[name{entry.List, issuer}]
	c.mu.Unlock()
	if known.fetched.IsZero() {
		return c.unknown(fmt.Errorf("%w: %s was not fetched", credential.ErrStatusUnavailable, entry.List))
	}
	standing, err := known.list.standing(entry)
	if err != nil {
		return standing, err
	}
	if err := c.fresh(known, now); err != nil {
		return c.unknown(err)
	}
	return standing, nil
}

func (c *Cache) fresh(known cached, now time.Time) error {
	if age := now.Sub(known.fetched); age > c.options.MaxAge {
		return fmt.Errorf("%w: fetched %s ago", ErrStale, age.Round(time.Second))
	}
	if !now.Before(known.list.validUntil) {
		return fmt.Errorf("%w: valid until %s", ErrStale, known.list.validUntil.Format(time.RFC3339))
	}
	return nil
}

func (c *Cache) unknown(err error) (credential.Standing, error) {
	if c.options.OnUnknown == FailOpen {
		return credential.StandingUnknown, nil
	}
	return credential.StandingUnknown, err
}

// Refresh fetches the list that an issuer hosts at a URL. What is served there in another name is ErrList.
func (c *Cache) Refresh(ctx context.Context, url string, issuer wallet.DID, now time.Time, fetch Fetch) error {
	err := c.refresh(ctx, url, issuer, now, fetch)
	if err != nil {
		c.noteFailure(name{url, issuer}, now)
	}
	return err
}

func (c *Cache) refresh(ctx context.Context, url string, issuer wallet.DID, now time.Time, fetch Fetch) error {
	raw, err := fetch(ctx, url)
	if err != nil {
		return fmt.Errorf("%w: %w", credential.ErrStatusUnavailable, err)
	}
	l, err := verify(string(raw), now, c.options.Keys)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if l.url != url || l.issuer != issuer {
		return fmt.Errorf("%w: %s serves %s of %s", ErrList, url, l.url, l.issuer)
	}
	return c.put(l, now)
}

// Fetching gives a checker that fetches what is missing or too old before it looks it up, one attempt in half a minute for
// each list. It waits as long as fetch does.
func (c *Cache) Fetching(ctx context.Context, fetch Fetch) credential.StatusChecker {
	return fetching{cache: c, ctx: ctx, fetch: fetch}
}

type fetching struct {
	cache *Cache
	ctx   context.Context // of one verification
	fetch Fetch
}

// CheckStatus implements credential.StatusChecker.
func (f fetching) CheckStatus(entry credential.StatusEntry, issuer wallet.DID, now time.Time) (credential.Standing, error) {
	if err := entry.Check(); err != nil {
		return credential.StandingUnknown, err
	}
	var failure error
	if f.cache.due(name{entry.List, issuer}, now) {
		failure = f.cache.Refresh(f.ctx, entry.List, issuer, now, f.fetch)
	}
	standing, err := f.cache.CheckStatus(entry, issuer, now)
	if err != nil && failure != nil && !errors.Is(err, entry.Purpose.Err()) {
		err = fmt.Errorf("%w; %w", err, failure)
	}
	return standing, err
}

func (c *Cache) due(n name, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.entries[n]
	if !known.fetched.IsZero() && c.fresh(known, now) == nil {
		return false
	}
	return known.failed.IsZero() || now.Sub(known.failed) >= retryAfter
}

func (c *Cache) noteFailure(n name, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.makeRoom(n)
	known := c.entries[n]
	known.failed = now
	c.entries[n] = known
}
