package ocmf

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/internal/shared"
)

type vector struct {
	File      string `json:"file"`
	PublicKey string `json:"public_key"`
	Expect    string `json:"expect"`
}

// sharedFile gives a file of the public records.
func sharedFile(t testing.TB, path string) []byte {
	t.Helper()
	return shared.Read(t, "vectors/ocmf/"+path)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var index struct {
		Records []vector `json:"records"`
	}
	if err := json.Unmarshal(sharedFile(t, "index.json"), &index); err != nil {
		t.Fatal(err)
	}
	return index.Records
}

func verifyVector(raw []byte, key string, quirks Quirks) (Verified, error) {
	record, err := Parse(raw)
	if err != nil {
		return Verified{}, err
	}
	public, err := DecodePublicKey(key, quirks, record.Curve())
	if err != nil {
		return Verified{}, err
	}
	return record.Verify(public, quirks)
}

func TestEveryRecordOfTheFieldHasItsStatedOutcome(t *testing.T) {
	all := vectors(t)
	if len(all) != 99 {
		t.Errorf("%d records, want 99", len(all))
	}
	for _, v := range all {
		t.Run(filepath.Base(v.File), func(t *testing.T) {
			raw := sharedFile(t, v.File)
			strict, strictErr := verifyVector(raw, v.PublicKey, Quirks{})
			lenient, lenientErr := verifyVector(raw, v.PublicKey, AllQuirks)
			wantStrict, wantLenient := error(nil), error(nil)
			wantQuirks := Quirks{}
			switch v.Expect {
			case "valid":
			case "invalid":
				wantStrict, wantLenient = ErrSignature, ErrSignature
				if strings.HasPrefix(filepath.Base(v.File), "015-") { // its key and signature are raw too
					wantStrict = ErrKey
				}
			case "valid-lenient-der":
				wantStrict, wantQuirks = ErrNotDER, Quirks{LooseDER: true}
			case "valid-raw-key-raw-sig":
				wantStrict, wantQuirks = ErrKey, Quirks{RawSignature: true, RawKey: true}
			case "reject-curve-mismatch":
				wantStrict, wantLenient = ErrCurveMismatch, ErrCurveMismatch
			case "reject-format":
				wantStrict, wantLenient = ErrFormat, ErrFormat
				if strings.Contains(v.File, "invalid-version") {
					wantStrict, wantLenient = ErrVersion, ErrVersion
				}
			case "no-key":
				wantStrict, wantLenient = ErrNoKey, ErrNoKey
			default:
				t.Fatalf("unknown outcome %q", v.Expect)
			}
			if !errors.Is(strictErr, wantStrict) {
				t.Errorf("strictly %v, want %v", strictErr, wantStrict)
			}
			if !errors.Is(lenientErr, wantLenient) {
				t.Errorf("with quirks %v, want %v", lenientErr, wantLenient)
			}
			if lenientErr == nil && lenient.Quirks() != wantQuirks {
				t.Errorf("quirks used %+v, want %+v", lenient.Quirks(), wantQuirks)
			}
			if strictErr == nil && (string(strict.Record().Raw()) != string(raw) || strict.Quirks() != Quirks{}) {
				t.Error("the record is not kept byte for byte, or a quirk was used strictly")
			}
		})
	}
}
