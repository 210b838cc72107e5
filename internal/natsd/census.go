package natsd

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Errors of a server that has enough of somebody. The client hears ErrRefused.
var (
	errKeyFull     = errors.New("natsd: the key has as many connections as it may")
	errAddressFull = errors.New("natsd: the address has as many connections as it may")
)

// census counts the connections of each key and of each address. The server tells when a client comes and not when it goes, so
// those that have gone are struck off when somebody asks for room.
type census struct {
	perKey, perAddress int
	connected          func(id uint64) bool // whether a client is still there

	mu        sync.Mutex // guards below
	keys      map[[KeySize]byte][]uint64
	addresses map[string][]uint64
	entered   int // since the last sweep
}

func newCensus(o Options) *census {
	c := &census{
		perKey: perKeyMax, perAddress: perAddressMax, connected: func(uint64) bool { return true },
		keys: map[[KeySize]byte][]uint64{}, addresses: map[string][]uint64{},
	}
	if o.ClientsPerKeyMax > 0 {
		c.perKey = o.ClientsPerKeyMax
	}
	if o.ClientsPerAddressMax > 0 {
		c.perAddress = o.ClientsPerAddressMax
	}
	return c
}

// enter notes a client, or refuses it.
func (c *census) enter(id uint64, client Client) error {
	host, _, err := net.SplitHostPort(client.Address)
	if err != nil {
		host = client.Address
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entered++; c.entered >= clientsMax {
		c.sweep()
	}
	ofKey, ofHost := c.present(c.keys[client.Key]), c.present(c.addresses[host])
	c.keys[client.Key], c.addresses[host] = ofKey, ofHost
	switch {
	case len(ofKey) >= c.perKey:
		return fmt.Errorf("%w: %d", errKeyFull, c.perKey)
	case len(ofHost) >= c.perAddress:
		return fmt.Errorf("%w: %s, %d", errAddressFull, host, c.perAddress)
	}
	c.keys[client.Key], c.addresses[host] = append(ofKey, id), append(ofHost, id)
	return nil
}

// present strikes off those that have gone.
func (c *census) present(ids []uint64) []uint64 {
	kept := ids[:0]
	for _, id := range ids {
		if c.connected(id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// sweep forgets keys and addresses that have nobody left: vehicles take a fresh key each time.
func (c *census) sweep() {
	c.entered = 0
	for key, ids := range c.keys {
		if c.keys[key] = c.present(ids); len(c.keys[key]) == 0 {
			delete(c.keys, key)
		}
	}
	for host, ids := range c.addresses {
		if c.addresses[host] = c.present(ids); len(c.addresses[host]) == 0 {
			delete(c.addresses, host)
		}
	}
}
