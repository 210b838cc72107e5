package measure

import "math/big"

// perKilowattHour is how many mW·ns are a kWh.
const perKilowattHour = 1_000_000 * nanosecondsPerHour

// priced sums energy times a rate per kWh that changes now and then, exactly: energy gathers in 128 bits while the rate
// stays, and is multiplied when it changes.
type priced struct {
	known   bool // whether any rate was
	rate    int64
	pending wide    // mW·ns at the rate
	sum     big.Int // rate × mW·ns
}

func (p *priced) add(rate, power, length int64) {
	if rate == Unknown {
		return
	}
	if rate != p.rate {
		p.sum.Set(p.whole())
		p.rate, p.pending = rate, wide{}
	}
	p.known = true
	p.pending.add(power, length)
}

func (p *priced) whole() *big.Int {
	product := p.pending.big()
	product.Mul(product, big.NewInt(p.rate))
	return product.Add(product, &p.sum)
}

// total gives the sum, rounded once.
func (p *priced) total() int64 { return rounded(p.whole(), big.NewInt(perKilowattHour)) }

// share gives a/b in millionths, nil when b is nothing.
func share(a, b wide) *Ratio { return ratio(a.big(), b.big()) }

func ratio(a, b *big.Int) *Ratio {
	if b.Sign() == 0 {
		return nil
	}
	r := Ratio(rounded(new(big.Int).Mul(a, big.NewInt(micro)), b))
	return &r
}

func ratioOf(a, b int64) *Ratio { return ratio(big.NewInt(a), big.NewInt(b)) }
