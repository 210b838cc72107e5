package settle_test

import (
	"errors"
	"slices"
	"testing"

	"joulepay/settle"
	"joulepay/wallet"
)

func TestParentsAreReadWithoutTheRest(t *testing.T) {
	key := wallet.NewPrivateKey([32]byte{1})
	v, err := settle.Sign(settle.Draft{Network: wallet.NetworkID{9}, Issuer: wallet.DIDOf(key.Public()), Parents: []settle.VertexID{{1}, {2}, {3}},
		Payload: &settle.Anchor{Hash: [32]byte{1}}}, key)
	if err != nil {
		t.Fatal(err)
	}
	raw := v.Encode()
	if got, err := settle.ParentsOf(raw); err != nil || !slices.Equal(got, v.Parents()) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range [][]byte{nil, raw[:40], raw[:100], append([]byte{99}, raw[1:]...)} {
		if _, err := settle.ParentsOf(bad); !errors.Is(err, settle.ErrEncoding) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}
