package credential

import (
	"fmt"
	"regexp"
	"strings"

	"joulepay/wallet"
)

// Kind says what a credential is about, and so who may be trusted to issue it.
type Kind string

// Kinds. Of KindCustom is every credential whose type is none of the others.
const (
	KindCalibration Kind = "calibration"
	KindDelegation  Kind = "delegation"
	KindContract    Kind = "contract"
	KindStatusList  Kind = "status-list"
	KindCustom      Kind = "custom"
)

// typeOf gives the JSON-LD type of each kind. BitstringStatusListCredential is the W3C's; the others are ours.
var typeOf = map[Kind]string{
	KindCalibration: "MeterCalibrationCredential",
	KindDelegation:  "OperatorDelegationCredential",
	KindContract:    "VehicleContractCredential",
	KindStatusList:  "BitstringStatusListCredential",
}

// CustomType is the type of a custom claim that names none.
const CustomType = "VerifiedClaim"

// Claims are what a credential says about its subject: Calibration, Delegation, Contract, StatusList or Custom.
type Claims interface {
	// Kind tells which of them.
	Kind() Kind
	// members gives the subject's members, without its id.
	members() (object, error)
}

// Calibration says that a meter was examined and may be billed from, as long as the credential is valid. Its subject is
// the station that the meter is built into.
type Calibration struct {
	MeterKey        wallet.PublicKey // verifies the readings of a session
	EvidenceKey     string           // of OCMF records, where they have another key: DER SubjectPublicKeyInfo in base64; may be empty
	MeterSerial     string
	TypeExamination string // number of the certificate, such as "DE-22-M-PTB-0047"
}

// Delegation says that a station sells for the issuer, an operator, and which account is paid. Its subject is the
// station.
type Delegation struct {
	PayoutAccount wallet.DID
	Operator      string // name, for people; may be empty
}

// Contract says that a vehicle has a contract with the issuer. Its subject is the vehicle.
type Contract struct {
	ContractID string // letters, digits, - and *: often an eMAID (ISO 15118-1, annex H)
}

// StatusList is the list of a BitstringStatusListCredential. Its subject is the list.
type StatusList struct {
	Purpose     Purpose
	EncodedList string // multibase, gzip: see credential/status
}

// Custom is any claim: a JSON object about the subject, without id. Numbers are json.Number.
type Custom struct {
	Type    string // JSON-LD type; CustomType when empty
	Members map[string]any
}

// Kind implements Claims.
func (Calibration) Kind() Kind { return KindCalibration }

// Kind implements Claims.
func (Delegation) Kind() Kind { return KindDelegation }

// Kind implements Claims.
func (Contract) Kind() Kind { return KindContract }

// Kind implements Claims.
func (StatusList) Kind() Kind { return KindStatusList }

// Kind implements Claims.
func (Custom) Kind() Kind { return KindCustom }

const shortMax = 64 // characters of a serial number, a certificate, a contract

// Forms of texts. The order of alternatives matters nowhere: all are anchored.
var (
	serialForm   = regexp.MustCompile(`^[!-~]([ -~]{0,62}[!-~])?$`) // printable ASCII, no blank at its ends
	contractForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9*-]{0,62}[A-Za-z0-9])?$`)
	emaidForm    = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}[A-Z0-9]?$`)
	base64Form   = regexp.MustCompile(`^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`)
	typeForm     = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,63}$`)
)

func (c Calibration) members() (object, error) {
	if _, err := wallet.ParsePublicKey(c.MeterKey[:]); err != nil {
		return nil, fmt.Errorf("%w: meterKey: %w", ErrClaims, err)
	}
	switch {
	case !serialForm.MatchString(c.MeterSerial):
		return nil, fmt.Errorf("%w: meterSerial %q: want 1 to %d printable characters", ErrClaims, clip(c.MeterSerial), shortMax)
	case !serialForm.MatchString(c.TypeExamination):
		return nil, fmt.Errorf("%w: typeExamination %q: want 1 to %d printable characters", ErrClaims, clip(c.TypeExamination), shortMax)
	case len(c.EvidenceKey) > textMax || !base64Form.MatchString(c.EvidenceKey):
		return nil, fmt.Errorf("%w: evidenceKey: want base64 of a public key", ErrClaims)
	}
	m := object{"meterKey": multibase(c.MeterKey), "meterSerial": c.MeterSerial, "typeExamination": c.TypeExamination}
	if c.EvidenceKey != "" {
		m["evidenceKey"] = c.EvidenceKey
	}
	return m, nil
}

func (d Delegation) members() (object, error) {
	if d.PayoutAccount.IsZero() {
		return nil, fmt.Errorf("%w: payoutAccount is missing", ErrClaims)
	}
	m := object{"payoutAccount": d.PayoutAccount.String()}
	if d.Operator != "" {
		if !isName(d.Operator) {
			return nil, fmt.Errorf("%w: operator %q: want at most %d characters", ErrClaims, clip(d.Operator), shortMax)
		}
		m["operator"] = d.Operator
	}
	return m, nil
}

func (c Contract) members() (object, error) {
	if !contractForm.MatchString(c.ContractID) {
		return nil, fmt.Errorf("%w: contractId %q: want 1 to %d letters, digits, - or *", ErrClaims, clip(c.ContractID), shortMax)
	}
	return object{"contractId": c.ContractID}, nil
}

// EMAID gives the contract id as an eMAID without separators, when it has that form. Its check digit is not verified.
func (c Contract) EMAID() (string, bool) {
	text := strings.ToUpper(strings.ReplaceAll(c.ContractID, "-", ""))
	return text, emaidForm.MatchString(text)
}

func (s StatusList) members() (object, error) {
	if !s.Purpose.valid() {
		return nil, fmt.Errorf("%w: statusPurpose %q", ErrClaims, clip(string(s.Purpose)))
	}
	if !strings.HasPrefix(s.EncodedList, "u") {
		return nil, fmt.Errorf("%w: encodedList is not multibase base64url", ErrClaims)
	}
	return object{"type": "BitstringStatusList", "statusPurpose": string(s.Purpose), "encodedList": s.EncodedList}, nil
}

func (c Custom) members() (object, error) {
	if _, found := c.Members["id"]; found {
		return nil, fmt.Errorf("%w: id is the subject itself", ErrClaims)
	}
	return c.Members, nil
}

// typeName gives the second JSON-LD type of a credential of these claims.
func typeName(c Claims) (string, error) {
	custom, ok := c.(Custom)
	if !ok {
		return typeOf[c.Kind()], nil
	}
	if custom.Type == "" {
		return CustomType, nil
	}
	if kindOf(custom.Type) != KindCustom || custom.Type == typeCredential || !typeForm.MatchString(custom.Type) {
		return "", fmt.Errorf("%w: %q for a custom claim", ErrType, clip(custom.Type))
	}
	return custom.Type, nil
}

// kindOf gives the kind that a JSON-LD type stands for.
func kindOf(name string) Kind {
	for kind, typ := range typeOf {
		if typ == name {
			return kind
		}
	}
	return KindCustom
}

// ParseMembers reads one JSON object as strictly as a credential is read, for ClaimsOf.
func ParseMembers(raw []byte) (map[string]any, error) {
	if len(raw) > SizeMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(raw), SizeMax)
	}
	return parseObject(raw)
}

// ClaimsOf reads claims of a kind from the members of a subject, such as a person typed them. It is strict about the
// members that it knows; the others of a typed kind are ignored, as VCDM 2.0 demands.
func ClaimsOf(kind Kind, members map[string]any) (Claims, error) {
	subject := object(members)
	var claims Claims
	var err error
	switch kind {
	case KindCalibration:
		claims, err = calibrationOf(subject)
	case KindDelegation:
		claims, err = delegationOf(subject)
	case KindContract:
		var c Contract
		c.ContractID, err = subject.text("contractId")
		claims = c
	case KindStatusList:
		claims, err = statusListOf(subject)
	case KindCustom:
		claims = Custom{Members: subject.without("id")}
	default:
		return nil, fmt.Errorf("%w: no kind %q", ErrType, clip(string(kind)))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClaims, err)
	}
	if _, err := claims.members(); err != nil {
		return nil, err
	}
	return claims, nil
}

func calibrationOf(subject object) (c Calibration, err error) {
	key, err := subject.text("meterKey")
	if err != nil {
		return c, err
	}
	if c.MeterKey, err = parseMultibase(key); err != nil {
		return c, fmt.Errorf("meterKey: %w", err)
	}
	if c.MeterSerial, err = subject.text("meterSerial"); err != nil {
		return c, err
	}
	if c.TypeExamination, err = subject.text("typeExamination"); err != nil {
		return c, err
	}
	c.EvidenceKey, err = subject.optionalText("evidenceKey")
	return c, err
}

func delegationOf(subject object) (d Delegation, err error) {
	account, err := subject.text("payoutAccount")
	if err != nil {
		return d, err
	}
	if d.PayoutAccount, err = wallet.ParseDID(account); err != nil {
		return d, fmt.Errorf("payoutAccount: %w", err)
	}
	d.Operator, err = subject.optionalText("operator")
	return d, err
}

func statusListOf(subject object) (s StatusList, err error) {
	if typ, err := subject.text("type"); err != nil || typ != "BitstringStatusList" {
		return s, fmt.Errorf("type %q: want BitstringStatusList", clip(typ))
	}
	purpose, err := subject.text("statusPurpose")
	if err != nil {
		return s, err
	}
	s.Purpose = Purpose(purpose)
	if size, found := subject["statusSize"]; found && fmt.Sprint(size) != "1" {
		return s, fmt.Errorf("statusSize: only single bits are known")
	}
	encoded, ok := subject["encodedList"].(string)
	if !ok {
		return s, fmt.Errorf("encodedList: want text")
	}
	s.EncodedList = encoded
	return s, nil
}
