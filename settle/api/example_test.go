package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"joulepay/settle/api"
)

func Example() {
	ledger := &fake{} // what implements api.Ledger, or a client.Client to pass on another server's
	h, err := api.New(api.Config{Ledger: ledger, Loopback: true, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/healthz", "/v1/sessions"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8420"+path, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"status":"ok"}
	//
	// 404 {"type":"urn:joulepay:problem:not-served-here","title":"This server does not serve that resource","status":404,"hint":"GET /v1/network lists what this server answers for"}
}
