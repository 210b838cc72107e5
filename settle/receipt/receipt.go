// Package receipt owns the receipt: the self-contained proof of a session, which anybody verifies offline. It leaves
// to others how the evidence comes together (the session machines, the ledger's node) and where receipts are kept.
// It keeps invariant I10 to the end (the amount paid is priced again from the readings, exactly) and I9: a receipt
// is bytes from outside, bounded, in one canonical form, and every figure in it is either evidence or follows from it.
//
// New makes a receipt of evidence and signs it, Parse reads one, Verify checks it, Words tells it to a person.
package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Version is the form of the receipts of this package.
const Version = 1

// Bounds of a receipt.
const (
	// SizeMax bounds the JSON: a day of readings every two seconds is 9 MB.
	SizeMax = 16 << 20
	// ReadingsMax bounds the readings, and so the signatures to verify: two seconds of one core.
	ReadingsMax = 1 << 16
	// RequotesMax bounds the changes of tariff in a session: one for every day of a month.
	RequotesMax = 32
	// VerticesMax bounds the ledger vertices of one session: it opens, tops up, settles now and then, and closes.
	VerticesMax = 1024
)

// Errors of this package. A failed check is an *Error, which is ErrInvalid.
var (
	ErrInvalid  = errors.New("receipt: does not verify")
	ErrEvidence = errors.New("receipt: evidence is missing")
)

// Part names what a check is about.
type Part string

// Parts, in the order in which they are checked.
const (
	PartForm      Part = "form" // the JSON is not in the canonical form, or not a receipt
	PartGenesis   Part = "genesis"
	PartKeys      Part = "keys"    // that replaced those which DIDs name
	PartOpening   Part = "opening" // of the channel
	PartQuote     Part = "quote"   // and the tariff in it
	PartReadings  Part = "readings"
	PartClaims    Part = "claims"
	PartCost      Part = "cost"
	PartVertices  Part = "vertices" // of the ledger
	PartChannel   Part = "channel"  // the certified state of the channel
	PartSummary   Part = "summary"
	PartSignature Part = "signature" // of who issued the receipt
	// PartCredentials is what the reader demands that the station showed.
	PartCredentials Part = "credentials"
)

// Error says which part of a receipt does not verify, and why.
type Error struct {
	Part Part
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%v: %s: %v", ErrInvalid, e.Part, e.Err) }

// Unwrap gives ErrInvalid and the cause.
func (e *Error) Unwrap() []error { return []error{ErrInvalid, e.Err} }

// Receipt is what a session leaves behind. Evidence is what others signed, Summary follows from it, and Signature is
// the issuer's under wallet.DomainReceipt: it stands for what no other signature covers (the number of claims, and
// what the lanes were before).
type Receipt struct {
	Version   int               `json:"version"`
	Network   wallet.NetworkID  `json:"network"`
	Issuer    wallet.DID        `json:"issuer"`               // the station or the vehicle
	Key       *wallet.PublicKey `json:"issuer_key,omitempty"` // that signs, where it is not the one that Issuer names; proven in Evidence
	Summary   Summary           `json:"summary"`
	Evidence  Evidence          `json:"evidence"`
	Signature *wallet.Signature `json:"signature,omitempty"` // of the receipt without it
}

// Summary is the receipt in figures. Everything in it can be computed from the evidence.
type Summary struct {
	Session    string           `json:"session"` // id, hexadecimal
	Vehicle    wallet.DID       `json:"vehicle"`
	Station    wallet.DID       `json:"station"`
	Payout     wallet.DID       `json:"payout"` // the account that the station is paid to
	Service    string           `json:"service"`
	EVSE       string           `json:"evse"`
	Start      time.Time        `json:"start"` // of the first reading, session clock
	End        time.Time        `json:"end"`   // of the last
	Ended      bool             `json:"ended"` // the last reading says that the session is over
	Unit       string           `json:"unit"`  // mWh, s or count
	Quantity   int64            `json:"quantity,string"`
	EnergyWh   string           `json:"energy_wh,omitempty"` // decimal, where the unit is mWh
	Returned   int64            `json:"returned,string,omitempty"`
	ReturnedWh string           `json:"returned_wh,omitempty"` // decimal: what the vehicle gave back
	Tariff     string           `json:"tariff"`                // OCPI id; several in the order in which they priced
	Cost       json.RawMessage  `json:"cost"`                  // pricing.Cost: exact sums and lines
	Credit     json.RawMessage  `json:"credit,omitempty"`      // pricing.Cost of what was given back, where the quote pays for it
	Payable    money.Money      `json:"payable"`               // the cost less the credit, rounded once; below zero the station pays
	Paid       money.Money      `json:"paid"`                  // claimed by the vehicle less what came back
	Unpaid     money.Money      `json:"unpaid"`
	Claims     uint64           `json:"claims"` // signed in this session
	Channel    string           `json:"channel"`
	Vertices   int              `json:"ledger_vertices"`
	Settlement string           `json:"settlement,omitempty"` // vertex id: the ledger knows all claims from it on
	Final      bool             `json:"final"`                // witnesses certified a state of the channel that covers the claims
	Checkpoint *FinalCheckpoint `json:"checkpoint,omitempty"` // in which they did
}

// FinalCheckpoint names a certified checkpoint.
type FinalCheckpoint struct {
	Number uint64    `json:"number"`
	Hash   string    `json:"hash"`
	Time   time.Time `json:"time"` // ledger time
}

// Evidence is canonical bytes, base64 in JSON.
type Evidence struct {
	Genesis  []byte         `json:"genesis"`            // settle.Vertex: names the network and its witnesses
	Opening  []byte         `json:"opening"`            // channel.Opening
	Quote    []byte         `json:"quote"`              // quote.Signed, the tariff in it
	Requotes [][]byte       `json:"requotes,omitempty"` // quote.Signed that changed the tariff during the session, in order
	Readings [][]byte       `json:"readings"`           // meter.Signed, all of the session in order
	Before   [2]money.Money `json:"before"`             // both lanes before the session, as the issuer states them
	Claims   [][]byte       `json:"claims"`             // channel.Best of each lane on which anything was claimed, now or before, by lane
	Count    uint64         `json:"claim_count"`        // claims signed, as the issuer states it
	Vertices []Vertex       `json:"vertices"`           // of the ledger, in their order
	Keys     [][]byte       `json:"keys,omitempty"`     // proof.Slot of DIDs whose first key was replaced, when a signature is of another
	// Rotations are vertices that gave a DID a key which signed and was replaced again, with their proofs.
	Rotations []Vertex `json:"rotations,omitempty"`
	Channel   []byte   `json:"channel,omitempty"` // proof.Slot of the channel; absent until it is final
}

// Vertex is a vertex of the ledger with the proof of what the ledger decided.
type Vertex struct {
	Vertex []byte `json:"vertex"`          // settle.Vertex
	Proof  []byte `json:"proof,omitempty"` // proof.Vertex; absent until it is final
}

// Encode gives the canonical JSON: compact, fields in the order of the types.
func (r Receipt) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Parse reads a receipt in its canonical form; white space between values is free. It checks the form only.
func Parse(raw []byte) (Receipt, error) {
	r, err := parse(raw)
	if err != nil {
		return Receipt{}, &Error{PartForm, err}
	}
	return r, nil
}

var (
	errTooLarge  = fmt.Errorf("more than %d bytes", SizeMax)
	errCanonical = errors.New("not in canonical form")
	errTrailing  = errors.New("more than one JSON value")
	errVersion   = fmt.Errorf("not version %d", Version)
	errUnsigned  = errors.New("not signed")
)

func parse(raw []byte) (Receipt, error) {
	if len(raw) > SizeMax {
		return Receipt{}, errTooLarge
	}
	var r Receipt
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Receipt{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Receipt{}, errTrailing
	}
	if r.Version != Version {
		return Receipt{}, errVersion
	}
	again, err := r.Encode()
	if err != nil {
		return Receipt{}, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Receipt{}, err
	}
	if !bytes.Equal(compact.Bytes(), again) {
		return Receipt{}, errCanonical
	}
	return r, nil
}

// signer gives the key under which the receipt is signed.
func (r Receipt) signer() wallet.PublicKey {
	if r.Key != nil {
		return *r.Key
	}
	return r.Issuer.InceptionKey()
}

// body gives what the issuer signs.
func (r Receipt) body() ([]byte, error) {
	r.Signature = nil
	return r.Encode()
}

// New makes and signs a receipt with the issuer's key. The issuer is the station or the vehicle of the session. Evidence that does not hold
// together is refused with the *Error that Verify would give.
func New(e Evidence, issuer wallet.DID, key wallet.PrivateKey) (Receipt, error) {
	r := Receipt{Version: Version, Issuer: issuer, Evidence: e.nonNil()}
	if signer := key.Public(); signer != issuer.InceptionKey() {
		r.Key = &signer
	}
	d, err := examine(r.Evidence)
	if err != nil {
		return Receipt{}, err
	}
	r.Network = d.network.ID
	if r.Summary, err = d.summary(); err != nil {
		return Receipt{}, err
	}
	body, err := r.body()
	if err != nil {
		return Receipt{}, err
	}
	if err := d.checkIssuer(issuer, key.Public()); err != nil {
		return Receipt{}, &Error{PartSignature, err}
	}
	signature := key.Sign(wallet.DomainReceipt, r.Network, body)
	r.Signature = &signature
	return r, nil
}

// nonNil gives lists that encode as lists when they are empty.
func (e Evidence) nonNil() Evidence {
	if e.Claims == nil {
		e.Claims = [][]byte{}
	}
	if e.Vertices == nil {
		e.Vertices = []Vertex{}
	}
	if e.Readings == nil {
		e.Readings = [][]byte{}
	}
	return e
}

// before gives both lanes before the session.
func (e Evidence) before() channel.PerLane {
	return channel.PerLane{e.Before[0].Amount, e.Before[1].Amount}
}
