package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"joulepay/wallet/credential"
)

// FetchTimeMax bounds one fetch of a list, of some kilobytes, over a mobile link.
const FetchTimeMax = 15 * time.Second

// ErrRedirect keeps a trusted issuer's host from sending a verifier on to a third one.
var ErrRedirect = errors.New("status: lists are not fetched by way of another address")

var fetcher = &http.Client{
	Timeout:       FetchTimeMax,
	CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
}

// FetchHTTP gets a list by HTTP. It is the Fetch of processes: bounded in time and size, without redirects.
func FetchHTTP(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", MediaType)
	answer, err := fetcher.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // read only: nothing to lose
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, credential.StatusListSizeMax+1)) // what is longer is refused as too large
}
