package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// ErrUnproven is returned when a server gives no proof for what it says, or one that does not hold. It says nothing
// about the ledger: ask again, or ask another server.
var ErrUnproven = errors.New("client: the server does not prove what it says")

// Pinned is a client that knows its network by the genesis, and believes accounts and channels only with a proof.
type Pinned struct {
	*Client
	network *proof.Network
}

// Pin asks the server for its network, which must be the one named: else ErrWrongNetwork. The zero id takes whatever
// network the server has, which is trust at first contact: keep the id and name it from then on.
func (c *Client) Pin(ctx context.Context, id wallet.NetworkID) (*Pinned, error) {
	n, err := c.Network(ctx)
	if err != nil {
		return nil, err
	}
	network, err := parseGenesis(n.Genesis)
	if err != nil {
		return nil, err
	}
	if network.ID != n.Network {
		return nil, fmt.Errorf("%w: the genesis of %s under the name of %s", ErrUnproven, network.ID, n.Network)
	}
	if id != (wallet.NetworkID{}) && id != network.ID {
		return nil, fmt.Errorf("%w: %s has %s, pinned is %s", ErrWrongNetwork, c.base, network.ID, id)
	}
	return &Pinned{Client: c, network: network}, nil
}

func parseGenesis(raw []byte) (*proof.Network, error) {
	vertex, err := settle.DecodeVertex(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: genesis: %w", ErrResponse, err)
	}
	network, err := proof.NewNetwork(vertex)
	if err != nil {
		return nil, fmt.Errorf("%w: genesis: %w", ErrResponse, err)
	}
	return network, nil
}

// Trusted gives the network that is pinned.
func (p *Pinned) Trusted() *proof.Network { return p.network }

// CertifiedChannel is a channel as a final checkpoint has it.
type CertifiedChannel struct {
	Channel settle.Channel
	At      time.Time // when the witnesses' clocks certified it
	Proof   proof.Slot
}

// CertifiedChannel reads a channel with its proof and verifies it.
func (p *Pinned) CertifiedChannel(ctx context.Context, id channel.ID) (CertifiedChannel, error) {
	resource, err := p.Channel(ctx, ID(id))
	if err != nil {
		return CertifiedChannel{}, err
	}
	slot, err := p.slot(resource.Certified, settle.ChannelKey(id))
	if err != nil {
		return CertifiedChannel{}, err
	}
	content, err := settle.DecodeChannel(slot.Content)
	if err != nil {
		return CertifiedChannel{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return CertifiedChannel{Channel: content, At: slot.Final.CertifiedAt(p.network), Proof: slot}, nil
}

// CertifiedAccount is an account as a final checkpoint has it.
type CertifiedAccount struct {
	Account settle.Account
	At      time.Time // when the witnesses' clocks certified it
	Proof   proof.Slot
}

// CertifiedAccount reads an account with its proof and verifies it. Of an account without money there is none.
func (p *Pinned) CertifiedAccount(ctx context.Context, did wallet.DID) (CertifiedAccount, error) {
	resource, err := p.Account(ctx, did)
	if err != nil {
		return CertifiedAccount{}, err
	}
	slot, err := p.slot(resource.Certified, settle.AccountKey(did))
	if err != nil {
		return CertifiedAccount{}, err
	}
	content, err := settle.DecodeAccount(slot.Content)
	if err != nil {
		return CertifiedAccount{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return CertifiedAccount{Account: content, At: slot.Final.CertifiedAt(p.network), Proof: slot}, nil
}

// slot verifies a proof of the slot that was asked for.
func (p *Pinned) slot(raw []byte, key settle.SlotKey) (proof.Slot, error) {
	if len(raw) == 0 {
		return proof.Slot{}, fmt.Errorf("%w: nothing about %s is final yet", ErrUnproven, key)
	}
	slot, err := proof.DecodeSlot(raw)
	if err != nil {
		return proof.Slot{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	if slot.Key != key {
		return proof.Slot{}, fmt.Errorf("%w: a proof of %s, asked for %s", ErrUnproven, slot.Key, key)
	}
	if err := slot.Verify(p.network); err != nil {
		return proof.Slot{}, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return slot, nil
}
