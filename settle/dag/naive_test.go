package dag_test

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
)

// naive is a second ledger: the rules as one would write them down for a colleague, with maps, sums over everything and
// fractions, and a copy of the whole state for every vertex. It shares no code with the engine beyond encodings, keys
// and signatures.
type naive struct {
	network  wallet.NetworkID
	limits   settle.Limits
	caps     map[wallet.DID]int64
	members  map[wallet.DID]bool
	accounts map[wallet.DID]naiveAccount
	issued   map[wallet.DID]int64 // less what was redeemed
	minted   map[settle.SlotKey]naiveMint
	dids     map[wallet.DID]naiveDID
	channels map[channel.ID]naiveChannel
	order    []settle.SlotKey // of slots, as they were made
	total    int64            // issued less redeemed
	now      time.Duration    // ledger time since the genesis
	windows  time.Duration    // the clock of windows
	rounds   int              // certified checkpoints
}

type naiveAccount struct {
	key         wallet.PublicKey
	deactivated bool
	balance     int64
	sequence    uint64
	credit      *big.Rat
}

type naiveMint struct {
	to     wallet.DID
	amount int64
}

type naiveDID struct {
	version  uint64
	document settle.Document
}

type naiveChannel struct {
	opening   channel.Opening
	in, out   [2]int64 // by party
	withdrawn uint32   // sequence
	lanes     [2]naiveLane
	state     channel.State
	prepaid   map[string]bool
	expiry    time.Duration
	windowEnd time.Duration
	since     int
}

type naiveLane struct {
	most, owed int64
	sequence   uint64
	claim      channel.Hash
}

func newNaive(g settle.Genesis, network wallet.NetworkID) *naive {
	n := &naive{
		network: network, limits: g.Limits, caps: map[wallet.DID]int64{}, members: map[wallet.DID]bool{}, accounts: map[wallet.DID]naiveAccount{},
		issued: map[wallet.DID]int64{}, minted: map[settle.SlotKey]naiveMint{}, dids: map[wallet.DID]naiveDID{},
		channels: map[channel.ID]naiveChannel{}, order: []settle.SlotKey{settle.TotalsKey()},
	}
	for _, w := range g.Witnesses {
		n.members[w.DID] = true
	}
	for _, i := range g.Issuers {
		n.members[i.DID], n.caps[i.DID] = true, int64(i.Cap)
		n.order = append(n.order, settle.IssuerKey(i.DID))
		n.create(i.DID, 0)
		a := n.accounts[i.DID]
		a.credit = new(big.Rat).SetInt(n.most(i.DID))
		n.accounts[i.DID] = a
	}
	return n
}

func (n *naive) clone() *naive {
	c := *n
	c.accounts, c.issued, c.minted = maps.Clone(n.accounts), maps.Clone(n.issued), maps.Clone(n.minted)
	c.dids, c.channels, c.order = maps.Clone(n.dids), maps.Clone(n.channels), slices.Clone(n.order)
	for id, ch := range c.channels {
		ch.prepaid = maps.Clone(ch.prepaid)
		c.channels[id] = ch
	}
	return &c
}

func (n *naive) create(d wallet.DID, credit int64) {
	n.accounts[d] = naiveAccount{key: d.InceptionKey(), credit: new(big.Rat).SetInt64(credit)}
	n.order = append(n.order, settle.AccountKey(d))
}

func (n *naive) credited() bool { return n.limits.CreditInterval > 0 }

// shares divides what a channel holds by what each put in less what it took out.
func (c naiveChannel) shares() [2]int64 {
	if c.state == channel.Closed {
		return [2]int64{}
	}
	held := c.in[0] + c.in[1] - c.out[0] - c.out[1]
	first := max(0, min(held, c.in[0]-c.out[0]))
	return [2]int64{first, held - first}
}

func (n *naive) locked(d wallet.DID) (sum int64) {
	for _, c := range n.channels {
		for p, share := range c.shares() {
			if c.opening.Account(channel.Party(p)) == d {
				sum += share
			}
		}
	}
	return sum
}

func (n *naive) wealth(d wallet.DID) int64 {
	w := n.accounts[d].balance + n.locked(d)
	if most, ok := n.caps[d]; ok {
		w += most - n.issued[d]
	}
	return w
}

// earned gives what some wealth earns in some time.
func (n *naive) earned(wealth int64, d time.Duration) *big.Rat {
	product := new(big.Int).Mul(big.NewInt(wealth), big.NewInt(d.Milliseconds()))
	return new(big.Rat).SetFrac(product, new(big.Int).Mul(big.NewInt(eur), big.NewInt(n.limits.CreditInterval.Milliseconds())))
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Quo(r.Num(), r.Denom()) }

// most is where credit stops growing.
func (n *naive) most(d wallet.DID) *big.Int {
	if !n.credited() {
		return new(big.Int)
	}
	m := floor(n.earned(n.wealth(d), n.limits.CreditCap))
	if least := big.NewInt(int64(n.limits.RegistrationCredit)); m.Cmp(least) < 0 {
		return least
	}
	return m
}

// wait lets time pass, gives everybody their credit, and closes what expires.
func (n *naive) wait(d time.Duration) {
	if n.credited() {
		for did, a := range n.accounts {
			most := n.most(did)
			if floor(a.credit).Cmp(most) >= 0 {
				a.credit = new(big.Rat).SetInt(floor(a.credit))
			} else if sum := new(big.Rat).Add(a.credit, n.earned(n.wealth(did), d)); floor(sum).Cmp(most) >= 0 {
				a.credit = new(big.Rat).SetInt(most)
			} else {
				a.credit = sum
			}
			n.accounts[did] = a
		}
	}
	n.now += d
	n.windows += min(d, n.limits.StepMax)
	n.rounds++
	for id, c := range n.channels {
		if c.state == channel.Open && c.expiry <= n.now {
			n.channels[id] = n.closing(c)
		}
	}
}

func (n *naive) closing(c naiveChannel) naiveChannel {
	c.state, c.windowEnd, c.since = channel.Closing, n.windows+c.opening.Terms.Window, n.rounds
	return c
}

// judge gives the verdict on a vertex, and the ledger after it.
func (n *naive) judge(v *settle.Vertex) (settle.Verdict, *naive) {
	if v.Network() != n.network {
		return settle.WrongNetwork, n
	}
	key, deactivated := v.Issuer().InceptionKey(), false
	if a, ok := n.accounts[v.Issuer()]; ok {
		key, deactivated = a.key, a.deactivated
	}
	if wallet.Verify(key, wallet.DomainVertex, n.network, idBytes(v), v.Signature()) != nil {
		return settle.BadSignature, n
	}
	if deactivated {
		return settle.Deactivated, n
	}
	next := n.clone()
	price := next.price(v.Issuer(), v.Payload())
	payer := next.payer(v.Issuer(), v.Payload(), price.work)
	verdict := next.apply(payer, v.Issuer(), v.Payload(), price.work)
	if verdict != settle.Applied {
		return verdict, n
	}
	if !next.affords(payer, price.work) {
		return settle.CreditSpent, n
	}
	if a, ok := next.accounts[payer]; ok && next.credited() {
		a.credit = new(big.Rat).Sub(a.credit, new(big.Rat).SetInt64(price.work))
		next.accounts[payer] = a
	}
	for id, way := range price.ways {
		delete(next.channels[id].prepaid, way)
	}
	return settle.Applied, next
}

func idBytes(v *settle.Vertex) []byte {
	id := v.ID()
	return id[:]
}

func (n *naive) affords(d wallet.DID, work int64) bool {
	if !n.credited() || work == 0 {
		return true
	}
	a, ok := n.accounts[d]
	return ok && floor(a.credit).Cmp(big.NewInt(work)) >= 0
}

// payer is the issuer; or another party of the channel, where both signed and the issuer is a party without credit.
func (n *naive) payer(by wallet.DID, payload settle.Payload, work int64) wallet.DID {
	for id, c := range n.channels {
		w, withdraws := payload.(*settle.Withdraw)
		k, closes := payload.(*settle.CooperativeClose)
		if !(withdraws && w.Signed.Withdrawal.Channel == id || closes && k.Signed.Close.Channel == id) || n.affords(by, work) {
			continue
		}
		if by == c.opening.Opener || by == c.opening.Partner || by == c.opening.Payout {
			for _, d := range []wallet.DID{c.opening.Opener, c.opening.Partner} {
				if n.affords(d, work) {
					return d
				}
			}
		}
	}
	return by
}

// naivePrice is what a vertex costs its issuer, and what pays for the rest.
type naivePrice struct {
	work int64
	ways map[channel.ID]string
}

func (n *naive) price(by wallet.DID, payload settle.Payload) naivePrice {
	p := naivePrice{ways: map[channel.ID]string{}}
	one := func(id channel.ID, work int64, ways ...string) {
		c, ok := n.channels[id]
		if ok && c.state == channel.Closed {
			return
		}
		if ok && p.use(id, c, ways) {
			return
		}
		p.work = work
	}
	account := func(d wallet.DID) int64 {
		if _, exists := n.accounts[d]; exists || n.members[by] {
			return 0
		}
		return int64(n.limits.RegistrationCredit)
	}
	switch x := payload.(type) {
	case *settle.Transfer:
		p.work = 1 + account(x.To)
	case *settle.Open:
		p.work = 28
	case *settle.Settle:
		p.claims(n, by, x.Claims)
	case *settle.Withdraw:
		if c, ok := n.channels[x.Signed.Withdrawal.Channel]; ok && x.Signed.Withdrawal.Sequence <= c.withdrawn {
			break
		}
		one(x.Signed.Withdrawal.Channel, 3, "withdraw")
	case *settle.CooperativeClose:
		one(x.Signed.Close.Channel, 3, "close", "finalise")
	case *settle.CloseRequest:
		id := x.Signed.Request.Channel
		if n.channels[id].state == channel.Closing {
			p.claims(n, by, x.Claims)
			break
		}
		one(id, 2+int64(len(x.Claims)), "close")
	case *settle.Finalise:
		one(x.Channel, 1, "finalise")
	case *settle.Publish:
		p.work = 4 + account(x.DID)
	case *settle.Rotate:
		p.work = 4 + account(x.DID)
	case *settle.Deactivate:
		p.work = 4 + account(x.DID)
	default:
		p.work = 1
	}
	return p
}

func (p *naivePrice) use(id channel.ID, c naiveChannel, ways []string) bool {
	for _, way := range ways {
		if c.prepaid[way] {
			p.ways[id] = way
			return true
		}
	}
	return false
}

// claims prices those that stand above their lanes; what one channel has paid for pays for the vertex too.
func (p *naivePrice) claims(n *naive, by wallet.DID, claims []channel.Best) {
	above := map[channel.ID]int64{}
	for _, best := range claims {
		id := best.Signed.Claim.Channel
		if c, ok := n.channels[id]; ok && c.state != channel.Closed && c.below(best) {
			above[id]++
		}
	}
	work, paid := int64(0), false
	for id, count := range above {
		c := n.channels[id]
		ways := []string{"settle"}
		if c.state == channel.Closing {
			switch by {
			case c.opening.Opener:
				ways = []string{"challenge of the opener", "settle"}
			case c.opening.Partner, c.opening.Payout:
				ways = []string{"challenge of the partner", "settle"}
			}
		}
		if p.use(id, c, ways) {
			paid = true
			continue
		}
		work += count
	}
	if len(above) > 0 && !paid {
		work++
	}
	p.work = work
}

// below tells whether a claim stands above its lane: by what is owed, then its sequence, then its hash.
func (c naiveChannel) below(best channel.Best) bool {
	claim := best.Signed.Claim
	l, hash, owed := c.lanes[claim.Lane], claim.Hash(), int64(best.Owed())
	switch {
	case best.IsZero():
		return false
	case l.claim == channel.Hash{}:
		return true
	case owed != l.owed:
		return owed > l.owed
	case claim.Sequence != l.sequence:
		return claim.Sequence > l.sequence
	}
	return string(hash[:]) > string(l.claim[:])
}
