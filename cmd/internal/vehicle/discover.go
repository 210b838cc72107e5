package vehicle

import (
	"context"
	"errors"
	"fmt"
	"sort"
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
)

// Wish is what a vehicle looks for.
type Wish struct {
	Service  string
	EVSE     string
	Station  wallet.DID   // zero: any
	PriceMax money.Amount // of one kWh, hour or piece; 0: any
}

// Discover gives the stations of the pinned network that make themselves known within wait, cheapest first. Only what they
// signed is believed. With a station named it returns as soon as that one answered.
func Discover(ctx context.Context, p *party.Party, named wallet.DID, wait time.Duration) ([]quote.Announcement, error) {
	heard, keys := map[wallet.DID]quote.Announcement{}, p.KeysHeard(ctx)
	enough := func(a natslink.Announcement) bool {
		parsed, err := quote.ParseAnnouncement(a.Payload, keys)
		if err != nil || parsed.Station != a.Station || parsed.Network != p.Ledger.Trusted().ID {
			return false // forged, or of another network
		}
		if last, ok := heard[parsed.Station]; !ok || supersedes(parsed, last) {
			heard[parsed.Station] = parsed
		}
		return parsed.Station == named
	}
	answers, err := natslink.Discover(ctx, p.Conn, p.Token(), wait, enough)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		enough(a)
	}
	var stations []quote.Announcement
	for _, a := range heard {
		stations = append(stations, a)
	}
	sort.Slice(stations, func(i, j int) bool {
		if stations[i].UnitPrice != stations[j].UnitPrice {
			return stations[i].UnitPrice < stations[j].UnitPrice
		}
		return stations[i].Station.String() < stations[j].Station.String()
	})
	return stations, nil
}

// supersedes tells whether of two announcements the newer counts. One under a key that the ledger proved shows that the
// first key was retired.
func supersedes(newer, last quote.Announcement) bool {
	if proven := len(newer.Key) > 0; proven != (len(last.Key) > 0) {
		return proven
	}
	return newer.AtMs >= last.AtMs
}

// Pick chooses the cheapest station that fits.
func Pick(stations []quote.Announcement, w Wish) (quote.Announcement, error) {
	if len(stations) == 0 {
		return quote.Announcement{}, ErrNoStation
	}
	var reason error
	for _, s := range stations {
		switch {
		case !w.Station.IsZero() && s.Station != w.Station:
			continue
		case s.Service != w.Service:
			reason = fmt.Errorf("%s offers %s", s.Station.Short(), s.Service)
		case w.EVSE != "" && s.EVSE != w.EVSE:
			reason = fmt.Errorf("%s has EVSE %s", s.Station.Short(), s.EVSE)
		case w.PriceMax > 0 && s.UnitPrice > w.PriceMax:
			reason = fmt.Errorf("the cheapest asks %s %s, more than %s", s.UnitPrice.Cents(), s.Currency, w.PriceMax.Cents())
		case !s.Free:
			reason = fmt.Errorf("%s %w", s.Station.Short(), ErrInUse)
		default:
			return s, nil
		}
	}
	if reason == nil {
		return quote.Announcement{}, fmt.Errorf("%w: %s", ErrUnknownStation, w.Station)
	}
	return quote.Announcement{}, fmt.Errorf("%w: %w", ErrNoneFits, reason)
}
