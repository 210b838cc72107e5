package dag

import (
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func (g *stage) account(d wallet.DID) settle.Account {
	a, ok := load(g, settle.AccountKey(d), settle.DecodeAccount)
	if !ok {
		return settle.NewAccount(d)
	}
	return a
}

func (g *stage) totals() settle.Totals {
	t, _ := load(g, settle.TotalsKey(), settle.DecodeTotals)
	return t
}

// spend takes money out of an account and counts its sequence up.
func (g *stage) spend(d wallet.DID, sequence uint64, amount money.Amount) settle.Verdict {
	a := g.account(d)
	if sequence != a.Sequence+1 {
		return settle.WrongSequence
	}
	if amount > a.Balance {
		return settle.Overspend
	}
	a.Balance -= amount
	a.Sequence = sequence
	g.put(settle.AccountKey(d), a.Encode())
	return settle.Applied
}

// credit adds to an account, and makes it when it is the first credit.
func (g *stage) credit(d wallet.DID, amount money.Amount) settle.Verdict {
	key := settle.AccountKey(d)
	if _, exists := g.get(key); !exists {
		inception := d.InceptionKey()
		if _, err := wallet.ParsePublicKey(inception[:]); err != nil {
			return settle.BadAccount
		}
	}
	a := g.account(d)
	balance, err := a.Balance.Add(amount)
	if err != nil {
		return settle.OutOfRange
	}
	a.Balance = balance
	g.put(key, a.Encode())
	return settle.Applied
}

func (g *stage) transfer(from wallet.DID, p *settle.Transfer) settle.Verdict {
	if v := g.spend(from, p.Sequence, p.Amount); !v.Accepted() {
		return v
	}
	return g.credit(p.To, p.Amount)
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
	if issuer.Issued-issuer.Redeemed > g.cap(by) {
		return settle.AboveCap
	}
	totals := g.totals()
	if totals.Issued, err = totals.Issued.Add(p.Amount); err != nil {
		return settle.OutOfRange
	}
	g.put(settle.IssuerKey(by), issuer.Encode())
	g.put(settle.TotalsKey(), totals.Encode())
	g.put(key, mint.Encode())
	return g.credit(p.To, p.Amount)
}

func (g *stage) cap(issuer wallet.DID) money.Amount {
	for _, i := range g.state.network.Genesis.Issuers {
		if i.DID == issuer {
			return i.Cap
		}
	}
	return 0
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
