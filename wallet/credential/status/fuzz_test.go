package status

import (
	"encoding/json"
	"testing"
)

// What decodes has the same bits when it is encoded and decoded again: gzip has many forms of one list.
func FuzzDecode(f *testing.F) {
	empty, err := NewBitstring(SizeMin)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty.Encode())
	f.Add("uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA") // the example of the Recommendation
	f.Add("u")
	f.Fuzz(func(t *testing.T, text string) {
		decoded, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Decode(decoded.Encode())
		if err != nil || string(again.bytes) != string(decoded.bytes) {
			t.Fatalf("%q: other bits the second time, %v", text, err)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"allocated":"u","credential":"a.b.c"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeRecord(raw); err != nil || again != r {
			t.Fatalf("%+v, then %+v, %v", r, again, err)
		}
	})
}
