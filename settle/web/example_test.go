package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"joulepay/settle/web"
)

// A process mounts the dashboard beside its API.
func ExampleHandler() {
	server := httptest.NewServer(web.Handler())
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }() // read only: nothing to lose
	fmt.Println(answer.Status, answer.Header.Get("Content-Type"))
	// Output: 200 OK text/html; charset=utf-8
}
