package charging

import (
	"math/bits"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// beforeLossUp gives what it takes to have so much left at an efficiency, rounded up.
func beforeLossUp(millijoules, permille int64) int64 {
	if permille == 0 {
		return millijoules
	}
	return millijoules/permille*1000 + (millijoules%permille*1000+permille-1)/permille
}

// scale gives value·part/whole, rounded down, for amounts of 0 or more with part up to whole.
func scale(value, part, whole int64) int64 {
	high, low := bits.Mul64(uint64(value), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return int64(quotient)
}

// millijoulesPerKilowattHour is what prices are of.
const millijoulesPerKilowattHour = 3_600_000_000

// bill is a sum of energies times prices that loses nothing until it is read.
type bill struct {
	amount money.Amount
	rest   int64 // of one unit of 10⁻⁹, in millijoulesPerKilowattHour parts
}

// add counts an energy at a price of one kWh; of an unknown price it counts nothing. What overflows stays at the most.
func (b *bill) add(millijoules int64, price money.Amount) {
	if price == measure.Unknown || price == 0 || millijoules == 0 {
		return
	}
	whole, parts := millijoules/millijoulesPerKilowattHour, millijoules%millijoulesPerKilowattHour
	high, low := bits.Mul64(uint64(parts), uint64(max(price, -price)))
	quotient, rest := bits.Div64(high, low, millijoulesPerKilowattHour)
	sum, remainder := int64(quotient), int64(rest)
	if price < 0 {
		sum, remainder = -sum, -remainder
	}
	b.rest += remainder
	b.amount += money.Amount(whole)*price + money.Amount(sum+b.rest/millijoulesPerKilowattHour)
	b.rest %= millijoulesPerKilowattHour
}
