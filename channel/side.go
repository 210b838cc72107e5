package channel

import (
	"fmt"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Side is what one party knows of a channel, and the only way for it to sign or accept: every rule of I2 and I3
// is here. It holds no key and no clock. Methods that return an error leave it unchanged.
type Side struct {
	opening Opening
	id      ID
	me      Party
	peerKey *wallet.Verifier // nil before it is needed

	funds    Funds
	out      Best // the highest claim that I signed
	in       Best // the highest that I accepted
	sequence uint64
	withdraw uint32 // sequence of the last withdrawal that I signed
	frozen   bool   // I signed a close
	unsynced bool   // I continue from a copy, which may be old: see Copy
}

// NewSide begins a party's view of a channel in which only the opener's deposit is known to be final.
func NewSide(o Opening, me Party) (*Side, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if me > Partner {
		return nil, fmt.Errorf("%w: party %d", ErrTerms, me)
	}
	return &Side{opening: o, id: o.ID(), me: me, funds: Funds{Deposited: PerParty{Opener: o.Deposit}}}, nil
}

// peer gives the peer's key, ready to verify with: prepared when it is needed first, for who only looks at numbers needs none.
func (s *Side) peer() (*wallet.Verifier, error) {
	if s.peerKey == nil {
		key, err := wallet.NewVerifier(s.opening.Key(s.me.Other()))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTerms, err)
		}
		s.peerKey = key
	}
	return s.peerKey, nil
}

// verifyPeer verifies what the peer signed.
func (s *Side) verifyPeer(domain wallet.Domain, body []byte, signature wallet.Signature) error {
	key, err := s.peer()
	if err != nil {
		return err
	}
	return key.Verify(domain, s.opening.Network, body, signature)
}

// Snapshot is the durable content of a Side.
type Snapshot struct {
	Opening    Opening
	Me         Party
	Funds      Funds
	Out, In    Best
	Sequence   uint64
	Withdrawal uint32
	Frozen     bool
	Unsynced   bool // see Copy
}

// Snapshot gives what must be stored so that Restore continues without forgetting a signature (I4).
func (s *Side) Snapshot() Snapshot {
	return Snapshot{s.opening, s.me, s.funds, s.out, s.in, s.sequence, s.withdraw, s.frozen, s.unsynced}
}

// Restore rebuilds a Side from stored content. The keys of its opening were checked before it was stored; the one that is
// verified with is checked again then.
func Restore(snap Snapshot) (*Side, error) {
	if err := snap.Opening.checkNumbers(); err != nil {
		return nil, err
	}
	if snap.Me > Partner {
		return nil, fmt.Errorf("%w: party %d", ErrTerms, snap.Me)
	}
	s := &Side{opening: snap.Opening, id: snap.Opening.ID(), me: snap.Me}
	s.funds, s.out, s.in = snap.Funds, snap.Out, snap.In
	s.sequence, s.withdraw, s.frozen, s.unsynced = snap.Sequence, snap.Withdrawal, snap.Frozen, snap.Unsynced
	return s, nil
}

// Opening gives the channel's opening.
func (s *Side) Opening() Opening { return s.opening }

// ID gives the channel's id.
func (s *Side) ID() ID { return s.id }

// Me gives the party whose view this is.
func (s *Side) Me() Party { return s.me }

// Out gives the highest claim that this party signed.
func (s *Side) Out() Best { return s.out }

// In gives the highest claim that this party accepted.
func (s *Side) In() Best { return s.in }

// Funds gives what this party knows the ledger to hold.
func (s *Side) Funds() Funds { return s.funds }

// Frozen tells whether this party signed a close.
func (s *Side) Frozen() bool { return s.frozen }

// Lanes gives both lanes' amounts as this party knows them.
func (s *Side) Lanes() PerLane {
	var lanes PerLane
	lanes[s.me.Pays()] = s.out.Owed()
	lanes[s.me.Other().Pays()] = s.in.Owed()
	return lanes
}

// Deposited records final deposits as the ledger certifies them. They only rise.
func (s *Side) Deposited(totals PerParty) {
	for p := range totals {
		s.funds.Deposited[p] = max(s.funds.Deposited[p], totals[p])
	}
}

// Spendable gives how much more this party may sign: d_X − (out − inReceived).
func (s *Side) Spendable() money.Amount { return Due(s.funds, s.Lanes(), s.me) }

// Coverage gives up to which total the peer's lane is covered: d_peer + outSigned.
func (s *Side) Coverage() money.Amount {
	total, err := s.funds.Net(s.me.Other()).Add(s.out.Owed())
	if err != nil {
		return money.Amount(1<<63 - 1)
	}
	return total
}

// Draft is the part of a claim that its payer chooses; Side fills in channel, lane and sequence.
type Draft struct {
	Amount   money.Amount // cumulative
	Quantity int64
	Unit     uint8
	Reading  Hash
	Quote    Hash
	Session  SessionID
}

// Pay signs a claim for a higher total. It refuses with ErrUncovered what the deposit does not cover, with ErrBelowBest
// what is below the last claim, and with ErrFrozen anything after a close was signed. The new claim must be durable
// before it leaves the machine (I4).
func (s *Side) Pay(d Draft, key wallet.PrivateKey) (SignedClaim, error) {
	if err := s.maySign(); err != nil {
		return SignedClaim{}, err
	}
	if d.Amount < s.out.Owed() {
		return SignedClaim{}, fmt.Errorf("%w: %s after %s", ErrBelowBest, d.Amount, s.out.Owed())
	}
	if more := d.Amount - s.out.Owed(); more > s.Spendable() && more > 0 {
		return SignedClaim{}, fmt.Errorf("%w: %s more, %s left", ErrUncovered, more, s.Spendable())
	}
	claim := Claim{
		Channel: s.id, Lane: s.me.Pays(), Sequence: s.sequence + 1, Amount: d.Amount,
		Quantity: d.Quantity, Unit: d.Unit, Reading: d.Reading, Quote: d.Quote, Session: d.Session,
	}
	signed := SignClaim(claim, s.opening.Network, key)
	s.sequence++
	s.out = Join(s.out, Best{Signed: signed})
	return signed, nil
}

// Accept takes a claim from the peer. A claim at or below the best is a no-op (false, nil), as is a repetition; one
// that the deposit does not cover is refused with ErrUncovered. True means that the best rose: store, then acknowledge.
func (s *Side) Accept(b Best) (bool, error) {
	c := b.Signed.Claim
	if c.Channel != s.id {
		return false, fmt.Errorf("%w: %s", ErrWrongChannel, c.Channel)
	}
	if c.Lane != s.me.Other().Pays() {
		return false, fmt.Errorf("%w: lane %d", ErrWrongLane, c.Lane)
	}
	if err := c.Check(); err != nil {
		return false, err
	}
	if !b.Above(s.in) {
		return false, nil
	}
	if s.frozen {
		return false, ErrFrozen
	}
	if b.Owed() > s.Coverage() {
		return false, fmt.Errorf("%w: %s in total, covered up to %s", ErrUncovered, b.Owed(), s.Coverage())
	}
	key, err := s.peer()
	if err != nil {
		return false, err
	}
	if err := b.Verify(s.opening.Network, key); err != nil {
		return false, err
	}
	s.in = b
	return true, nil
}

// Adopt takes over the peer's report of what this party itself signed: after a restore from an old copy, its own
// signature is the only thing to believe. A lower one is a no-op. One that a continuation from a copy signed, beside this side,
// is taken over, and this side signs nothing more: the other one does.
func (s *Side) Adopt(b Best) (bool, error) {
	c := b.Signed.Claim
	if c.Channel != s.id || c.Lane != s.me.Pays() {
		return false, ErrWrongChannel
	}
	if !b.Above(s.out) {
		return false, nil
	}
	own, err := wallet.NewVerifier(s.opening.Key(s.me))
	if err != nil {
		return false, err
	}
	if err := b.Verify(s.opening.Network, own); err != nil {
		return false, err
	}
	if s.continuedElsewhere(c.Sequence) {
		s.frozen = true
	}
	s.out, s.sequence = b, max(s.sequence, c.Sequence)
	return true, nil
}

// ProposeWithdrawal drafts the next withdrawal of this party's own money and signs it; from here on it counts.
// More than it is due, at the claims that both know, is refused with ErrNotOwed.
func (s *Side) ProposeWithdrawal(amount money.Amount, key wallet.PrivateKey) (SignedWithdrawal, error) {
	if err := s.maySign(); err != nil {
		return SignedWithdrawal{}, err
	}
	if amount <= 0 || amount > s.available(s.me) {
		return SignedWithdrawal{}, fmt.Errorf("%w: %s of %s", ErrNotOwed, amount, s.available(s.me))
	}
	w := Withdrawal{Channel: s.id, Sequence: s.withdraw + 1, Totals: s.funds.Withdrawn, Lanes: s.Lanes()}
	total, err := w.Totals[s.me].Add(amount)
	if err != nil {
		return SignedWithdrawal{}, err
	}
	w.Totals[s.me] = total
	return s.signWithdrawal(SignedWithdrawal{Withdrawal: w}, key), nil
}

// CountersignWithdrawal agrees to the peer's withdrawal of the peer's own money. Asked again for the one that it
// signed last, it signs again.
func (s *Side) CountersignWithdrawal(proposed SignedWithdrawal, key wallet.PrivateKey) (SignedWithdrawal, error) {
	w, peer := proposed.Withdrawal, s.me.Other()
	if w.Channel != s.id {
		return SignedWithdrawal{}, ErrWrongChannel
	}
	if s.unsynced {
		return SignedWithdrawal{}, ErrUnsynced
	}
	if err := w.Check(); err != nil {
		return SignedWithdrawal{}, err
	}
	if err := s.verifyPeer(wallet.DomainWithdrawal, w.Encode(), proposed.Signatures[peer]); err != nil {
		return SignedWithdrawal{}, err
	}
	if w.Lanes[s.me.Pays()] > s.out.Owed() { // also when asked again: the ledger takes the lanes of any that both signed
		return SignedWithdrawal{}, fmt.Errorf("%w: lane %d at %s", ErrAboveBest, s.me.Pays(), w.Lanes[s.me.Pays()])
	}
	if w.Sequence == s.withdraw && w.Totals == s.funds.Withdrawn {
		return s.signWithdrawal(proposed, key), nil
	}
	if s.frozen {
		return SignedWithdrawal{}, ErrFrozen
	}
	if w.Sequence != s.withdraw+1 || w.Totals[s.me] != s.funds.Withdrawn[s.me] {
		return SignedWithdrawal{}, fmt.Errorf("%w: sequence %d after %d", ErrOrder, w.Sequence, s.withdraw)
	}
	if more := w.Totals[peer] - s.funds.Withdrawn[peer]; more <= 0 || more > s.available(peer) {
		return SignedWithdrawal{}, fmt.Errorf("%w: %s of %s", ErrNotOwed, more, s.available(peer))
	}
	return s.signWithdrawal(proposed, key), nil
}

// available gives what a party could take out now: its due at the known claims, at most what is locked.
func (s *Side) available(p Party) money.Amount {
	locked, err := s.funds.Locked()
	if err != nil {
		return 0
	}
	return min(Due(s.funds, s.Lanes(), p), locked)
}

func (s *Side) signWithdrawal(w SignedWithdrawal, key wallet.PrivateKey) SignedWithdrawal {
	w.Signatures[s.me] = key.Sign(wallet.DomainWithdrawal, s.opening.Network, w.Withdrawal.Encode())
	s.withdraw, s.funds.Withdrawn = w.Withdrawal.Sequence, w.Withdrawal.Totals
	return w
}

// ProposeClose names both lanes as this party knows them and signs. From here on it signs and accepts nothing more.
// A copy that is not synced does not know them: ErrUnsynced.
func (s *Side) ProposeClose(notAfter time.Time, key wallet.PrivateKey) (SignedClose, error) {
	if s.unsynced {
		return SignedClose{}, ErrUnsynced
	}
	c := SignedClose{Close: Close{Channel: s.id, Lanes: s.Lanes(), NotAfter: notAfter.Truncate(time.Second).UTC()}}
	return s.signClose(c, key), nil
}

// CountersignClose agrees to a close that names at least what this party is owed, and no more than it signed.
func (s *Side) CountersignClose(proposed SignedClose, key wallet.PrivateKey) (SignedClose, error) {
	c, peer := proposed.Close, s.me.Other()
	if c.Channel != s.id {
		return SignedClose{}, ErrWrongChannel
	}
	if s.unsynced {
		return SignedClose{}, ErrUnsynced
	}
	if err := c.Check(); err != nil {
		return SignedClose{}, err
	}
	if err := s.verifyPeer(wallet.DomainClose, c.Encode(), proposed.Signatures[peer]); err != nil {
		return SignedClose{}, err
	}
	if c.Lanes[peer.Pays()] < s.in.Owed() {
		return SignedClose{}, fmt.Errorf("%w: lane %d at %s, accepted %s", ErrBelowBest, peer.Pays(), c.Lanes[peer.Pays()], s.in.Owed())
	}
	if c.Lanes[s.me.Pays()] > s.out.Owed() {
		return SignedClose{}, fmt.Errorf("%w: lane %d at %s, signed %s", ErrAboveBest, s.me.Pays(), c.Lanes[s.me.Pays()], s.out.Owed())
	}
	return s.signClose(proposed, key), nil
}

// maySign refuses what would add to what this party signed.
func (s *Side) maySign() error {
	if s.unsynced {
		return ErrUnsynced
	}
	if s.frozen {
		return ErrFrozen
	}
	return nil
}

func (s *Side) signClose(c SignedClose, key wallet.PrivateKey) SignedClose {
	c.Signatures[s.me] = key.Sign(wallet.DomainClose, s.opening.Network, c.Close.Encode())
	s.frozen = true
	return c
}

// RequestClose signs a request to close alone. It freezes this side too: what it signs or accepts later could miss
// the window. It names no amounts, so that also a copy may sign it that is not synced.
func (s *Side) RequestClose(key wallet.PrivateKey) SignedCloseRequest {
	r := CloseRequest{Channel: s.id, By: s.me}
	s.frozen = true
	return SignedCloseRequest{Request: r, Signature: key.Sign(wallet.DomainCloseRequest, s.opening.Network, r.Encode())}
}
