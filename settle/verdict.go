package settle

import (
	"errors"
	"fmt"
)

// Verdict is what the ledger decided about a vertex. It is part of the log hash, so its numbers never change.
type Verdict uint8

// Verdicts that accept.
const (
	Applied Verdict = 0
	NoOp    Verdict = 1 // valid, and nothing was left to change: a stale claim, a repeated mint

	firstRefusal Verdict = 16
)

// Verdicts that refuse. A refused vertex changes nothing and is no parent.
const (
	UnknownParent Verdict = iota + firstRefusal
	ParentTooOld
	TooFewParents
	BadSignature
	WrongNetwork
	WrongSequence
	Overspend
	OutOfRange
	BadAccount
	NotIssuer
	MintedTwice
	AboveCap
	UnknownChannel
	ChannelExists
	NotParty
	WrongCurrency
	BadExpiry
	BadClaim
	AboveNet
	WithdrawalOrder
	BelowMaxima
	WindowOpen
	NotClosing
	ChannelClosing
	ChannelClosed
	CloseExpired
	CreditSpent
	BelowAccountLock
	BelowChannelLock
	UnknownDID
	WrongVersion
	BadDocument
	Deactivated

	// VerdictMax is the last of them.
	VerdictMax = Deactivated
)

// Errors that the refusals stand for; Verdict.Err gives them.
var (
	ErrUnknownParent   = errors.New("settle: a parent is not known")
	ErrParentTooOld    = errors.New("settle: a parent is too old")
	ErrTooFewParents   = errors.New("settle: the genesis alone is no longer parent enough")
	ErrBadSignature    = errors.New("settle: the issuer's signature does not verify")
	ErrWrongNetwork    = errors.New("settle: for another network")
	ErrSequence        = errors.New("settle: not the account's next sequence number")
	ErrOverspend       = errors.New("settle: insufficient funds")
	ErrRange           = errors.New("settle: amount out of range")
	ErrBadAccount      = errors.New("settle: no usable key is behind the account")
	ErrNotIssuer       = errors.New("settle: not an issuer of this network")
	ErrMintedTwice     = errors.New("settle: something else was issued under this reference")
	ErrAboveCap        = errors.New("settle: above the issuer's cap, or below what it issued")
	ErrUnknownChannel  = errors.New("settle: no such channel")
	ErrChannelExists   = errors.New("settle: the channel was opened already")
	ErrNotParty        = errors.New("settle: not a party of the channel")
	ErrWrongCurrency   = errors.New("settle: not the ledger's currency")
	ErrBadExpiry       = errors.New("settle: the expiry is past or not later than it was")
	ErrBadClaim        = errors.New("settle: a channel key's signature or a tick does not verify")
	ErrAboveNet        = errors.New("settle: withdrawal above what the channel holds")
	ErrWithdrawalOrder = errors.New("settle: a later withdrawal has lower totals")
	ErrBelowMaxima     = errors.New("settle: close below the lane maxima")
	ErrWindowOpen      = errors.New("settle: the challenge window is still open")
	ErrNotClosing      = errors.New("settle: nobody asked to close the channel")
	ErrClosing         = errors.New("settle: the channel is closing")
	ErrClosed          = errors.New("settle: the channel is closed")
	ErrExpiredClose    = errors.New("settle: the close was not submitted in time")
	ErrCreditSpent     = errors.New("settle: the account's rate credit is spent for now")
	ErrBelowLock       = errors.New("settle: below the network's minimum lock")
	ErrAccountLock     = fmt.Errorf("%w of an account", ErrBelowLock)
	ErrChannelLock     = fmt.Errorf("%w of a channel", ErrBelowLock)
	ErrUnknownDID      = errors.New("settle: the DID is not registered")
	ErrVersion         = errors.New("settle: not the next version of the DID")
	ErrBadDocument     = errors.New("settle: a signature of the DID's own keys does not verify")
	ErrDeactivated     = errors.New("settle: the DID was deactivated")
)

type verdictText struct {
	name string // as the API writes it
	err  error
}

var verdictTexts = map[Verdict]verdictText{
	Applied:         {"applied", nil},
	NoOp:            {"no-op", nil},
	UnknownParent:   {"unknown-parent", ErrUnknownParent},
	ParentTooOld:    {"parent-too-old", ErrParentTooOld},
	TooFewParents:   {"too-few-parents", ErrTooFewParents},
	BadSignature:    {"bad-signature", ErrBadSignature},
	WrongNetwork:    {"wrong-network", ErrWrongNetwork},
	WrongSequence:   {"wrong-sequence", ErrSequence},
	Overspend:       {"insufficient-funds", ErrOverspend},
	OutOfRange:      {"out-of-range", ErrRange},
	BadAccount:      {"bad-account", ErrBadAccount},
	NotIssuer:       {"not-issuer", ErrNotIssuer},
	MintedTwice:     {"minted-twice", ErrMintedTwice},
	AboveCap:        {"above-cap", ErrAboveCap},
	UnknownChannel:  {"unknown-channel", ErrUnknownChannel},
	ChannelExists:   {"channel-exists", ErrChannelExists},
	NotParty:        {"not-party", ErrNotParty},
	WrongCurrency:   {"wrong-currency", ErrWrongCurrency},
	BadExpiry:       {"bad-expiry", ErrBadExpiry},
	BadClaim:        {"bad-claim", ErrBadClaim},
	AboveNet:        {"above-net", ErrAboveNet},
	WithdrawalOrder: {"withdrawal-order", ErrWithdrawalOrder},
	BelowMaxima:     {"below-maxima", ErrBelowMaxima},
	WindowOpen:      {"window-open", ErrWindowOpen},
	NotClosing:      {"not-closing", ErrNotClosing},
	ChannelClosing:  {"channel-closing", ErrClosing},
	ChannelClosed:   {"channel-closed", ErrClosed},
	CloseExpired:    {"close-expired", ErrExpiredClose},

	CreditSpent:      {"credit-spent", ErrCreditSpent},
	BelowAccountLock: {"below-account-lock", ErrAccountLock},
	BelowChannelLock: {"below-channel-lock", ErrChannelLock},

	UnknownDID:   {"unknown-did", ErrUnknownDID},
	WrongVersion: {"wrong-version", ErrVersion},
	BadDocument:  {"bad-document", ErrBadDocument},
	Deactivated:  {"deactivated", ErrDeactivated},
}

// Accepted tells whether the vertex became part of the DAG.
func (v Verdict) Accepted() bool { return v < firstRefusal }

// Reparent tells whether the same payload can succeed in a vertex with fresh parents.
func (v Verdict) Reparent() bool {
	return v == UnknownParent || v == ParentTooOld || v == TooFewParents
}

// Err gives the refusal's error, or nil when the vertex was accepted.
func (v Verdict) Err() error {
	if v.Accepted() {
		return nil
	}
	if text, ok := verdictTexts[v]; ok {
		return text.err
	}
	return fmt.Errorf("settle: refused with unknown verdict %d", uint8(v))
}

// String gives the verdict's name, as the API writes it.
func (v Verdict) String() string {
	if text, ok := verdictTexts[v]; ok {
		return text.name
	}
	return fmt.Sprintf("verdict-%d", uint8(v))
}

// ParseVerdict reads what String gives for a known verdict.
func ParseVerdict(name string) (Verdict, error) {
	for v, text := range verdictTexts {
		if text.name == name {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: no verdict %q", ErrEncoding, name)
}
