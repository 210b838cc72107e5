package client

import (
	"context"
	"fmt"
	"net/url"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/wallet"
)

// DID resolves a DID: its document, and what happened to it. Every did:joule has one; before it is registered, that of its
// inception. With a proof the answer certifies the registration, if there is one that is final.
func (c *Client) DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error) {
	v := url.Values{}
	if proof {
		v.Set("proof", "1")
	}
	return read[did.Resolution](ctx, c, "/v1/dids/"+url.PathEscape(d.String()), v)
}

// CertifiedDID reads a DID's registration with its proof and verifies it. One that is not registered, or not final yet,
// gives ErrUnproven. How old the proof may be is the caller's to say: see did.Registration.
func (p *Pinned) CertifiedDID(ctx context.Context, d wallet.DID) (did.Registration, error) {
	resource, err := p.DID(ctx, d, true)
	if err != nil {
		return did.Registration{}, err
	}
	slot, err := p.slot(resource.Certified, settle.DIDKey(d))
	if err != nil {
		return did.Registration{}, err
	}
	r, err := did.Read(p.network, d, slot)
	if err != nil {
		return did.Registration{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return r, nil
}
