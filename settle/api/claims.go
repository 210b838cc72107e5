package api

import (
	"context"
	"errors"

	"joulepay/settle/client"
	"joulepay/settle/node"
)

// firstClaims asks one after the other.
type firstClaims []Claims

// FirstClaims answers with what the first source knows that knows the channel: a station what was signed with it, and a ledger
// what was settled between others.
func FirstClaims(sources ...Claims) Claims { return firstClaims(sources) }

// Claims implements Claims.
func (f firstClaims) Claims(ctx context.Context, id client.ID) (page client.Page[client.Claim], err error) {
	err = client.NewProblem(client.ErrNotFound, "", "")
	for _, source := range f {
		page, err = source.Claims(ctx, id)
		if !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrUnavailable) && !errors.Is(err, node.ErrNotFound) {
			return page, err
		}
	}
	return page, err
}
