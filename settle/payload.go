package settle

import (
	"fmt"

	"joulepay/internal/layout"
)

// Kind says what a payload does.
type Kind uint8

// Kinds. A number is never reused: it is part of the signed bytes.
const (
	KindGenesis  Kind = 1
	KindTransfer Kind = 2
	KindIssue    Kind = 3
	KindRedeem   Kind = 4
	KindAnchor   Kind = 5

	KindOpen             Kind = 16
	KindTopUp            Kind = 17
	KindSettle           Kind = 18
	KindWithdraw         Kind = 19
	KindCooperativeClose Kind = 20
	KindCloseRequest     Kind = 21
	KindFinalise         Kind = 22

	KindRegister   Kind = 32 // a DID's first document
	KindUpdate     Kind = 33 // its next
	KindRotate     Kind = 34
	KindDeactivate Kind = 35

	// Reserved, and refused until they are built: 23 a withdrawal requested by one side; 36 to 39 status lists; 48 to
	// 55 a change of the witness set.
)

var kindNames = map[Kind]string{
	KindGenesis: "genesis", KindTransfer: "transfer", KindIssue: "issue", KindRedeem: "redeem", KindAnchor: "anchor",
	KindOpen: "open", KindTopUp: "top-up", KindSettle: "settle", KindWithdraw: "withdraw",
	KindCooperativeClose: "cooperative-close", KindCloseRequest: "close-request", KindFinalise: "finalise",
	KindRegister: "register", KindUpdate: "update", KindRotate: "rotate", KindDeactivate: "deactivate",
}

// String gives the kind's name, as the API writes it.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// ParseKind reads what String gives for a known kind.
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w: no payload kind %q", ErrEncoding, name)
}

// PayloadSizeMax bounds a payload in bytes. The largest is a settlement of SettleClaimsMax claims, about 18 kB.
const PayloadSizeMax = 20 << 10

const payloadVersion = 1

// Payload is what a vertex asks the ledger to do. The types of this package are the only ones.
type Payload interface {
	// Kind says which of them it is.
	Kind() Kind
	// Check returns a typed error when the payload can never be valid, whatever the state.
	Check() error

	appendTo(b []byte) []byte
	readFrom(r *layout.Reader)
}

// Spend is a payload that carries its issuer's next sequence number: one that moves the issuer's money.
type Spend interface {
	Payload
	// SpendSequence gives the number: one for an account's first spend, one higher each time.
	SpendSequence() uint64
}

// EncodePayload gives the canonical bytes: kind (1), version (1), body.
func EncodePayload(p Payload) []byte {
	return p.appendTo([]byte{byte(p.Kind()), payloadVersion})
}

// DecodePayload reads canonical bytes and checks the payload. What it accepts, EncodePayload gives back.
func DecodePayload(raw []byte) (Payload, error) {
	if len(raw) > PayloadSizeMax {
		return nil, fmt.Errorf("%w: payload of %d bytes, at most %d", ErrEncoding, len(raw), PayloadSizeMax)
	}
	r := layout.NewReader(raw)
	kind := Kind(r.Uint8())
	p, err := newPayload(kind)
	if err != nil {
		return nil, err
	}
	r.Version(payloadVersion)
	p.readFrom(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: %s payload: %w", ErrEncoding, p.Kind(), err)
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Kind() != kind {
		return nil, fmt.Errorf("%w: a %s payload written as %s", ErrEncoding, p.Kind(), kind)
	}
	return p, nil
}

func newPayload(k Kind) (Payload, error) {
	switch k {
	case KindGenesis:
		return &Genesis{}, nil
	case KindTransfer:
		return &Transfer{}, nil
	case KindIssue:
		return &Issue{}, nil
	case KindRedeem:
		return &Redeem{}, nil
	case KindAnchor:
		return &Anchor{}, nil
	case KindOpen:
		return &Open{}, nil
	case KindTopUp:
		return &TopUp{}, nil
	case KindSettle:
		return &Settle{}, nil
	case KindWithdraw:
		return &Withdraw{}, nil
	case KindCooperativeClose:
		return &CooperativeClose{}, nil
	case KindCloseRequest:
		return &CloseRequest{}, nil
	case KindFinalise:
		return &Finalise{}, nil
	case KindRegister, KindUpdate:
		return &Publish{}, nil
	case KindRotate:
		return &Rotate{}, nil
	case KindDeactivate:
		return &Deactivate{}, nil
	}
	return nil, fmt.Errorf("%w: unknown payload kind %d", ErrEncoding, uint8(k))
}
