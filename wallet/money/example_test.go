package money_test

import (
	"errors"
	"fmt"
	"math"

	"joulepay/wallet/money"
)

func Example() {
	deposit, _ := money.ParseMoney("20 EUR")
	spent, _ := money.Parse("4.82")
	left, err := deposit.Amount.Sub(spent)
	fmt.Println(money.Of(left, deposit.Currency), err)

	_, err = money.Amount(math.MaxInt64).Add(1)
	fmt.Println(errors.Is(err, money.ErrOverflow))
	// Output:
	// 15.18 EUR <nil>
	// true
}

func ExampleAmount_MulDiv() {
	perKilowattHour, _ := money.Parse("0.49")
	const milliwattHours, perKilo = 9_632_000, 1_000_000 // 9.632 kWh
	cost, _ := perKilowattHour.MulDiv(milliwattHours, perKilo)
	fmt.Println(cost, "or", cost.Cents())
	// Output: 4.71968 or 4.72
}
