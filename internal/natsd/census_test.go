package natsd

import (
	"errors"
	"fmt"
	"testing"
)

func TestTheCensusForgetsWhoHasGone(t *testing.T) {
	gone := map[uint64]bool{}
	c := newCensus(Options{ClientsPerKeyMax: 2, ClientsPerAddressMax: clientsMax})
	c.connected = func(id uint64) bool { return !gone[id] }
	for id := range uint64(3 * clientsMax) {
		gone[id] = true
		if err := c.enter(id, Client{Key: [KeySize]byte{byte(id), byte(id >> 8), byte(id >> 16)}, Address: fmt.Sprintf("10.0.%d.%d:4222", id>>8&0xff, id&0xff)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.keys) > clientsMax || len(c.addresses) > clientsMax {
		t.Errorf("%d keys and %d addresses are kept of clients that are gone", len(c.keys), len(c.addresses))
	}
	for id, want := range []error{nil, nil, errKeyFull, errKeyFull} {
		if err := c.enter(uint64(1_000_000+id), Client{Address: "10.0.0.1:1"}); !errors.Is(err, want) {
			t.Errorf("connection %d of a key: %v, want %v", id, err, want)
		}
	}
	gone[1_000_000] = true
	if err := c.enter(2_000_000, Client{Address: "pipe"}); err != nil {
		t.Errorf("after one is gone: %v", err)
	}
}
