package client_test

import (
	"errors"
	"fmt"
	"io"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

func ExampleClient_Network() {
	s := startExample()
	defer s.Close()
	n, err := s.Network(ctx)
	fmt.Println(n.Name, n.Currency, len(n.Witnesses), err)
	// Output: example EUR 1 <nil>
}

func ExampleClient_Account() {
	s := startExample()
	defer s.Close()
	a, err := s.Account(ctx, carDID)
	fmt.Println(a.Status, a.Balance, err)
	// Output: active 50.00 EUR <nil>
}

func ExampleClient_DID() {
	s := startExample()
	defer s.Close()
	r, err := s.DID(ctx, carDID, false)
	fmt.Println(r.Document.ID == carDID.String(), r.Metadata.Registered, err)
	// Output: true false <nil>
}

func ExampleClient_Channels() {
	s := startExample()
	defer s.Close()
	s.open()
	page, err := s.Channels(ctx, client.ChannelQuery{Party: carDID, State: client.ChannelOpen})
	fmt.Println(len(page.Items), page.Items[0].Locked, err)
	// Output: 1 20.00 EUR <nil>
}

func ExampleClient_Channel() {
	s := startExample()
	defer s.Close()
	c, err := s.Channel(ctx, s.open())
	fmt.Println(c.State, c.Claimed.Opener, err)
	// Output: open 3.00 EUR <nil>
}

func ExampleClient_Claims() {
	s := startExample()
	defer s.Close()
	page, err := s.Claims(ctx, s.open())
	fmt.Println(page.Items[0].Lane, page.Items[0].Amount, err)
	// Output: 0 3.00 EUR <nil>
}

func ExampleClient_Vertices() {
	s := startExample()
	defer s.Close()
	s.open()
	page, err := s.Vertices(ctx, client.VertexQuery{Party: carDID, PageQuery: client.PageQuery{Limit: 2}})
	for _, v := range page.Items {
		fmt.Println(v.Kind, v.Verdict, len(v.Parents) > 1)
	}
	fmt.Println(page.Next != "", err)
	// Output:
	// settle applied true
	// open applied true
	// true <nil>
}

func ExampleClient_Vertex() {
	s := startExample()
	defer s.Close()
	v, err := s.Vertex(ctx, client.ID(s.genesis.ID()))
	fmt.Println(v.Kind, v.State, err)
	// Output: genesis final <nil>
}

func ExampleClient_AwaitVertex() {
	s := startExample()
	defer s.Close()
	outcome := s.submit(&settle.Anchor{Hash: [32]byte{1}})
	v, err := s.AwaitVertex(ctx, client.ID(outcome.Vertex)) // answers after 25 seconds at the latest, whatever the state
	fmt.Println(v.State, err)
	// Output: final <nil>
}

func ExampleClient_WaitFinal() {
	s := startExample()
	defer s.Close()
	outcome := s.submit(&settle.Anchor{Hash: [32]byte{1}})
	v, err := s.WaitFinal(ctx, client.ID(outcome.Vertex))
	fmt.Println(v.State, len(v.Certified) > 0, err)
	// Output: final true <nil>
}

func ExampleClient_PostVertex() {
	s := startExample()
	defer s.Close()
	n := must(s.Network(ctx))
	var parents []settle.VertexID
	for _, id := range n.Tips {
		parents = append(parents, settle.VertexID(id))
	}
	vertex := must(settle.Sign(settle.Draft{Network: n.Network, Issuer: carDID, Parents: parents, Payload: &settle.Anchor{Hash: [32]byte{1}}}, car))
	posted, err := s.PostVertex(ctx, vertex.Encode()) // Submitter does all this, and resolves what is not known
	fmt.Println(posted.Kind, posted.Verdict, err)
	// Output: anchor applied <nil>
}

func ExampleClient_Transfers() {
	s := startExample()
	defer s.Close()
	s.submit(&settle.Transfer{Sequence: 1, To: poleDID, Amount: 2 * money.Nano})
	for t, err := range client.All(func(cursor string) (client.Page[client.Transfer], error) {
		return s.Transfers(ctx, client.EntryQuery{Party: poleDID, PageQuery: client.PageQuery{Cursor: cursor}})
	}) {
		fmt.Println(t.Amount, err)
	}
	// Output: 2.00 EUR <nil>
}

func ExampleClient_Transfer() {
	s := startExample()
	defer s.Close()
	ask := client.TransferRequest{To: poleDID, Amount: euros(2), Reference: "rent for March"}
	first, err := s.Transfer(ctx, "rent-2026-03", ask)
	again, _ := s.Transfer(ctx, "rent-2026-03", ask) // after an error, or to be sure: it pays once
	fmt.Println(first.Amount, again.Vertex == first.Vertex, err)
	ask.Amount = euros(3)
	_, err = s.Transfer(ctx, "rent-2026-03", ask)
	fmt.Println(errors.Is(err, client.ErrKeyReused))
	// Output:
	// 2.00 EUR true <nil>
	// true
}

func ExampleClient_Settlements() {
	s := startExample()
	defer s.Close()
	page, err := s.Settlements(ctx, client.EntryQuery{Channel: s.open()})
	fmt.Println(page.Items[0].Kind, page.Items[0].Claimed.Opener, err)
	// Output: settle 3.00 EUR <nil>
}

func ExampleClient_Issues() {
	s := startExample()
	defer s.Close()
	page, err := s.Issues(ctx, client.EntryQuery{Party: carDID})
	fmt.Println(page.Items[0].Amount, err)
	// Output: 50.00 EUR <nil>
}

func ExampleClient_Issue() {
	s := startExample()
	defer s.Close()
	issued, err := s.Issue(ctx, client.IssueRequest{To: poleDID, Amount: euros(20), Reference: "payment 4711"})
	again, _ := s.Issue(ctx, client.IssueRequest{To: poleDID, Amount: euros(20), Reference: "payment 4711"})
	fmt.Println(issued.Amount, again.Vertex == issued.Vertex, err)
	// Output: 20.00 EUR true <nil>
}

func ExampleClient_Redemptions() {
	s := startExample()
	defer s.Close()
	s.submit(&settle.Redeem{Sequence: 1, Issuer: must(s.Network(ctx)).Issuers[0], Amount: 4 * money.Nano})
	page, err := s.Redemptions(ctx, client.EntryQuery{Party: carDID})
	fmt.Println(page.Items[0].Amount, err)
	// Output: 4.00 EUR <nil>
}

func ExampleClient_Checkpoints() {
	s := startExample()
	defer s.Close()
	page, err := s.Checkpoints(ctx, client.CheckpointQuery{State: client.CheckpointFinal, PageQuery: client.PageQuery{Limit: 1}})
	fmt.Println(len(page.Items), page.Items[0].Final, err)
	// Output: 1 true <nil>
}

func ExampleClient_Snapshot() {
	s := startExample()
	defer s.Close()
	body, size, err := s.Snapshot(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	fmt.Println(string(text), size, err)
	// Output: snapshot 8 <nil>
}

func ExampleClient_Sessions() {
	s := startExample()
	defer s.Close()
	page, err := s.Sessions(ctx, client.SessionQuery{State: client.SessionFinal, Span: client.Span{Since: noon}})
	fmt.Println(page.Items[0].EnergyWh, page.Items[0].Amount, err)
	// Output: 10000 5.00 EUR <nil>
}

func ExampleClient_Session() {
	s := startExample()
	defer s.Close()
	one, err := s.Session(ctx, visit)
	fmt.Println(one.Service, one.Claims, one.Final, err)
	// Output: charging 7 true <nil>
}

func ExampleClient_Readings() {
	s := startExample()
	defer s.Close()
	last := uint64(2) // what is there already
	page, err := s.Readings(ctx, visit, client.ReadingQuery{After: &last})
	fmt.Println(page.Items[0].Sequence, page.Items[0].PowerW, page.Items[0].Amount, err)
	// Output: 3 11000 5.00 EUR <nil>
}

func ExampleClient_Receipt() {
	s := startExample()
	defer s.Close()
	raw, err := s.Receipt(ctx, visit) // package receipt verifies it
	fmt.Println(string(raw), err)
	// Output: {"version":1} <nil>
}

func ExampleClient_Stations() {
	s := startExample()
	defer s.Close()
	page, err := s.Stations(ctx, client.StationQuery{State: client.StationFree})
	fmt.Println(page.Items[0].EVSE, page.Items[0].UnitPrice, err)
	// Output: DE*JLP*E1*1 1.00 EUR <nil>
}

func ExampleClient_Tariffs() {
	s := startExample()
	defer s.Close()
	page, err := s.Tariffs(ctx, client.OfferQuery{At: noon})
	fmt.Println(page.Items[0].ID, page.Items[0].Words, err)
	// Output: default 1 EUR/kWh <nil>
}

func ExampleClient_Estimates() {
	s := startExample()
	defer s.Close()
	page, err := s.Estimates(ctx, client.OfferQuery{})
	fmt.Println(page.Items[0].EnergyWh, page.Items[0].Total.InclVAT, err)
	// Output: 10000 10 <nil>
}

func ExampleClient_Prices() {
	s := startExample()
	defer s.Close()
	page, err := s.Prices(ctx, client.PriceQuery{Span: client.Span{Since: noon, Until: noon.AddDate(0, 0, 1)}})
	fmt.Println(page.Items[0].Price, page.Items[0].Per, page.Items[0].MarketPerMWh, err)
	// Output: 1.00 EUR kWh 92.85 <nil>
}

func ExampleClient_Events() {
	s := startExample()
	defer s.Close()
	last := "0123456789abcdef-7" // the ID of the last event that was got, before the server started anew
	for e, err := range s.Events(ctx, client.EventQuery{After: last}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Type) // something was missed: read the resources anew
		last = e.ID
		break
	}
	s.submit(&settle.Anchor{Hash: [32]byte{1}})
	for e, err := range s.Events(ctx, client.EventQuery{After: last}) { // goes on where the first loop ended
		fmt.Println(e.Type, err)
		break
	}
	// Output:
	// gap
	// vertex <nil>
}

func ExampleClient_ReceiptReport() {
	s := startExample()
	defer s.Close()
	report, err := s.ReceiptReport(ctx, visit) // this server's receipt is made up
	fmt.Println(report.Verified, err)
	// Output: false <nil>
}

func ExampleClient_Pin() {
	s := startExample()
	defer s.Close()
	pinned, err := s.Pin(ctx, s.genesis.NetworkID()) // what it verifies from now on, no server can make up
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := pinned.CertifiedAccount(ctx, carDID)
	fmt.Println(a.Account.Balance, err)
	// Output: 50.00 <nil>
}

func ExampleSubmitter() {
	s := startExample()
	defer s.Close()
	submitter := client.NewSubmitter(s.Client, s.genesis.NetworkID(), carDID, car)
	sequence, err := submitter.NextSequence(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome, err := submitter.Submit(ctx, &settle.Transfer{Sequence: sequence, To: poleDID, Amount: 2 * money.Nano})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := submitter.WaitFinal(ctx, outcome.Vertex)
	fmt.Println(outcome.Verdict, v.State, err)
	// Output: applied final <nil>
}
