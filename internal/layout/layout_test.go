package layout_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/internal/layout"
)

func Example() {
	message := append([]byte{1}, 0x00, 0x2a)
	message = layout.AppendBytes(message, []byte("text"))

	r := layout.NewReader(message)
	r.Version(1)
	number := r.Uint16()
	text := r.Bytes(16)
	fmt.Println(number, string(text), r.Close())
	// Output: 42 text <nil>
}

func TestFieldsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Int64().Draw(t, "number")
		text := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "text")
		at := time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "at")).UTC()
		fixed := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "fixed"))
		b := layout.AppendInt64(nil, number)
		b = layout.AppendBytes(b, text)
		b = layout.AppendUnixMilli(b, at)
		b = append(b, fixed[:]...)
		whole := bytes.Clone(b)

		r := layout.NewReader(b)
		gotNumber, gotText, gotAt := r.Int64(), r.Bytes(20), r.UnixMilli()
		var gotFixed [4]byte
		r.Fixed(gotFixed[:])
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if gotNumber != number || !bytes.Equal(gotText, text) || gotFixed != fixed {
			t.Fatalf("got %d, %x, %x", gotNumber, gotText, gotFixed)
		}
		if wantAt := at; at.UnixMilli() == 0 && !gotAt.IsZero() || at.UnixMilli() != 0 && !gotAt.Equal(wantAt) {
			t.Fatalf("time %v, want %v", gotAt, wantAt)
		}
		if len(gotText) > 0 {
			gotText[0]++ // a copy: the input stays as it was
		}
		if !bytes.Equal(b, whole) {
			t.Fatal("reading changed the input")
		}
	})
}

func TestIntegersAreBigEndian(t *testing.T) {
	r := layout.NewReader([]byte{1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	got := []int64{int64(r.Uint8()), int64(r.Uint16()), int64(r.Uint32()), int64(r.Uint64()), r.Int64()}
	if want := []int64{1, 2, 3, 4, -1}; fmt.Sprint(got) != fmt.Sprint(want) || r.Close() != nil {
		t.Errorf("got %v, %v", got, r.Err())
	}
	if got := layout.AppendInt64(nil, math.MinInt64); !bytes.Equal(got, []byte{0x80, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("the least integer is %x", got)
	}
	if got := layout.AppendUnixMilli(nil, time.Time{}); !bytes.Equal(got, make([]byte, 8)) {
		t.Errorf("the zero time is %x", got)
	}
}

func TestI9_WhatIsShortLongOrLeftOverIsRefused(t *testing.T) {
	own := errors.New("what the caller found")
	tests := []struct {
		name  string
		input []byte
		read  func(*layout.Reader)
		want  error
	}{
		{"nothing, of which nothing is read", nil, func(*layout.Reader) {}, nil},
		{"a byte that is not there", nil, func(r *layout.Reader) { r.Uint8() }, layout.ErrShort},
		{"half an integer", []byte{1}, func(r *layout.Reader) { r.Uint16() }, layout.ErrShort},
		{"three of four bytes", []byte{1, 2, 3}, func(r *layout.Reader) { r.Uint32() }, layout.ErrShort},
		{"seven of eight bytes", make([]byte, 7), func(r *layout.Reader) { r.Int64() }, layout.ErrShort},
		{"half a time", make([]byte, 4), func(r *layout.Reader) { r.UnixMilli() }, layout.ErrShort},
		{"half an array", []byte{1}, func(r *layout.Reader) { r.Fixed(make([]byte, 2)) }, layout.ErrShort},
		{"half a length", []byte{0, 0}, func(r *layout.Reader) { r.Bytes(9) }, layout.ErrShort},
		{"a length and too few bytes", []byte{0, 0, 0, 2, 7}, func(r *layout.Reader) { r.Bytes(9) }, layout.ErrShort},
		{"as many bytes as allowed", []byte{0, 0, 0, 2, 7, 8}, func(r *layout.Reader) { r.Bytes(2) }, nil},
		{"more bytes than allowed", []byte{0, 0, 0, 3, 7, 8, 9}, func(r *layout.Reader) { r.Bytes(2) }, layout.ErrTooLong},
		{"four gigabytes", []byte{0xff, 0xff, 0xff, 0xff}, func(r *layout.Reader) { r.Bytes(math.MaxInt) }, layout.ErrShort},
		{"the version", []byte{3}, func(r *layout.Reader) { r.Version(3) }, nil},
		{"another version", []byte{4}, func(r *layout.Reader) { r.Version(3) }, layout.ErrVersion},
		{"no version", nil, func(r *layout.Reader) { r.Version(3) }, layout.ErrShort},
		{"bytes left over", []byte{1, 2}, func(r *layout.Reader) { r.Uint8() }, layout.ErrTrailing},
		{"what the caller found", []byte{1}, func(r *layout.Reader) { r.Fail(own) }, own},
		{"the first of two errors", []byte{1}, func(r *layout.Reader) { r.Uint16(); r.Fail(own) }, layout.ErrShort},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := layout.NewReader(test.input)
			test.read(r)
			if err := r.Close(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestAfterAnErrorOnlyZeroValuesCome(t *testing.T) {
	r := layout.NewReader([]byte{9, 9, 9, 9, 9, 9, 9, 9, 9, 9})
	r.Version(1)
	var array [2]byte
	r.Fixed(array[:])
	if r.Uint8() != 0 || r.Uint16() != 0 || r.Uint32() != 0 || r.Uint64() != 0 || r.Int64() != 0 || r.Bytes(9) != nil ||
		!r.UnixMilli().IsZero() || array != [2]byte{} {
		t.Error("a value came after the error")
	}
	if !errors.Is(r.Err(), layout.ErrVersion) || !errors.Is(r.Close(), layout.ErrVersion) {
		t.Errorf("got %v", r.Err())
	}
}

// A script of reads over any input neither panics nor allocates beyond its limits, and takes no more than there is.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}, []byte{0, 0, 0, 1, 9, 9})
	f.Fuzz(func(t *testing.T, script, input []byte) {
		r := layout.NewReader(input)
		for _, op := range script {
			before := r.Len()
			switch op % 8 {
			case 0:
				r.Uint8()
			case 1:
				r.Uint16()
			case 2:
				r.Uint32()
			case 3:
				r.Uint64()
			case 4:
				r.Fixed(make([]byte, op/8))
			case 5:
				if got := r.Bytes(int(op / 8)); len(got) > int(op/8) {
					t.Fatalf("%d bytes, at most %d allowed", len(got), op/8)
				}
			case 6:
				r.UnixMilli()
			case 7:
				r.Version(op / 8)
			}
			if r.Len() > before || r.Err() != nil && r.Close() == nil {
				t.Fatal("a reader goes back, or forgets an error")
			}
		}
	})
}
