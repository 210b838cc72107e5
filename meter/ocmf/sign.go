package ocmf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// PrivateKey signs the records of one meter, on P-256, P-384 or secp256k1. The zero value is no key. It has no text form.
type PrivateKey struct {
	curve   Curve
	library *ecdsa.PrivateKey
	k1      *secp256k1.PrivateKey
}

// GeneratePrivateKey makes a key. It returns ErrSigning for a curve that only verifies.
func GeneratePrivateKey(curve Curve) (PrivateKey, error) {
	switch {
	case curves[curve].library != nil:
		key, err := ecdsa.GenerateKey(curves[curve].library, rand.Reader)
		if err != nil {
			return PrivateKey{}, fmt.Errorf("%w: generate a key: %w", ErrSigning, err)
		}
		return PrivateKey{curve: curve, library: key}, nil
	case curve == Secp256k1:
		key, err := secp256k1.GeneratePrivateKey()
		if err != nil {
			return PrivateKey{}, fmt.Errorf("%w: generate a key: %w", ErrSigning, err)
		}
		return PrivateKey{curve: curve, k1: key}, nil
	}
	return PrivateKey{}, fmt.Errorf("%w: on %s signatures are only verified", ErrSigning, curve)
}

// ParsePrivateKey reads the number that is the key, big-endian, as long as the order of the curve.
func ParsePrivateKey(curve Curve, scalar []byte) (PrivateKey, error) {
	switch {
	case curves[curve].library != nil:
		key, err := ecdsa.ParseRawPrivateKey(curves[curve].library, scalar)
		if err != nil {
			return PrivateKey{}, fmt.Errorf("%w: not a private key on %s", ErrSigning, curve)
		}
		return PrivateKey{curve: curve, library: key}, nil
	case curve == Secp256k1:
		var number secp256k1.ModNScalar
		if len(scalar) != curves[curve].size || number.SetByteSlice(scalar) || number.IsZero() {
			return PrivateKey{}, fmt.Errorf("%w: not a private key on %s", ErrSigning, curve)
		}
		return PrivateKey{curve: curve, k1: secp256k1.NewPrivateKey(&number)}, nil
	}
	return PrivateKey{}, fmt.Errorf("%w: on %s signatures are only verified", ErrSigning, curve)
}

// Scalar gives the number that ParsePrivateKey reads. It is secret.
func (k PrivateKey) Scalar() ([]byte, error) {
	if k.k1 != nil {
		return k.k1.Serialize(), nil
	}
	if k.library == nil {
		return nil, fmt.Errorf("%w: no key", ErrSigning)
	}
	return k.library.Bytes()
}

// Public gives the key that verifies; the zero value for no key.
func (k PrivateKey) Public() PublicKey {
	var point []byte
	switch {
	case k.k1 != nil:
		point = k.k1.PubKey().SerializeUncompressed()
	case k.library != nil:
		if bytes, err := k.library.PublicKey.Bytes(); err == nil {
			point = bytes
		}
	}
	if point == nil {
		return PublicKey{}
	}
	return PublicKey{curve: k.curve, point: string(point[1:])}
}

// LogValue keeps the key out of logs.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue("redacted") }

// Format keeps the key out of every text.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("redacted")) }

// sign makes a signature in strict DER. It needs no randomness (RFC 6979): signing a payload again gives the same record.
func (k PrivateKey) sign(signed string) ([]byte, error) {
	digest := sha256.Sum256([]byte(signed))
	if k.k1 != nil {
		return k1.Sign(k.k1, digest[:]).Serialize(), nil
	}
	if k.library == nil {
		return nil, fmt.Errorf("%w: no key", ErrSigning)
	}
	der, err := k.library.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigning, err)
	}
	return der, nil
}

// Sign makes a record of a payload. All fields are written, also those that a reader would inherit. What it made it reads
// again before it gives it out; it returns ErrSigning when the payload does not fit the format.
func Sign(p Payload, key PrivateKey) (Record, error) {
	signed, err := p.marshal()
	if err != nil {
		return Record{}, err
	}
	der, err := key.sign(signed)
	if err != nil {
		return Record{}, err
	}
	record, err := Parse(fmt.Appendf(nil, `%s|%s|{"SA":"%s","SD":"%s"}`, header, signed, key.curve.Algorithm(), hex.EncodeToString(der)))
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrSigning, err)
	}
	return record, nil
}

// written is a payload in the order of the standard's tables.
type written struct {
	FV string           `json:"FV,omitempty"`
	GI string           `json:"GI,omitempty"`
	GS string           `json:"GS,omitempty"`
	GV string           `json:"GV,omitempty"`
	PG string           `json:"PG"`
	MV string           `json:"MV,omitempty"`
	MM string           `json:"MM,omitempty"`
	MS string           `json:"MS,omitempty"`
	MF string           `json:"MF,omitempty"`
	IS bool             `json:"IS"`
	IL string           `json:"IL,omitempty"`
	IF []string         `json:"IF,omitempty"`
	IT string           `json:"IT"`
	ID string           `json:"ID,omitempty"`
	TT string           `json:"TT,omitempty"`
	CF string           `json:"CF,omitempty"`
	LC *writtenLoss     `json:"LC,omitempty"`
	CT string           `json:"CT,omitempty"`
	CI string           `json:"CI,omitempty"`
	RD []writtenReading `json:"RD"`
}

type writtenLoss struct {
	LN string       `json:"LN,omitempty"`
	LI *json.Number `json:"LI,omitempty"`
	LR *json.Number `json:"LR"`
	LU string       `json:"LU"`
}

type writtenReading struct {
	TM string       `json:"TM"`
	TX string       `json:"TX,omitempty"`
	RV *json.Number `json:"RV,omitempty"`
	RI string       `json:"RI,omitempty"`
	RU string       `json:"RU,omitempty"`
	RT string       `json:"RT,omitempty"`
	CL *json.Number `json:"CL,omitempty"`
	EF string       `json:"EF"`
	ST string       `json:"ST"`
	EI *json.Number `json:"EI,omitempty"`
}

// marshal writes the payload section. A pipe inside a text is escaped, since it would end the section.
func (p Payload) marshal() (string, error) {
	user := p.User
	if user.Type == "" {
		user.Type = "NONE"
	}
	w := written{
		FV: p.Version, GI: p.Gateway.Identification, GS: p.Gateway.Serial, GV: p.Gateway.Version, PG: p.Page.String(),
		MV: p.Meter.Vendor, MM: p.Meter.Model, MS: p.Meter.Serial, MF: p.Meter.Firmware,
		IS: user.Assigned, IL: user.Level, IF: user.Flags, IT: user.Type, ID: user.Data, TT: user.TariffText,
		CF: p.ControllerFirmware, CT: p.ChargePoint.Type, CI: p.ChargePoint.Identification,
	}
	if l := p.Loss; l != nil {
		w.LC = &writtenLoss{l.Name, l.Identification.json(), l.Resistance.json(), l.Unit}
	}
	for _, r := range p.Readings {
		w.RD = append(w.RD, writtenReading{
			TM: fmt.Sprintf("%s %c", r.Time.Format(timeLayout), r.Sync), TX: letter(byte(r.Event)), RV: r.Value.json(),
			RI: r.Register, RU: r.Unit, RT: r.Current, CL: r.Loss.json(), EF: r.ErrorFlags, ST: letter(byte(r.Status)), EI: r.Events.json(),
		})
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(w); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSigning, err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "|", `\u007c`), nil
}

func letter(b byte) string {
	if b == 0 {
		return ""
	}
	return string(rune(b))
}

func (n Number) json() *json.Number {
	if !n.Present() {
		return nil
	}
	number := json.Number(n.text)
	return &number
}
