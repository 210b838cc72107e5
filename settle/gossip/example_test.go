package gossip_test

import (
	"context"
	"fmt"

	"joulepay/settle/gossip"
	"joulepay/settle/gossip/gossiptest"
)

// A node that lags asks a peer for its log. Over NATS, settle/natsgossip does the same. Errors are left out for brevity.
func ExampleMemory() {
	network := gossip.NewMemory()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() {
		served <- network.Join(1).Serve(ctx, 1, &gossiptest.Source{Log: [][]byte{[]byte("first"), []byte("second")}})
	}()
	me := network.Join(0)
	for _, err := me.Standing(ctx, 1); err != nil; _, err = me.Standing(ctx, 1) { // until the peer serves
		continue
	}
	entries, _ := me.Entries(ctx, 1, 0, 2)
	fmt.Printf("%s\n", entries)
	stop()
	<-served
	// Output:
	// [first second]
}
