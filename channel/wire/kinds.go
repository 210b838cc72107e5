package wire

import (
	"fmt"

	"joulepay/channel"
	"joulepay/meter"
	"joulepay/wallet"
)

// Bounds of fields, in bytes. What a peer sends is stored with the session: none of it may make a record too large.
const (
	serviceMax = 64
	keyMax     = wallet.PublicKeySize
	evseMax    = 64 // an EVSE id of ISO 15118 has at most 32 characters
	wordMax    = 32 // a Reason or a Code
)

// Kind implements Message.
func (Hello) Kind() Kind { return KindHello }

// Kind implements Message.
func (Offer) Kind() Kind { return KindOffer }

// Kind implements Message.
func (Accept) Kind() Kind { return KindAccept }

// Kind implements Message.
func (Demand) Kind() Kind { return KindDemand }

// Kind implements Message.
func (Claim) Kind() Kind { return KindClaim }

// Kind implements Message.
func (Stop) Kind() Kind { return KindStop }

// Kind implements Message.
func (Done) Kind() Kind { return KindDone }

// Kind implements Message.
func (Withdraw) Kind() Kind { return KindWithdraw }

// Kind implements Message.
func (Close) Kind() Kind { return KindClose }

// Kind implements Message.
func (Requote) Kind() Kind { return KindRequote }

// Kind implements Message.
func (Refuse) Kind() Kind { return KindRefuse }

func (h Hello) check() error {
	if len(h.Service) > serviceMax {
		return fmt.Errorf("service of %d bytes, at most %d", len(h.Service), serviceMax)
	}
	if len(h.EVSE) > evseMax {
		return fmt.Errorf("EVSE of %d bytes, at most %d", len(h.EVSE), evseMax)
	}
	if len(h.Key) > keyMax {
		return fmt.Errorf("key of %d bytes, at most %d", len(h.Key), keyMax)
	}
	return h.Known.check()
}

func (k Known) check() error {
	for _, best := range k.Lanes {
		if len(best) != 0 && len(best) != channel.BestSize {
			return fmt.Errorf("best claim of %d bytes, not %d", len(best), channel.BestSize)
		}
	}
	return nil
}

func (o Offer) check() error { return o.Known.check() }

func (Accept) check() error { return nil } // the opening's decoder knows its size

func (Requote) check() error { return nil } // the quote's decoder knows its size

func (d Demand) check() error {
	if len(d.Reading) > meter.SignedSizeMax {
		return fmt.Errorf("reading of %d bytes, at most %d", len(d.Reading), meter.SignedSizeMax)
	}
	return d.Reason.check()
}

func (r Reason) check() error {
	if len(r) > wordMax {
		return fmt.Errorf("reason of %d bytes, at most %d", len(r), wordMax)
	}
	return nil
}

func (Claim) check() error { return nil } // the claim's decoder knows its size

func (s Stop) check() error { return s.Reason.check() }

func (d Done) check() error { return d.Reason.check() }

func (Withdraw) check() error { return nil } // the withdrawal's decoder knows its size

func (Close) check() error { return nil } // the close's decoder knows its size

func (r Refuse) check() error {
	if len(r.Code) > wordMax || len(r.Detail) > DetailMax {
		return fmt.Errorf("refusal of %d and %d bytes, at most %d and %d", len(r.Code), len(r.Detail), wordMax, DetailMax)
	}
	return nil
}
