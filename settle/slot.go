package settle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// SlotKind says what a slot of the state holds.
type SlotKind uint8

// Slot kinds. A number is never reused: it is part of the state root.
const (
	SlotTotals  SlotKind = 1 // one, the first
	SlotIssuer  SlotKind = 2 // one a genesis issuer
	SlotAccount SlotKind = 3
	SlotChannel SlotKind = 4
	SlotMint    SlotKind = 5 // one a reference under which was issued
	SlotDID     SlotKind = 6 // of a DID that is registered
)

// SlotKey names a slot. The state root commits to keys together with contents.
type SlotKey struct {
	Kind SlotKind
	ID   [32]byte
}

// String gives the kind's number and the id in hexadecimal.
func (k SlotKey) String() string { return fmt.Sprintf("%d/%s", k.Kind, hex.EncodeToString(k.ID[:])) }

// TotalsKey names the slot of Totals.
func TotalsKey() SlotKey { return SlotKey{Kind: SlotTotals} }

// IssuerKey names the slot of a genesis issuer.
func IssuerKey(d wallet.DID) SlotKey { return SlotKey{SlotIssuer, d} }

// AccountKey names the slot of an account.
func AccountKey(d wallet.DID) SlotKey { return SlotKey{SlotAccount, d} }

// DIDKey names the slot of a DID's Identity.
func DIDKey(d wallet.DID) SlotKey { return SlotKey{SlotDID, d} }

// ChannelKey names the slot of a channel.
func ChannelKey(id channel.ID) SlotKey { return SlotKey{SlotChannel, id} }

// MintKey names the slot of what an issuer issued under a reference.
func MintKey(issuer wallet.DID, r Reference) SlotKey {
	h := sha256.New()
	h.Write([]byte("joulepay/mint\x00"))
	h.Write(issuer[:])
	h.Write(r[:])
	return SlotKey{SlotMint, [32]byte(h.Sum(nil))}
}

const slotVersion = 1

// SlotSizeMax bounds the encoded content of a slot in bytes.
const SlotSizeMax = 1024

// Totals is the ledger's account of itself: by I1, Issued − Redeemed is Locked plus all balances.
type Totals struct {
	Issued   money.Amount
	Redeemed money.Amount
	Locked   money.Amount // in channels
}

// Encode gives the canonical bytes.
func (t Totals) Encode() []byte {
	return appendAmounts([]byte{slotVersion}, t.Issued, t.Redeemed, t.Locked)
}

// DecodeTotals reads what Encode gives.
func DecodeTotals(raw []byte) (Totals, error) {
	var t Totals
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	readAmounts(r, &t.Issued, &t.Redeemed, &t.Locked)
	return t, closeSlot(r, "totals")
}

// IssuerSlot is what one issuer issued and redeemed.
type IssuerSlot struct {
	Issued   money.Amount
	Redeemed money.Amount
}

// Encode gives the canonical bytes.
func (s IssuerSlot) Encode() []byte { return appendAmounts([]byte{slotVersion}, s.Issued, s.Redeemed) }

// DecodeIssuerSlot reads what Encode gives.
func DecodeIssuerSlot(raw []byte) (IssuerSlot, error) {
	var s IssuerSlot
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	readAmounts(r, &s.Issued, &s.Redeemed)
	return s, closeSlot(r, "issuer")
}

// Mint is what was issued under one reference.
type Mint struct {
	To     wallet.DID
	Amount money.Amount
}

// Encode gives the canonical bytes.
func (m Mint) Encode() []byte {
	return appendAmounts(append([]byte{slotVersion}, m.To[:]...), m.Amount)
}

// DecodeMint reads what Encode gives.
func DecodeMint(raw []byte) (Mint, error) {
	var m Mint
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	r.Fixed(m.To[:])
	readAmounts(r, &m.Amount)
	return m, closeSlot(r, "mint")
}

// AccountStatus says whether an account may act.
type AccountStatus uint8

// Account statuses.
const (
	AccountActive      AccountStatus = 1
	AccountDeactivated AccountStatus = 2 // its DID was: it receives, and signs no vertex any more
)

// Account is the slot of a DID. Its first credit makes it, or the opening of a channel that pays out to it. It stays when
// it is emptied, because its used sequence numbers must stay used.
type Account struct {
	Key      wallet.PublicKey // current; the inception key until rotated
	Status   AccountStatus
	Balance  money.Amount
	Locked   money.Amount // in channels: its part of what they hold, by Channel.Shares
	Sequence uint64       // of the last spend; the next one is one higher
	Credit   Credit       // zero in a network without
}

// NewAccount gives the slot of a DID before anything happened to it.
func NewAccount(d wallet.DID) Account { return Account{Key: d.InceptionKey(), Status: AccountActive} }

// Closed tells whether the account was emptied whole. The next payment that meets the lock revives it.
func (a Account) Closed() bool { return a.Balance == 0 && a.Locked == 0 }

// Wealth is what earns the account credit.
func (a Account) Wealth() money.Amount { return a.Balance + a.Locked }

// Encode gives the canonical bytes.
func (a Account) Encode() []byte {
	b := make([]byte, 0, 1+wallet.PublicKeySize+1+6*8)
	b = append(b, slotVersion)
	b = append(b, a.Key[:]...)
	b = append(b, byte(a.Status))
	b = appendAmounts(b, a.Balance, a.Locked)
	b = binary.BigEndian.AppendUint64(b, a.Sequence)
	return a.Credit.appendTo(b)
}

// DecodeAccount reads what Encode gives.
func DecodeAccount(raw []byte) (Account, error) {
	var a Account
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	r.Fixed(a.Key[:])
	a.Status = AccountStatus(r.Uint8())
	readAmounts(r, &a.Balance, &a.Locked)
	a.Sequence = r.Uint64()
	a.Credit.readFrom(r)
	return a, closeSlot(r, "account")
}

func closeSlot(r *layout.Reader, what string) error {
	if err := r.Close(); err != nil {
		return fmt.Errorf("%w: %s slot: %w", ErrEncoding, what, err)
	}
	return nil
}

func appendAmounts(b []byte, amounts ...money.Amount) []byte {
	for _, a := range amounts {
		b = layout.AppendInt64(b, int64(a))
	}
	return b
}

func readAmounts(r *layout.Reader, amounts ...*money.Amount) {
	for _, a := range amounts {
		*a = money.Amount(r.Int64())
	}
}
