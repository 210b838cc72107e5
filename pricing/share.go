package pricing

import (
	"fmt"

	"joulepay/wallet/money"
)

// Share is what one dimension contributes to a cost, limits aside.
type Share struct {
	Type             ComponentType
	ExclVAT, InclVAT Exact
	// Amount is the share as payable, after tax where it is stated, rounded half-even to 10⁻⁹ of the currency. It is for
	// display: rounded shares need not add up to Payable.
	Amount money.Amount
}

// Shares adds up the lines of each dimension, in the order of the dimensions; those that cost nothing because nothing prices
// them are left out.
func (c Cost) Shares() ([]Share, error) {
	var shares []Share
	for kind := range componentTypes {
		s := Share{kind, zeroExact, zeroExact, 0}
		asked, found := zeroExact, false
		for _, line := range c.Components {
			if line.Type != kind {
				continue
			}
			found = true
			s.ExclVAT, s.InclVAT = s.ExclVAT.add(line.ExclVAT), s.InclVAT.add(line.InclVAT)
			if line.InclVAT.Known() {
				asked = asked.add(line.InclVAT)
			} else {
				asked = asked.add(line.ExclVAT)
			}
		}
		if !found {
			continue
		}
		var err error
		if s.Amount, err = asked.amount(roundHalfEven); err != nil {
			return nil, fmt.Errorf("share of %s: %w", kind, err)
		}
		shares = append(shares, s)
	}
	return shares, nil
}
