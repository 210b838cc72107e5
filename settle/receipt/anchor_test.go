package receipt_test

import (
	"errors"
	"testing"

	"joulepay/settle/receipt"
)

func TestEqualReceiptsHaveAnchorsWithNothingInCommon(t *testing.T) {
	raw := []byte(`{"version":1}`)
	salt := receipt.NewSalt()
	first, second := receipt.Anchor(raw, salt), receipt.Anchor(raw, receipt.NewSalt())
	if *first == *second {
		t.Fatal("two anchors of one receipt are equal")
	}
	if err := receipt.CheckAnchor(*first, raw, salt); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another salt":    receipt.CheckAnchor(*second, raw, salt),
		"no salt":         receipt.CheckAnchor(*receipt.Anchor(raw, receipt.Salt{}), raw, salt),
		"another receipt": receipt.CheckAnchor(*first, []byte(`{"version":2}`), salt),
	} {
		if !errors.Is(err, receipt.ErrAnchor) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
