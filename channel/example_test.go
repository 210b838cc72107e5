package channel_test

import (
	"fmt"

	"joulepay/channel"
	"joulepay/wallet/money"
)

// A vehicle opens a channel with 50 cents and pays; the station accepts, and both know what a close would pay out.
func Example() {
	const cent = money.Nano / 100
	o := opened(50 * cent)
	vehicle, _ := channel.NewSide(o, channel.Opener)
	station, _ := channel.NewSide(o, channel.Partner)

	claim, err := vehicle.Pay(channel.Draft{Amount: 27 * cent}, keys[0])
	fmt.Println(claim.Claim.Amount, err)
	rose, err := station.Accept(channel.Best{Signed: claim})
	fmt.Println(rose, err)

	_, err = vehicle.Pay(channel.Draft{Amount: 51 * cent}, keys[0])
	fmt.Println(err)

	shares, _ := channel.Payout(station.Funds(), station.Lanes())
	fmt.Println(shares[channel.Opener], shares[channel.Partner])
	// Output:
	// 0.27 <nil>
	// true <nil>
	// channel: deposit does not cover the claim: 0.24 more, 0.23 left
	// 0.23 0.27
}
