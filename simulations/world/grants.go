package world

import (
	"context"

	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// grant is money that a party has before the world begins.
type grant struct {
	to     wallet.DID
	amount money.Amount
}

// fund issues grants one after the other: the first vertices of a ledger have few parents to choose from.
func (l *ledger) fund(grants []grant) {
	if len(grants) == 0 {
		return
	}
	g := grants[0]
	v, err := settle.Sign(settle.Draft{
		Network: l.trusted.ID, Issuer: wallet.DIDOf(l.issuer.Public()), Parents: l.tips(),
		Payload: &settle.Issue{Reference: settle.ReferenceOf("funds of " + g.to.String()), To: g.to, Amount: g.amount},
	}, l.issuer)
	if err != nil {
		l.world.fail(err)
		return
	}
	l.funds = append(l.funds, v)
	l.submit(v, func(d decision) {
		l.world.fail(d.verdict.Err())
		l.issued += g.amount
		l.fund(grants[1:])
	})
}

// funded tells whether so many grants are final.
func (l *ledger) funded(grants int) bool {
	if grants == 0 || len(l.funds) < grants {
		return grants == 0
	}
	last, err := l.disk.Vertex(context.Background(), l.funds[len(l.funds)-1].ID()) // they are decided one after the other
	return err == nil && last.Height <= l.core.Finality().Final().Checkpoint.Height
}
