package dag

import (
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// account gives an account with the credit that it has earned up to now.
func (g *stage) account(d wallet.DID) settle.Account {
	a, ok := load(g, settle.AccountKey(d), settle.DecodeAccount)
	if !ok {
		return settle.NewAccount(d)
	}
	a.Credit = a.Credit.At(g.state.head.Time, g.wealth(d, a), g.state.limits())
	return a
}

func (g *stage) putAccount(d wallet.DID, a settle.Account) { g.put(settle.AccountKey(d), a.Encode()) }

func (g *stage) totals() settle.Totals {
	t, _ := load(g, settle.TotalsKey(), settle.DecodeTotals)
	return t
}

// spend takes money out of an account and counts its sequence up. What is left is nothing or enough.
func (g *stage) spend(d wallet.DID, sequence uint64, amount money.Amount) settle.Verdict {
	a := g.account(d)
	if sequence != a.Sequence+1 {
		return settle.WrongSequence
	}
	if amount > a.Balance {
		return settle.Overspend
	}
	a.Balance -= amount
	if amount > 0 && a.Balance != 0 && a.Balance < g.state.limits().AccountLock {
		return settle.BelowAccountLock
	}
	a.Sequence = sequence
	g.putAccount(d, a)
	return settle.Applied
}

// pay adds to an account what somebody sends, and makes the account when it is the first. It must then meet the lock. An
// account that can never spend is sent nothing.
func (g *stage) pay(d wallet.DID, amount money.Amount) settle.Verdict {
	if !g.active(d) {
		return settle.Deactivated
	}
	if _, exists := g.get(settle.AccountKey(d)); !exists {
		if !usable(d) {
			return settle.BadAccount
		}
		g.register(d, uint64(g.state.limits().RegistrationCredit))
	}
	if v := g.credit(d, amount); !v.Accepted() {
		return v
	}
	if g.account(d).Balance < g.state.limits().AccountLock {
		return settle.BelowAccountLock
	}
	return settle.Applied
}

func usable(d wallet.DID) bool {
	inception := d.InceptionKey()
	_, err := wallet.ParsePublicKey(inception[:])
	return err == nil
}

// register makes an account with some credit, which is none in a network that needs none.
func (g *stage) register(d wallet.DID, credit uint64) {
	a := settle.NewAccount(d)
	if g.state.limits().CreditInterval > 0 {
		a.Credit = settle.Credit{Units: credit, Since: g.state.head.Time}
	}
	g.putAccount(d, a)
}

// credit adds to an account. Money that comes out of a channel meets no lock: it is not the receiver's choice.
func (g *stage) credit(d wallet.DID, amount money.Amount) settle.Verdict {
	a := g.account(d)
	balance, err := a.Balance.Add(amount)
	if err != nil {
		return settle.OutOfRange
	}
	a.Balance = balance
	g.putAccount(d, a)
	return settle.Applied
}

func (g *stage) transfer(from wallet.DID, p *settle.Transfer) settle.Verdict {
	if v := g.spend(from, p.Sequence, p.Amount); !v.Accepted() {
		return v
	}
	return g.pay(p.To, p.Amount)
}

func (g *stage) issue(by wallet.DID, p *settle.Issue) settle.Verdict {
	issuer, ok := load(g, settle.IssuerKey(by), settle.DecodeIssuerSlot)
	if !ok {
		return settle.NotIssuer
	}
	key := settle.MintKey(by, p.Reference)
	mint := settle.Mint{To: p.To, Amount: p.Amount}
	if before, minted := load(g, key, settle.DecodeMint); minted {
		if before == mint {
			return settle.NoOp
		}
		return settle.MintedTwice
	}
	var err error
	if issuer.Issued, err = issuer.Issued.Add(p.Amount); err != nil {
		return settle.OutOfRange
	}
	if issuer.Issued-issuer.Redeemed > g.state.authority.caps[by] {
		return settle.AboveCap
	}
	totals := g.totals()
	if totals.Issued, err = totals.Issued.Add(p.Amount); err != nil {
		return settle.OutOfRange
	}
	g.earn(by)
	g.put(settle.IssuerKey(by), issuer.Encode())
	g.put(settle.TotalsKey(), totals.Encode())
	g.put(key, mint.Encode())
	return g.pay(p.To, p.Amount)
}

func (g *stage) redeem(from wallet.DID, p *settle.Redeem) settle.Verdict {
	issuer, ok := load(g, settle.IssuerKey(p.Issuer), settle.DecodeIssuerSlot)
	if !ok {
		return settle.NotIssuer
	}
	if v := g.spend(from, p.Sequence, p.Amount); !v.Accepted() {
		return v
	}
	if p.Amount > issuer.Issued-issuer.Redeemed {
		return settle.AboveCap
	}
	issuer.Redeemed += p.Amount
	g.earn(p.Issuer)
	totals := g.totals()
	totals.Redeemed += p.Amount // at most what was issued
	g.put(settle.IssuerKey(p.Issuer), issuer.Encode())
	g.put(settle.TotalsKey(), totals.Encode())
	return settle.Applied
}

// lock moves the total that is locked in channels, up or down.
func (g *stage) lock(amount money.Amount) {
	totals := g.totals()
	totals.Locked += amount // balances and locks together are at most what was issued
	g.put(settle.TotalsKey(), totals.Encode())
}
