package settle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Bounds of a genesis.
const (
	NetworkNameMax = 64
	IssuersMax     = 64  // those who hold the money outside the ledger: few by nature
	WitnessesMax   = 128 // a certificate carries a signature of each, 8 kB at most
)

// Genesis is the first vertex's payload: it makes a network, and the hash of its vertex names it.
type Genesis struct {
	Name      string // printable ASCII, at most NetworkNameMax bytes
	Currency  money.Currency
	Time      time.Time // first ledger time; whole milliseconds
	Issuers   []Issuer  // rising by DID
	Witnesses []Witness // rising by DID
	Limits    Limits
}

// Issuer may create money up to a cap: what it has issued less what it has redeemed.
type Issuer struct {
	DID wallet.DID
	Cap money.Amount
}

// Witness certifies checkpoints with a weight.
type Witness struct {
	DID    wallet.DID
	Key    wallet.PublicKey // signs votes; rotated only by a change of the witness set
	Weight uint32
}

// SortIssuers puts issuers into the order that a genesis demands.
func SortIssuers(issuers []Issuer) {
	slices.SortFunc(issuers, func(a, b Issuer) int { return bytes.Compare(a.DID[:], b.DID[:]) })
}

// SortWitnesses puts witnesses into the order that a genesis demands.
func SortWitnesses(witnesses []Witness) {
	slices.SortFunc(witnesses, func(a, b Witness) int { return bytes.Compare(a.DID[:], b.DID[:]) })
}

// Kind implements Payload.
func (*Genesis) Kind() Kind { return KindGenesis }

// Check implements Payload.
func (g *Genesis) Check() error {
	if err := checkName(g.Name); err != nil {
		return err
	}
	if _, err := money.ParseCurrency(g.Currency.String()); err != nil {
		return fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	if g.Time.UnixMilli() <= 0 || g.Time.Nanosecond()%int(time.Millisecond) != 0 {
		return fmt.Errorf("%w: time %s is not a whole millisecond after 1970", ErrGenesis, g.Time)
	}
	return firstError(g.checkIssuers(), g.checkWitnesses(), g.Limits.Check())
}

func checkName(name string) error {
	if name == "" || len(name) > NetworkNameMax {
		return fmt.Errorf("%w: name of %d bytes, want 1 to %d", ErrGenesis, len(name), NetworkNameMax)
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("%w: name is not printable ASCII", ErrGenesis)
		}
	}
	return nil
}

func (g *Genesis) checkIssuers() error {
	if len(g.Issuers) == 0 || len(g.Issuers) > IssuersMax {
		return fmt.Errorf("%w: %d issuers, want 1 to %d", ErrGenesis, len(g.Issuers), IssuersMax)
	}
	var total money.Amount
	for i, issuer := range g.Issuers {
		if i > 0 && bytes.Compare(g.Issuers[i-1].DID[:], issuer.DID[:]) >= 0 {
			return fmt.Errorf("%w: issuers do not rise by DID", ErrGenesis)
		}
		if err := checkKey(issuer.DID.InceptionKey()); err != nil {
			return err
		}
		if issuer.Cap <= 0 {
			return fmt.Errorf("%w: cap %s", ErrGenesis, issuer.Cap)
		}
		var err error
		if total, err = total.Add(issuer.Cap); err != nil {
			return fmt.Errorf("%w: caps together: %w", ErrGenesis, err)
		}
	}
	return nil
}

func (g *Genesis) checkWitnesses() error {
	if len(g.Witnesses) == 0 || len(g.Witnesses) > WitnessesMax {
		return fmt.Errorf("%w: %d witnesses, want 1 to %d", ErrGenesis, len(g.Witnesses), WitnessesMax)
	}
	keys := make(map[wallet.PublicKey]bool, len(g.Witnesses))
	for i, w := range g.Witnesses {
		if i > 0 && bytes.Compare(g.Witnesses[i-1].DID[:], w.DID[:]) >= 0 {
			return fmt.Errorf("%w: witnesses do not rise by DID", ErrGenesis)
		}
		if err := firstError(checkKey(w.DID.InceptionKey()), checkKey(w.Key)); err != nil {
			return err
		}
		if w.Weight == 0 || keys[w.Key] {
			return fmt.Errorf("%w: witness %s without weight or with another's key", ErrGenesis, w.DID)
		}
		keys[w.Key] = true
	}
	return nil
}

func checkKey(key wallet.PublicKey) error {
	if _, err := wallet.ParsePublicKey(key[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	return nil
}

func (g *Genesis) appendTo(b []byte) []byte {
	b = layout.AppendBytes(b, []byte(g.Name))
	b = append(b, g.Currency[:]...)
	b = layout.AppendUnixMilli(b, g.Time)
	b = append(b, byte(len(g.Issuers)))
	for _, i := range g.Issuers {
		b = append(b, i.DID[:]...)
		b = layout.AppendInt64(b, int64(i.Cap))
	}
	b = AppendWitnesses(b, g.Witnesses)
	return g.Limits.appendTo(b)
}

// AppendWitnesses appends the canonical layout of a witness set, of which the set's hash is taken.
func AppendWitnesses(b []byte, witnesses []Witness) []byte {
	b = append(b, byte(len(witnesses)))
	for _, w := range witnesses {
		b = append(b, w.DID[:]...)
		b = append(b, w.Key[:]...)
		b = binary.BigEndian.AppendUint32(b, w.Weight)
	}
	return b
}

func (g *Genesis) readFrom(r *layout.Reader) {
	g.Name = string(r.Bytes(NetworkNameMax))
	r.Fixed(g.Currency[:])
	g.Time = r.UnixMilli()
	for n := r.Uint8(); n > 0 && r.Err() == nil; n-- {
		var i Issuer
		r.Fixed(i.DID[:])
		i.Cap = money.Amount(r.Int64())
		g.Issuers = append(g.Issuers, i)
	}
	for n := r.Uint8(); n > 0 && r.Err() == nil; n-- {
		var w Witness
		r.Fixed(w.DID[:])
		r.Fixed(w.Key[:])
		w.Weight = r.Uint32()
		g.Witnesses = append(g.Witnesses, w)
	}
	g.Limits.readFrom(r)
}
