package simtest

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// clients spend money, each in its own order, through any node, and try again until it is final.
type clients struct {
	world *world
	payer []*payer
	sent  []*settle.Vertex
	nonce uint64
}

// payer has an account and a list of what it spends: the nth payload carries sequence n+1.
type payer struct {
	key    wallet.PrivateKey
	spends []settle.Payload
}

const payers = 3

func newClients(w *world) *clients {
	c := &clients{world: w}
	for i := range payers {
		c.payer = append(c.payer, &payer{key: wallet.NewPrivateKey([32]byte{3, byte(i)})})
	}
	for i, p := range c.payer {
		to := wallet.DIDOf(c.payer[(i+1)%payers].key.Public())
		for n := range 2 + w.rng.IntN(4) {
			p.spends = append(p.spends, &settle.Transfer{Sequence: uint64(n + 1), To: to, Amount: money.Amount(1 + w.rng.IntN(1000))})
		}
	}
	if w.chance(50) {
		c.addChannel()
	}
	w.every(1200*time.Millisecond, c.submit)
	return c
}

// addChannel lets the first payer open a channel at its end.
func (c *clients) addChannel() {
	opener, partner := c.payer[0], c.payer[1]
	opener.spends = append(opener.spends, &settle.Open{Sequence: uint64(len(opener.spends) + 1), Opening: channel.Opening{
		Network: c.world.network.ID, Opener: wallet.DIDOf(opener.key.Public()), Partner: wallet.DIDOf(partner.key.Public()),
		OpenerKey:  wallet.NewPrivateKey([32]byte{4, 1}).Public(),
		PartnerKey: wallet.NewPrivateKey([32]byte{4, 2}).Public(),
		Payout:     wallet.DIDOf(partner.key.Public()), Deposit: 1000, Nonce: [16]byte{1},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: genesisTime.Add(24 * time.Hour)},
	}})
}

// submit brings what somebody has to do next to a node.
func (c *clients) submit() {
	up := c.world.up()
	if len(up) == 0 {
		return
	}
	m, i := pick(c.world, up), c.world.rng.IntN(payers)
	p := c.payer[i]
	key, payload := p.key, settle.Payload(nil)
	account := c.account(m, p)
	switch {
	case account.Sequence == 0 && account.Balance < 50_000: // not issued, whatever others have paid
		key, payload = issuerKey, &settle.Issue{
			Reference: settle.ReferenceOf(fmt.Sprint(i)), To: wallet.DIDOf(p.key.Public()), Amount: 100_000,
		}
	case account.Sequence < uint64(len(p.spends)):
		payload = p.spends[account.Sequence]
	default:
		return
	}
	c.nonce++
	v, err := settle.Sign(settle.Draft{
		Network: c.world.network.ID, Issuer: wallet.DIDOf(key.Public()), Parents: m.core.State().Tips(c.nonce), Nonce: c.nonce,
		Payload: payload,
	}, key)
	if err != nil {
		c.world.fail("sign: %v", err)
		return
	}
	if len(c.sent) < 1000 {
		c.sent = append(c.sent, v)
	}
	c.world.note("%s for %d to node %d", payload.Kind(), i, m.place)
	m.step(node.Submitted{Vertex: v, SignedBy: key.Public()})
}

// account gives an account as a node sees it now.
func (c *clients) account(m *machine, p *payer) settle.Account {
	raw, ok := m.core.State().Slot(settle.AccountKey(wallet.DIDOf(p.key.Public())))
	if !ok {
		return settle.Account{}
	}
	account, err := settle.DecodeAccount(raw)
	if err != nil {
		c.world.fail("node %d: %v", m.place, err)
	}
	return account
}

// done tells whether all is final on every honest node, and all have the same log.
func (c *clients) done() bool {
	var log proof.Hash
	for i, m := range c.world.honest() {
		if m.core == nil {
			return false
		}
		last, final := m.core.State().LastCheckpoint(), m.core.Finality().Final().Checkpoint
		if i == 0 {
			log = last.Log
		}
		if last.Log != log || final.State != last.State || m.core.State().Head().Changed {
			return false
		}
		for _, p := range c.payer {
			if c.account(m, p).Sequence < uint64(len(p.spends)) {
				return false
			}
		}
		for _, v := range c.sent {
			if m.core.Pending(v.ID()) {
				return false
			}
		}
	}
	return true
}
