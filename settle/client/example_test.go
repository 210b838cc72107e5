package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"joulepay/settle/client"
)

func Example() {
	server := httptest.NewServer(problem(client.ErrNotServedHere)) // a process without a ledger
	defer server.Close()

	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Channels(context.Background(), client.ChannelQuery{State: client.ChannelOpen})
	if errors.Is(err, client.ErrNotServedHere) {
		fmt.Println(err)
	}
	// Output: This server does not serve that resource: on purpose
}
