package vehicle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"joulepay/channel/natslink"
	"joulepay/channel/quote"
	"joulepay/cmd/internal/party"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Errors of finding a station.
var (
	ErrNoStation      = errors.New("vehicle: no station answers")
	ErrUnknownStation = errors.New("vehicle: the station does not make itself known")
	ErrNoneFits       = errors.New("vehicle: no station fits")
	ErrInUse          = errors.New("is in use") // wrapped in ErrNoneFits: it may be free in a moment
	ErrNotOffered     = errors.New("offers")    // likewise, of all that answered: who sells the service may answer in a moment
)

// Wish is what a vehicle looks for.
type Wish struct {
	Service  string
	EVSE     string
	Station  wallet.DID   // zero: any
	PriceMax money.Amount // of one kWh, hour or piece; 0: any
	// GivesBack asks for an outlet that takes energy back. What it pays changes by the hour: the session looks at that.
	GivesBack bool
}

// outlet is what makes itself known: a station may have several.
type outlet struct {
	station wallet.DID
	evse    string
}

// Discover gives the outlets of stations of the pinned network that make themselves known within wait, cheapest first. Only
// what they signed is believed. With a station named it returns as soon as an outlet of it answered that is wished for and free.
func Discover(ctx context.Context, p *party.Party, w Wish, wait time.Duration) ([]quote.Announcement, error) {
	heard, keys := map[outlet]quote.Announcement{}, p.KeysHeard(ctx)
	enough := func(a natslink.Announcement) bool {
		parsed, err := quote.ParseAnnouncement(a.Payload, keys)
		if err != nil || parsed.Station != a.Station || parsed.Network != p.Ledger.Trusted().ID {
			return false // forged, or of another network
		}
		at := outlet{parsed.Station, parsed.EVSE}
		if last, ok := heard[at]; !ok || supersedes(parsed, last) {
			heard[at] = parsed
		}
		return parsed.Station == w.Station && parsed.Free && (w.EVSE == "" || parsed.EVSE == w.EVSE)
	}
	answers, err := natslink.Discover(ctx, p.Conn, p.Token(), wait, enough)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		enough(a)
	}
	return slices.SortedFunc(maps.Values(heard), func(a, b quote.Announcement) int {
		return cmp.Or(cmp.Compare(a.UnitPrice, b.UnitPrice), cmp.Compare(a.Station.String(), b.Station.String()), cmp.Compare(a.EVSE, b.EVSE))
	}), nil
}

// supersedes tells whether of two announcements the newer counts. One under a key that the ledger proved shows that the
// first key was retired.
func supersedes(newer, last quote.Announcement) bool {
	if proven := len(newer.Key) > 0; proven != (len(last.Key) > 0) {
		return proven
	}
	return newer.AtMs >= last.AtMs
}

// Pick chooses the cheapest outlet that fits.
func Pick(stations []quote.Announcement, w Wish) (quote.Announcement, error) {
	if len(stations) == 0 {
		return quote.Announcement{}, ErrNoStation
	}
	var reason error
	for _, s := range stations {
		if !w.Station.IsZero() && s.Station != w.Station {
			continue
		}
		misfit := w.misfit(s)
		if misfit == nil {
			return s, nil
		}
		if reason == nil || s.Service == w.Service && !errors.Is(reason, ErrInUse) {
			reason = misfit // who offers it says more than who does not; and what may change in a moment, most
		}
	}
	if reason == nil {
		return quote.Announcement{}, fmt.Errorf("%w: %s", ErrUnknownStation, w.Station)
	}
	return quote.Announcement{}, fmt.Errorf("%w: %w", ErrNoneFits, reason)
}

// misfit tells why an outlet is not wished for; nil when it is.
func (w Wish) misfit(s quote.Announcement) error {
	switch {
	case s.Service != w.Service:
		return fmt.Errorf("%s %w %s", s.Station.Short(), ErrNotOffered, s.Service)
	case w.EVSE != "" && s.EVSE != w.EVSE:
		return fmt.Errorf("%s has EVSE %s", s.Station.Short(), s.EVSE)
	case w.PriceMax > 0 && s.UnitPrice > w.PriceMax:
		return fmt.Errorf("the cheapest asks %s %s, more than %s", s.UnitPrice.Cents(), s.Currency, w.PriceMax.Cents())
	case w.GivesBack && s.MaxReturnMw == 0:
		return fmt.Errorf("%s takes no energy back", s.Station.Short())
	case !s.Free:
		return fmt.Errorf("%s %w", s.Station.Short(), ErrInUse)
	}
	return nil
}
