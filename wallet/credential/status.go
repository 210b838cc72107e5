package credential

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"joulepay/wallet"
)

// Errors of a credential's status.
var (
	ErrRevoked           = errors.New("credential: revoked")
	ErrSuspended         = errors.New("credential: suspended")
	ErrStatusEntry       = errors.New("credential: malformed status entry")
	ErrStatusUnavailable = errors.New("credential: its status is not known")
)

// Purpose says what a set bit of a status list means.
type Purpose string

// Purposes (Bitstring Status List 1.0, section 2.1): for ever, and for now.
const (
	PurposeRevocation Purpose = "revocation"
	PurposeSuspension Purpose = "suspension"
)

func (p Purpose) valid() bool { return p == PurposeRevocation || p == PurposeSuspension }

// Err gives what a set bit means: ErrRevoked or ErrSuspended.
func (p Purpose) Err() error {
	if p == PurposeSuspension {
		return ErrSuspended
	}
	return ErrRevoked
}

// StatusEntry says where the status of a credential stands: a bit of a list that its issuer hosts.
type StatusEntry struct {
	Type    string // of a foreign entry that no list answers; empty for BitstringStatusListEntry
	Purpose Purpose
	List    string // URL of the list, which is also the list's id
	Index   int
}

// IndexMax bounds the index in a list, as credential/status bounds lists.
const IndexMax = 1<<20 - 1

const typeStatusEntry = "BitstringStatusListEntry"

// Check returns ErrStatusEntry for an entry that no list can answer.
func (e StatusEntry) Check() error {
	list, err := url.Parse(e.List)
	switch {
	case e.Type != "":
		return fmt.Errorf("%w: type %q is not known", ErrStatusEntry, clip(e.Type))
	case !e.Purpose.valid():
		return fmt.Errorf("%w: statusPurpose %q", ErrStatusEntry, clip(string(e.Purpose)))
	case err != nil || list.Scheme != "https" && list.Scheme != "http" || list.Host == "" || list.User != nil || list.Fragment != "" || len(e.List) > textMax:
		return fmt.Errorf("%w: statusListCredential %q", ErrStatusEntry, clip(e.List))
	case e.Index < 0 || e.Index > IndexMax:
		return fmt.Errorf("%w: statusListIndex %d", ErrStatusEntry, e.Index)
	}
	return nil
}

func (e StatusEntry) object() object {
	index := strconv.Itoa(e.Index)
	return object{
		"id": e.List + "#" + index, "type": typeStatusEntry, "statusPurpose": string(e.Purpose),
		"statusListIndex": index, "statusListCredential": e.List,
	}
}

func readStatus(payload object) ([]StatusEntry, error) {
	members, err := payload.objects("credentialStatus", statusMax)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatusEntry, err)
	}
	var entries []StatusEntry
	for _, m := range members {
		entry, err := readStatusEntry(m)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrStatusEntry, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func readStatusEntry(m object) (e StatusEntry, err error) {
	typ, err := m.text("type")
	if err != nil || typ != typeStatusEntry {
		return StatusEntry{Type: typ}, err
	}
	purpose, err := m.text("statusPurpose")
	if err != nil {
		return e, err
	}
	if e.List, err = m.text("statusListCredential"); err != nil {
		return e, err
	}
	index, err := m.text("statusListIndex")
	if err != nil {
		return e, err
	}
	e.Purpose = Purpose(purpose)
	if e.Index, err = strconv.Atoi(index); err != nil || strconv.Itoa(e.Index) != index {
		return e, fmt.Errorf("statusListIndex %q is no number", clip(index))
	}
	return e, e.Check()
}

// Standing is what a verifier knows of a credential's status. Revoked and suspended ones are errors.
type Standing uint8

// Standings.
const (
	StandingNone    Standing = iota // it has no status
	StandingGood                    // its bits are clear, by lists that are fresh enough
	StandingUnknown                 // not known, and the verifier accepts that
)

// String gives a word for people and JSON.
func (s Standing) String() string {
	return [...]string{"none", "good", "unknown"}[min(s, StandingUnknown)]
}

// MarshalText implements encoding.TextMarshaler.
func (s Standing) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// StatusChecker looks an entry up in a list of the same issuer. It returns ErrRevoked or ErrSuspended for a set bit,
// StandingUnknown when it does not know and is to go on, and an error when it does not know and is not.
type StatusChecker interface {
	CheckStatus(entry StatusEntry, issuer wallet.DID, now time.Time) (Standing, error)
}

// IgnoreStatus takes every status for unknown and goes on: for who shows what a credential says, not for who relies on
// it.
type IgnoreStatus struct{}

// CheckStatus implements StatusChecker.
func (IgnoreStatus) CheckStatus(StatusEntry, wallet.DID, time.Time) (Standing, error) {
	return StandingUnknown, nil
}

// noStatus is the checker of a policy that names none: a credential with a status is refused.
type noStatus struct{}

func (noStatus) CheckStatus(StatusEntry, wallet.DID, time.Time) (Standing, error) {
	return StandingUnknown, fmt.Errorf("%w: no status lists at hand", ErrStatusUnavailable)
}
