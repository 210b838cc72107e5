package node_test

import (
	"context"
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// A ledger in one process: issue money, wait until it is final, prove it to somebody who knows only the genesis.
func Example() {
	operator, witness := wallet.GenerateKey(), wallet.GenerateKey()
	vehicle := wallet.DIDOf(wallet.GenerateKey().Public())
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "example", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Now().Truncate(time.Millisecond),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(operator.Public()), Cap: 1000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(operator.Public()), Key: witness.Public(), Weight: 1}},
		Limits:    settle.DefaultLimits(),
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	n, err := node.Start(ctx, node.Options{
		CoreOptions: node.CoreOptions{Witness: witness}, Genesis: genesis,
		Store: store.NewMemory(), Stream: stream.NewMemory(), Clock: time.Now,
	})
	if err != nil {
		panic(err)
	}
	defer n.Close()

	issue := &settle.Issue{Reference: settle.ReferenceOf("bank transfer 4711"), To: vehicle, Amount: 50 * money.Nano}
	issued, err := n.Post(ctx, wallet.DIDOf(operator.Public()), operator, 1, issue)
	if err != nil {
		panic(err)
	}
	if _, err := n.WaitFinal(ctx, issued.ID); err != nil {
		panic(err)
	}
	slot, err := n.ProveSlot(settle.AccountKey(vehicle))
	if err != nil {
		panic(err)
	}
	account, err := settle.DecodeAccount(slot.Content)
	fmt.Println(issued.Verdict, account.Balance, err, slot.Verify(n.Network()))
	// Output: applied 50.00 <nil> <nil>
}
