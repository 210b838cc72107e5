package dag

import (
	"joulepay/settle"
	"joulepay/wallet"
)

func (g *stage) identity(d wallet.DID) (settle.Identity, bool) {
	return load(g, settle.DIDKey(d), settle.DecodeIdentity)
}

// publish registers a DID, or replaces its document. The version makes a repetition harmless and an old document stale.
func (g *stage) publish(v *settle.Vertex, p *settle.Publish) settle.Verdict {
	i, registered := g.identity(p.DID)
	switch {
	case registered && i.Version == p.Version && i.Status == settle.AccountActive && i.Document.Equal(p.Document):
		return settle.NoOp
	case !registered && p.Version != 1:
		return settle.UnknownDID
	}
	return g.change(v, p.DID, p.Version, p.Verify, func(i *settle.Identity) { i.Document = p.Document })
}

// rotate gives a DID, and its account, another key.
func (g *stage) rotate(v *settle.Vertex, p *settle.Rotate) settle.Verdict {
	if i, registered := g.identity(p.DID); registered && i.Version == p.Version && i.Key == p.Key {
		return settle.NoOp
	}
	return g.change(v, p.DID, p.Version, p.Verify, func(i *settle.Identity) {
		i.Key = p.Key
		i.Rotations++
	})
}

func (g *stage) deactivate(v *settle.Vertex, p *settle.Deactivate) settle.Verdict {
	if i, registered := g.identity(p.DID); registered && i.Version == p.Version && i.Status == settle.AccountDeactivated {
		return settle.NoOp
	}
	return g.change(v, p.DID, p.Version, p.Verify, func(i *settle.Identity) { i.Status = settle.AccountDeactivated })
}

// change makes the next version of a DID, signed by its key of now, and keeps key and status of its account the same.
func (g *stage) change(
	v *settle.Vertex, d wallet.DID, version uint64, verify func(wallet.NetworkID, wallet.PublicKey) error, edit func(*settle.Identity),
) settle.Verdict {
	i, registered := g.identity(d)
	a := g.account(d)
	switch {
	case !usable(d):
		return settle.BadAccount
	case a.Status == settle.AccountDeactivated:
		return settle.Deactivated
	case version != i.Version+1:
		return settle.WrongVersion
	case !g.affordable():
		return settle.CreditSpent
	case verify(g.state.network.ID, a.Key) != nil:
		return settle.BadDocument
	}
	if _, exists := g.get(settle.AccountKey(d)); !exists {
		g.register(d, uint64(g.state.limits().RegistrationCredit))
		a = g.account(d)
	}
	now := g.state.head.Time
	if !registered {
		i = settle.Identity{Key: a.Key, Status: a.Status, Created: now}
	}
	edit(&i)
	i.Version, i.Updated, i.Vertex = version, now, v.ID()
	g.put(settle.DIDKey(d), i.Encode())
	if a.Key != i.Key || a.Status != i.Status {
		a.Key, a.Status = i.Key, i.Status
		g.putAccount(d, a)
	}
	return settle.Applied
}

// active tells whether a DID may still begin something.
func (g *stage) active(d wallet.DID) bool { return g.account(d).Status != settle.AccountDeactivated }
