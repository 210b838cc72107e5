package session

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/wallet/money"
)

// fill sets every field below v to a value drawn at random that the record's encoding can hold, and never to zero:
// what an encoding forgets cannot come back as it was.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		seconds := rapid.Int64Range(1, 1<<40).Draw(t, "seconds")
		v.Set(reflect.ValueOf(time.Unix(seconds, 0).UTC()))
		return
	case time.Duration:
		v.SetInt(rapid.Int64Range(1, math.MaxUint32).Draw(t, "seconds") * int64(time.Second))
		return
	case channel.Party:
		v.SetUint(1)
		return
	case money.Currency:
		v.Set(reflect.ValueOf(money.Currency{'E', 'U', 'R'}))
		return
	case []byte:
		v.SetBytes(rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "bytes"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(1, 5).Draw(t, "length"), 5))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.String:
		v.SetString(rapid.StringN(1, 30, 100).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		bits := v.Type().Bits()
		v.SetUint(rapid.Uint64Range(1, math.MaxUint64>>(64-bits)).Draw(t, "number"))
	case reflect.Int16, reflect.Int64:
		v.SetInt(-rapid.Int64Range(1, 1<<(v.Type().Bits()-1)-1).Draw(t, "number"))
	default:
		t.Fatalf("a record has a field of kind %s, which this test cannot fill", v.Kind())
	}
}

func filled[R any](t *rapid.T) R {
	var record R
	fill(t, reflect.ValueOf(&record).Elem())
	return record
}

func TestEveryFieldOfAChannelIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range []ChannelRecord{filled[ChannelRecord](t), {}} {
			r.Side.Opening.Terms.Expiry = time.Unix(r.Side.Opening.Terms.Expiry.Unix(), 0).UTC()
			got, err := DecodeChannelRecord(r.ID, r.EncodeTerms(), r.EncodeProgress())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, r) {
				t.Fatalf("stored %+v\nread %+v", r, got)
			}
		}
	})
}

func TestEveryFieldOfASessionIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range []SessionRecord{filled[SessionRecord](t), {}} {
			got, err := DecodeSessionParts(r.EncodeTerms(), r.EncodeProgress())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, r) {
				t.Fatalf("stored %+v\nread %+v", r, got)
			}
		}
	})
}

// eachChange calls check with the record once for each field at the bottom of it, this one field zeroed.
func eachChange[R any](record R, check func(changed R)) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if _, isTime := v.Interface().(time.Time); v.Kind() == reflect.Struct && !isTime {
			for i := range v.NumField() {
				walk(v.Field(i))
			}
			return
		}
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		v.SetZero()
		check(record)
		v.Set(before)
	}
	walk(reflect.ValueOf(&record).Elem())
}

// stored is what both records have in common.
type stored[R any] interface {
	SameTerms(R) bool
	EncodeTerms() []byte
	EncodeProgress() []byte
}

func checkEachChangeShows[R stored[R]](t *rapid.T, record R, fieldsMin int, skip func(R) bool) {
	fields := 0
	eachChange(record, func(changed R) {
		fields++
		if skip(changed) {
			return
		}
		if record.SameTerms(changed) != bytes.Equal(record.EncodeTerms(), changed.EncodeTerms()) {
			t.Fatalf("SameTerms overlooks a change to %+v", changed)
		}
		if record.SameTerms(changed) && bytes.Equal(record.EncodeProgress(), changed.EncodeProgress()) {
			t.Fatalf("neither part shows the change to %+v", changed)
		}
	})
	if fields < fieldsMin {
		t.Fatalf("only %d fields were changed", fields)
	}
}

func TestAChangeOfAnyFieldChangesTheTermsOrTheProgress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkEachChangeShows(t, filled[SessionRecord](t), 25, func(SessionRecord) bool { return false })
		checkEachChangeShows(t, filled[ChannelRecord](t), 40, func(changed ChannelRecord) bool {
			return changed.ID == channel.ID{} // the key is in neither part
		})
	})
}

func TestTextsForPeopleNeverKeepASessionFromBeingStored(t *testing.T) {
	r := SessionRecord{
		PeerAddr: "a\xff", Service: "\xfe", Reason: "\xfd",
		Failure: strings.Repeat("é", failureSizeMax) + "\xff",
	}
	if err := r.CheckSize(); err != nil {
		t.Fatal(err)
	}
	got, err := DecodeSessionParts(r.EncodeTerms(), r.EncodeProgress())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("é", failureSizeMax/2); got.Failure != want || got.PeerAddr != "a\uFFFD" {
		t.Errorf("read back as %q and %q", got.Failure, got.PeerAddr)
	}
	r.Failure = "x" + r.Failure // the cut now falls within a character
	got, err = DecodeSessionParts(r.EncodeTerms(), r.EncodeProgress())
	if err != nil || len(got.Failure) != failureSizeMax-1 {
		t.Errorf("%d bytes, %v", len(got.Failure), err)
	}
}

func TestRecordsOfTheLargestSizeAreReadBackAndLargerOnesRefused(t *testing.T) {
	largest := SessionRecord{
		Quote: bytes.Repeat([]byte{1}, recordSizeMax-failureSizeMax-512), Failure: strings.Repeat("x", failureSizeMax),
		Vertices: make([]OpID, vertexCountMax),
		EndedMs:  math.MinInt64, Sequence: math.MaxUint64, Wanted: math.MinInt64, MeasureBase: math.MaxInt64,
	}
	fillMax(reflect.ValueOf(&largest).Elem())
	if err := largest.CheckSize(); err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeSessionParts(largest.EncodeTerms(), largest.EncodeProgress()); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]SessionRecord{
		"quote": {Quote: make([]byte, recordSizeMax)}, "vertices": {Vertices: make([]OpID, vertexCountMax+1)},
		"address": {PeerAddr: strings.Repeat("x", recordSizeMax)},
	} {
		if err := r.CheckSize(); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	c := ChannelRecord{Proposal: make([]byte, proposalSizeMax)}
	if _, err := DecodeChannelRecord(c.ID, c.EncodeTerms(), c.EncodeProgress()); err != nil || c.CheckSize() != nil {
		t.Errorf("%v, %v", err, c.CheckSize())
	}
	c.Proposal = append(c.Proposal, 1)
	if err := c.CheckSize(); !errors.Is(err, ErrRecord) {
		t.Errorf("proposal: %v, want ErrRecord", err)
	}
}

// fillMax sets numbers and arrays to what takes the most bytes in CBOR.
func fillMax(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillMax(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fillMax(v.Index(i))
		}
	case reflect.Int64:
		v.SetInt(math.MinInt64)
	case reflect.Uint64:
		v.SetUint(math.MaxUint64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(math.MaxUint64 >> (64 - v.Type().Bits()))
	}
}

func FuzzDecodeChannelRecord(f *testing.F) {
	plain := ChannelRecord{Proposal: []byte{1}, Expiry: time.Unix(1, 2)}
	plain.Side.Out.Signed.Claim.Amount = 7
	f.Add(plain.EncodeTerms(), plain.EncodeProgress())
	f.Fuzz(func(t *testing.T, terms, progress []byte) {
		r, err := DecodeChannelRecord(channel.ID{1}, terms, progress)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%v does not wrap ErrRecord", err)
			}
			return
		}
		if !bytes.Equal(r.EncodeTerms(), terms) || !bytes.Equal(r.EncodeProgress(), progress) {
			t.Error("another encoding of the same record was accepted")
		}
	})
}

func FuzzDecodeSessionParts(f *testing.F) {
	plain := SessionRecord{Quote: []byte{1}, Failure: "x", Vertices: []OpID{{1}}, SoCPermille: -1}
	f.Add(plain.EncodeTerms(), plain.EncodeProgress())
	f.Fuzz(func(t *testing.T, terms, progress []byte) {
		r, err := DecodeSessionParts(terms, progress)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%v does not wrap ErrRecord", err)
			}
			return
		}
		if !bytes.Equal(r.EncodeTerms(), terms) || !bytes.Equal(r.EncodeProgress(), progress) {
			t.Error("another encoding of the same record was accepted")
		}
	})
}
