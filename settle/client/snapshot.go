package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Snapshot asks for the ledger at its last final checkpoint. The caller reads it within the context and closes it; size
// is its length in bytes, or -1. What comes is to be checked as anything from a stranger is: settle/snapshot does.
func (c *Client) Snapshot(ctx context.Context) (body io.ReadCloser, size int64, err error) {
	r := request{method: http.MethodGet, path: "/v1/snapshot"}
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/octet-stream, application/problem+json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, c.transportError(r, err, true)
	}
	if resp.StatusCode == http.StatusOK && mediaType(resp.Header) == "application/octet-stream" {
		return resp.Body, resp.ContentLength, nil
	}
	defer resp.Body.Close()
	answer, err := readBounded(resp.Body)
	if err != nil {
		return nil, 0, c.transportError(r, err, true)
	}
	if resp.StatusCode == http.StatusOK {
		return nil, 0, fmt.Errorf("%w: %s: content type %q", ErrResponse, r.path, clip(mediaType(resp.Header)))
	}
	return nil, 0, c.refusal(r, resp, answer)
}
