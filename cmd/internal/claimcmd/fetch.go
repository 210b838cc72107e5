package claimcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"joulepay/wallet/credential"
)

// fetchTimeMax bounds one fetch of a status list of some kilobytes.
const fetchTimeMax = 15 * time.Second

// errRedirect keeps a trusted issuer's host from sending a verifier on to a third one.
var errRedirect = errors.New("claimcmd: status lists are not fetched by way of another address")

var fetcher = &http.Client{
	Timeout:       fetchTimeMax,
	CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
}

// fetchList gets a status list by HTTP. It is the Fetch of a status.Cache.
func fetchList(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/vc+jwt")
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
