package canon_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"joulepay/internal/canon"
)

// message has every kind of field that messages of the protocol have.
type message struct {
	Number int64     `cbor:"1,keyasint"`
	Small  uint8     `cbor:"2,keyasint"`
	Text   string    `cbor:"3,keyasint"`
	Raw    []byte    `cbor:"4,keyasint"`
	Hash   [4]byte   `cbor:"5,keyasint"`
	Yes    bool      `cbor:"6,keyasint"`
	Lanes  [2][]byte `cbor:"7,keyasint"`
	List   []item    `cbor:"8,keyasint"`
}

type item struct {
	Number int64 `cbor:"1,keyasint"`
}

const limit = 1 << 10

func Example() {
	b := canon.Marshal(item{Number: 300})
	fmt.Printf("%x\n", b)

	var got item
	fmt.Println(canon.Unmarshal(b, limit, &got), got.Number)
	fmt.Println(canon.Unmarshal([]byte{0xa1, 0x01, 0x1a, 0, 0, 1, 0x2c}, limit, &item{})) // 300 in more bytes than it needs
	// Output:
	// a10119012c
	// <nil> 300
	// canon: not canonical CBOR of the expected shape: another encoding of the same value
}

func drawMessage(t *rapid.T) message {
	bytes := func(name string) []byte {
		if rapid.Bool().Draw(t, name+" is nil") {
			return nil
		}
		return rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, name)
	}
	m := message{
		Number: rapid.Int64().Draw(t, "number"), Small: rapid.Byte().Draw(t, "small"), Text: rapid.String().Draw(t, "text"),
		Raw: bytes("raw"), Yes: rapid.Bool().Draw(t, "yes"), Lanes: [2][]byte{bytes("lane 0"), bytes("lane 1")},
	}
	copy(m.Hash[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "hash"))
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		m.List = append(m.List, item{rapid.Int64().Draw(t, "item")})
	}
	return m
}

func TestWhatIsEncodedDecodesToTheSameValueAndNothingElseDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		b := canon.Marshal(m)
		var got message
		if err := canon.Unmarshal(b, 64<<10, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v, want %+v", got, m)
		}
		changed := bytes.Clone(b)
		changed[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		var other message
		if err := canon.Unmarshal(changed, 64<<10, &other); err == nil && reflect.DeepEqual(other, m) {
			t.Fatalf("%x and %x are the same value", b, changed)
		}
	})
}

func TestI9_OnlyTheOneCanonicalEncodingIsAccepted(t *testing.T) {
	tests := []struct{ name, input string }{
		{"nothing", ""},
		{"null", "f6"},
		{"no map", "01"},
		{"an integer longer than it need be", "a1011801"},
		{"a length longer than it need be", "b8010101"},
		{"a number as float", "a101f93c00"},
		{"a tagged big number", "a101c240"},
		{"a number beyond 64 bits", "a1011bffffffffffffffff"},
		{"a text for a number", "a1016131"},
		{"a missing key", "a0"},
		{"an unknown key", "a201010202"},
		{"a key twice", "a201010101"},
		{"a text key", "a1613101"},
		{"an indefinite map", "bf0101ff"},
		{"a tag", "c1a10101"},
		{"a tagged value", "a101c101"},
		{"bytes left over", "a1010100"},
		{"cut short", "a101"},
		{"a second map", "a10101a10101"},
		{"undefined", "a101f7"},
	}
	if err := canon.Unmarshal(canon.Marshal(item{Number: 1}), limit, &item{}); err != nil {
		t.Fatalf("the canonical encoding itself: %v", err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			input, err := hex.DecodeString(test.input)
			if err != nil {
				t.Fatal(err)
			}
			var got item
			if err := canon.Unmarshal(input, limit, &got); !errors.Is(err, canon.ErrEncoding) {
				t.Errorf("read as %+v, %v", got, err)
			}
		})
	}
}

func TestI9_KeysOutOfOrderAreRefused(t *testing.T) {
	type two struct {
		A int64 `cbor:"1,keyasint"`
		B int64 `cbor:"2,keyasint"`
	}
	if err := canon.Unmarshal([]byte{0xa2, 1, 7, 2, 8}, limit, &two{}); err != nil {
		t.Error(err)
	}
	if err := canon.Unmarshal([]byte{0xa2, 2, 8, 1, 7}, limit, &two{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("got %v", err)
	}
}

func TestI9_DecodingIsBounded(t *testing.T) {
	type texts struct {
		Text string  `cbor:"1,keyasint"`
		List []int64 `cbor:"2,keyasint"`
	}
	fits := canon.Marshal(texts{Text: strings.Repeat("x", 100)})
	if err := canon.Unmarshal(fits, len(fits), &texts{}); err != nil {
		t.Errorf("as long as allowed: %v", err)
	}
	if err := canon.Unmarshal(fits, len(fits)-1, &texts{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("one byte longer than allowed: %v", err)
	}
	if err := canon.Unmarshal(canon.Marshal(texts{List: make([]int64, 257)}), 64<<10, &texts{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("a list of 257: %v", err)
	}
	deep := append(bytes.Repeat([]byte{0x81}, 100), 0x01)
	if err := canon.Unmarshal(deep, limit, &texts{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("a hundred lists in each other: %v", err)
	}
	promised := []byte{0xa1, 0x02, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if err := canon.Unmarshal(promised, limit, &texts{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("a list that promises 2⁶³ elements: %v", err)
	}
	if err := canon.Unmarshal([]byte{0xa2, 1, 0x61, 0xff, 2, 0x80}, limit, &texts{}); !errors.Is(err, canon.ErrEncoding) {
		t.Errorf("text that is not UTF-8: %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(canon.Marshal(message{Number: -5, Text: "x", Raw: []byte{1}, List: []item{{7}}}))
	f.Add(canon.Marshal(message{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		err := canon.Unmarshal(b, limit, &m)
		if err != nil && !errors.Is(err, canon.ErrEncoding) {
			t.Errorf("%v does not wrap ErrEncoding", err)
		}
		if err == nil && !bytes.Equal(canon.Marshal(m), b) {
			t.Errorf("read %x, wrote %x", b, canon.Marshal(m))
		}
	})
}
