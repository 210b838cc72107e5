// Package ocmf owns signed meter records of the Open Charge Metering Format (OCMF 1.x of SAFE e.V., and its drafts since
// 0.1): it parses, verifies and signs them, checks that records make one whole transaction, and reads and writes the XML
// files of the transparency software.
// It leaves to others which key belongs to a meter (a public key travels out of band, and proves nothing by itself), what
// the energy costs (pricing), and how a record travels (meter/ocpp).
// It keeps its share of I9: what is verified are the bytes as received, never bytes that were marshalled again; every
// input is bounded, and what it refuses gives a typed error that does not repeat foreign text unescaped.
//
// Parse gives a Record, Record.Verify a Verified, and only of those does CheckTransaction make a Transaction:
//
//	OCMF|payload|signature  →  Record  →  Verified (begin … end)  →  Transaction, with the energy
//
// A register keeps its decimal text (Number). Signing is for the meters of simulations and of tests: the signed bytes are
// made here of a Payload, so that a meter key never signs bytes that somebody else chose (I8).
package ocmf

import "errors"

// Bounds on what is read, each with its reason.
const (
	// RecordSizeMax bounds a record, in bytes. Records of real meters have 0.4 to 3 KiB; one with a reading every
	// quarter of an hour has some 15 KiB a day.
	RecordSizeMax = 64 << 10
	// FileSizeMax bounds a file of records, in bytes: RecordsMax of the usual size.
	FileSizeMax = 4 << 20
	// RecordsMax bounds the records of a file, and so the signatures to verify: those of some days, one each quarter hour.
	RecordsMax = 1000
	// ReadingsMax bounds the readings of a record: more than ten days, one each quarter hour.
	ReadingsMax = 1000
	// NumberSizeMax bounds the text of a number, in bytes. Meters write up to twelve characters.
	NumberSizeMax = 32
	// exponentMax bounds the power of ten in a number, so that no short text makes a long integer.
	exponentMax = 20
	// textSizeMax bounds one text of a record, in bytes. The longest in the field has some 70; the tariff text may have 250 letters.
	textSizeMax = 1024
	// depthMax bounds the nesting of JSON: the standard uses three levels, and vendors may add some.
	depthMax = 16
	// flagsMax bounds the identification flags. The standard allows four.
	flagsMax = 16
	// signatureTextMax bounds the text of a signature: DER of the largest curve has 104 bytes, in hexadecimal 208.
	signatureTextMax = 512
	// keyTextMax bounds the text of a public key: a P-384 key has 120 bytes, base64 of hexadecimal 320.
	keyTextMax = 1024
)

// Verdicts on one record.
var (
	ErrFormat        = errors.New("ocmf: not a record of OCMF 1.x")
	ErrVersion       = errors.New("ocmf: unknown format version")
	ErrAlgorithm     = errors.New("ocmf: unknown signature algorithm")
	ErrNotDER        = errors.New("ocmf: the signature is not strict DER")
	ErrNoKey         = errors.New("ocmf: no public key")
	ErrKey           = errors.New("ocmf: not a public key")
	ErrCurveMismatch = errors.New("ocmf: the key is of another curve than the signature")
	ErrSignature     = errors.New("ocmf: the signature does not hold")
)

// Verdicts on a transaction, whose records each verify.
var (
	ErrBoundary       = errors.New("ocmf: not exactly one begin and one end")
	ErrMeter          = errors.New("ocmf: records of different meters")
	ErrPagination     = errors.New("ocmf: records are missing, repeated or added")
	ErrRegister       = errors.New("ocmf: the register cannot be billed")
	ErrTime           = errors.New("ocmf: the times do not fit together")
	ErrStatus         = errors.New("ocmf: the meter does not report itself as good")
	ErrErrorFlag      = errors.New("ocmf: the meter marks a reading as unusable")
	ErrEvents         = errors.New("ocmf: the meter counted an event")
	ErrIdentification = errors.New("ocmf: the assignment of the user failed")
	ErrLoss           = errors.New("ocmf: the loss compensation does not fit together")
)

// ErrSigning tells that a payload or key cannot be signed with.
var ErrSigning = errors.New("ocmf: cannot sign")

// Quirks are departures from the standard that real devices have, and that are accepted only on request.
type Quirks struct {
	LooseDER     bool // INTEGERs of a fixed length, taken as unsigned (eBZ LD3)
	RawSignature bool // r and s side by side in place of DER (Isabellenhütte)
	RawKey       bool // X and Y side by side in place of a SubjectPublicKeyInfo; base64 of the hexadecimal text
}

// AllQuirks accepts all that is known of real devices.
var AllQuirks = Quirks{LooseDER: true, RawSignature: true, RawKey: true}
