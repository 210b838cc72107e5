package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	issuerKey  = wallet.NewPrivateKey([32]byte{21})
	witnessKey = wallet.NewPrivateKey([32]byte{22})
	carKey     = wallet.NewPrivateKey([32]byte{23})
	carLane    = wallet.NewPrivateKey([32]byte{24})
	poleKey    = wallet.NewPrivateKey([32]byte{25})
	poleLane   = wallet.NewPrivateKey([32]byte{26})
	car        = wallet.DIDOf(carKey.Public())
	pole       = wallet.DIDOf(poleKey.Public())
)

// waitInTests is longer than a certificate takes, and short enough to wait for one that never comes.
const waitInTests = 500 * time.Millisecond

func testGenesis(t testing.TB, name string) *settle.Vertex {
	t.Helper()
	limits := settle.DefaultLimits()
	limits.CreditInterval, limits.CreditCap = 0, 0 // time stands still here, and credit would not grow
	limits.AccountLock, limits.ChannelLock = 0, 0
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: name, Currency: eur, Time: noon, Limits: limits,
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(issuerKey.Public()), Cap: 1_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(issuerKey.Public()), Key: witnessKey.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return genesis
}

// ledgerServer is a real node behind the API, and a client whose every exchange is checked against the document.
type ledgerServer struct {
	*client.Pinned
	node    *node.Node
	address string
	genesis *settle.Vertex
}

func startLedger(t testing.TB) *ledgerServer { return startLedgerWith(t, witnessKey) }

// begin publishes the Start of a log, which a node leaves to witnesses.
func begin(t testing.TB, log stream.Log, genesis *settle.Vertex) {
	t.Helper()
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bundle dag.Bundle
	bundle.Add(dag.Entry{Start: &dag.Start{Incarnation: head.Incarnation, Base: state.LastCheckpoint()}}.Encode())
	if _, err := log.Append(t.Context(), bundle.Encode()); err != nil {
		t.Fatal(err)
	}
}

func startLedgerWith(t testing.TB, witness wallet.PrivateKey) *ledgerServer {
	t.Helper()
	genesis := testGenesis(t, "test")
	log := stream.NewMemory()
	if witness.IsZero() {
		begin(t, log, genesis)
	}
	running, err := node.Start(context.Background(), node.Options{CoreOptions: node.CoreOptions{Witness: witness},
		Genesis: genesis, Store: store.NewMemory(), Stream: log, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	config := api.Config{Issuer: api.IssuerOf(running, wallet.DIDOf(issuerKey.Public()), issuerKey), Loopback: true,
		Tokens: tokens, Now: clock, Wait: waitInTests, Rate: api.Rate{PerSecond: 1e6, Burst: 1e6}}.WithNode(running)
	server := httptest.NewServer(handler(t, config))
	t.Cleanup(server.Close)
	s := &ledgerServer{node: running, address: server.URL, genesis: genesis}
	c, err := client.New(server.URL, client.Options{Token: operatorToken, HTTP: &http.Client{Transport: loadContract(t).Transport(func(err error) { t.Error(err) })}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Pinned, err = c.Pin(t.Context(), genesis.NetworkID()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *ledgerServer) as(did wallet.DID, key wallet.PrivateKey) *client.Submitter {
	return client.NewSubmitter(s.Client, s.genesis.NetworkID(), did, key)
}

// must submits and waits until it is final.
func (s *ledgerServer) must(t testing.TB, did wallet.DID, key wallet.PrivateKey, p settle.Payload) client.Outcome {
	t.Helper()
	outcome, err := s.as(did, key).Submit(t.Context(), p)
	if err != nil {
		t.Fatalf("%s: %v", p.Kind(), err)
	}
	if _, err := s.WaitFinal(t.Context(), client.ID(outcome.Vertex)); err != nil {
		t.Fatalf("%s: %v", p.Kind(), err)
	}
	return outcome
}

func (s *ledgerServer) fund(t testing.TB, to wallet.DID) client.Issue {
	t.Helper()
	issued, err := s.Issue(t.Context(), client.IssueRequest{To: to, Amount: sum(100e9), Reference: "for " + to.String()[20:40]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WaitFinal(t.Context(), issued.Vertex); err != nil {
		t.Fatal(err)
	}
	return issued
}

func (s *ledgerServer) opening(nonce byte) channel.Opening {
	return channel.Opening{Network: s.genesis.NetworkID(), Opener: car, Partner: pole, OpenerKey: carLane.Public(), PartnerKey: poleLane.Public(),
		Payout: pole, Deposit: 20 * money.Nano, Nonce: [16]byte{nonce},
		Terms: channel.Terms{Currency: eur, Window: time.Minute, Expiry: time.Now().Add(time.Hour).Truncate(time.Second).UTC()}}
}

func (s *ledgerServer) claim(o channel.Opening, amount money.Amount) channel.Best {
	c := channel.Claim{Channel: o.ID(), Sequence: uint64(amount), Amount: amount, Session: channel.SessionID(visitID)}
	return channel.Best{Signed: channel.SignClaim(c, o.Network, carLane)}
}

func TestALedgerOverHTTPFromFundsToSettlement(t *testing.T) {
	s := startLedger(t)
	issued := s.fund(t, car)
	again, err := s.Issue(t.Context(), client.IssueRequest{To: car, Amount: sum(100e9), Reference: "for " + car.String()[20:40]})
	if err != nil || again.Vertex != issued.Vertex {
		t.Errorf("the same reference issued again: %v, %v", again.Vertex, err)
	}
	issuer := wallet.DIDOf(issuerKey.Public())
	s.must(t, issuer, issuerKey, &settle.Issue{Reference: settle.Reference(issued.Reference), To: car, Amount: 100 * money.Nano})
	issues, err := s.Issues(t.Context(), client.EntryQuery{})
	if err != nil || len(issues.Items) != 1 || issues.Items[0] != final(issued) {
		t.Errorf("%+v %v", issues, err)
	}
	if vertices, err := s.Vertices(t.Context(), client.VertexQuery{Kind: "issue"}); err != nil || len(vertices.Items) != 2 {
		t.Errorf("%d vertices that issue, want the first and the one that repeats it: %v", len(vertices.Items), err)
	}
	o := s.opening(1)
	opened := s.must(t, car, carKey, &settle.Open{Sequence: 1, Opening: o})
	settled := s.must(t, pole, poleKey, &settle.Settle{Claims: []channel.Best{s.claim(o, 5*money.Nano)}})

	certified, err := s.CertifiedChannel(t.Context(), o.ID())
	if err != nil {
		t.Fatal(err)
	}
	if certified.Channel.Maxima()[0] != 5*money.Nano || certified.At.IsZero() {
		t.Errorf("%v at %v", certified.Channel.Maxima(), certified.At)
	}
	account, err := s.CertifiedAccount(t.Context(), car)
	if err != nil || account.Account.Balance != 80*money.Nano || account.Account.Sequence != 1 {
		t.Errorf("%+v %v", account.Account, err)
	}
	if next, err := s.as(car, carKey).NextSequence(t.Context()); err != nil || next != 2 {
		t.Errorf("next sequence %d, %v", next, err)
	}
	claims, err := s.Claims(t.Context(), client.ID(o.ID()))
	if err != nil || len(claims.Items) != 1 || claims.Items[0].Amount != sum(5e9) || claims.Items[0].Payer != car {
		t.Errorf("%+v %v", claims, err)
	}
	settlements, err := s.Settlements(t.Context(), client.EntryQuery{Channel: client.ID(o.ID())})
	if err != nil || len(settlements.Items) != 1 || settlements.Items[0].Vertex != client.ID(settled.Vertex) || settlements.Items[0].Claimed.Opener != sum(5e9) {
		t.Errorf("%+v %v", settlements, err)
	}
	v, err := s.Vertex(t.Context(), client.ID(opened.Vertex))
	if err != nil || v.State != client.VertexFinal || !slices.Equal(v.Channels, []client.ID{client.ID(o.ID())}) || v.Kind != "open" {
		t.Fatalf("%+v %v", v, err)
	}
	p, err := proof.DecodeVertex(v.Certified)
	if err != nil || p.Verify(s.Trusted()) != nil || p.ID != opened.Vertex {
		t.Errorf("the vertex's proof: %v", err)
	}
}

func final(i client.Issue) client.Issue {
	i.Final = true
	return i
}

func TestWhatNobodyCertifiesIsNotFinal(t *testing.T) {
	s := startLedgerWith(t, wallet.PrivateKey{}) // no witness is at work
	issued, err := s.Issue(t.Context(), client.IssueRequest{To: car, Amount: sum(1), Reference: "r"})
	if err != nil || issued.Final {
		t.Fatal(issued, err)
	}
	for state, want := range map[string]int{client.VertexFinal: 1, client.VertexAccepted: 2, client.VertexPending: 0} { // the genesis is final
		page, err := s.Vertices(t.Context(), client.VertexQuery{State: state})
		if err != nil || len(page.Items) != want {
			t.Errorf("%s: %d, want %d, %v", state, len(page.Items), want, err)
		}
	}
	v, err := s.AwaitVertex(t.Context(), issued.Vertex) // as long as the server waits
	if err != nil || v.State != client.VertexAccepted || v.Certified != nil {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := s.CertifiedAccount(t.Context(), car); !errors.Is(err, client.ErrUnproven) {
		t.Error(err)
	}
}

func TestTheLedgersRefusalsAreTypedOverHTTP(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	for name, row := range map[string]struct {
		by      wallet.DID
		key     wallet.PrivateKey
		payload settle.Payload
		want    []error
	}{
		"poor":           {pole, poleKey, &settle.Transfer{Sequence: 1, To: car, Amount: 1}, []error{client.ErrInsufficient, settle.ErrOverspend}},
		"stale":          {car, carKey, &settle.Transfer{Sequence: 9, To: pole, Amount: 1}, []error{client.ErrStaleSequence, settle.ErrSequence}},
		"forged":         {car, poleKey, &settle.Transfer{Sequence: 1, To: pole, Amount: 1}, []error{client.ErrBadSignature, settle.ErrBadSignature}},
		"not an issuer":  {car, carKey, &settle.Issue{Reference: settle.ReferenceOf("x"), To: car, Amount: 1}, []error{client.ErrRefused, settle.ErrNotIssuer}},
		"no channel":     {car, carKey, &settle.Finalise{Channel: channel.ID{1}}, []error{client.ErrRefused, settle.ErrUnknownChannel}},
		"issued already": {wallet.DIDOf(issuerKey.Public()), issuerKey, &settle.Issue{Reference: settle.ReferenceOf("for " + car.String()[20:40]), To: pole, Amount: 1}, []error{client.ErrConflict, settle.ErrMintedTwice}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.as(row.by, row.key).Submit(t.Context(), row.payload)
			for _, want := range row.want {
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
		})
	}
	_, err := s.as(pole, poleKey).Submit(t.Context(), &settle.Transfer{Sequence: 1, To: car, Amount: 1})
	var p *client.Problem
	if !errors.As(err, &p) || p.Hint != "ledger issue --to "+pole.String()+" --amount 50EUR" {
		t.Errorf("%+v", p)
	}
	if _, err := s.Issue(t.Context(), client.IssueRequest{To: car, Amount: money.Of(1, money.Currency{'U', 'S', 'D'}), Reference: "usd"}); !errors.Is(err, client.ErrBadRequest) {
		t.Error(err)
	}
	if _, err := s.PostVertex(t.Context(), []byte("no vertex")); !errors.Is(err, client.ErrBadRequest) {
		t.Error(err)
	}
	for _, err := range []error{errorOf(s.Vertex(t.Context(), client.ID{1})), errorOf(s.Channel(t.Context(), client.ID{1})),
		errorOf(s.Claims(t.Context(), client.ID{1})), errorOf(s.AwaitVertex(t.Context(), client.ID{1}))} {
		if !errors.Is(err, client.ErrNotFound) {
			t.Error(err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestI4_ASpendSubmittedTwiceHasOneOutcome(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	spend := &settle.Transfer{Sequence: 1, To: pole, Amount: money.Nano}
	first := s.must(t, car, carKey, spend)
	second, err := s.as(car, carKey).Submit(t.Context(), spend)
	if err != nil || second.Vertex != first.Vertex {
		t.Errorf("%+v, first %+v, %v", second, first, err)
	}
	if found, err := s.as(car, carKey).Find(t.Context(), first.Payload); err != nil || found != first {
		t.Errorf("%+v %v", found, err)
	}
	if a, err := s.Account(t.Context(), pole); err != nil || a.Balance != sum(1e9) {
		t.Errorf("%+v %v", a, err)
	}
}

func TestAnAccountWithoutMoneyIsAbsent(t *testing.T) {
	s := startLedger(t)
	a, err := s.Account(t.Context(), pole)
	if err != nil || a.Status != client.AccountAbsent || a.Balance != sum(0) || a.Sequence != 0 || a.Key != poleKey.Public() {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := s.CertifiedAccount(t.Context(), pole); !errors.Is(err, client.ErrUnproven) {
		t.Error(err)
	}
}

func collect[T any](t *testing.T, limit int, read func(client.PageQuery) (client.Page[T], error)) []T {
	t.Helper()
	var all []T
	for item, err := range client.All(func(cursor string) (client.Page[T], error) {
		page, err := read(client.PageQuery{Cursor: cursor, Limit: limit})
		if len(page.Items) > limit {
			t.Errorf("%d items, limit %d", len(page.Items), limit)
		}
		return page, err
	}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func TestPagesOfEverySizeGiveTheWholeList(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	var claims []channel.Best
	for i := range 5 {
		o := s.opening(byte(i))
		s.must(t, car, carKey, &settle.Open{Sequence: uint64(i) + 1, Opening: func() channel.Opening { o.Deposit = money.Nano; return o }()})
		claims = append(claims, s.claim(o, money.Amount(i)+1))
		s.must(t, car, carKey, &settle.Anchor{Hash: [32]byte{byte(i) + 1}})
	}
	settle.SortClaims(claims)
	s.must(t, pole, poleKey, &settle.Settle{Claims: claims}) // one vertex, five settlements
	for i := range 4 {
		s.must(t, car, carKey, &settle.Transfer{Sequence: uint64(i) + 6, To: pole, Amount: money.Amount(i) + 1})
	}
	for _, limit := range []int{1, 2, 3, 7, 500} {
		transfers := collect(t, limit, func(q client.PageQuery) (client.Page[client.Transfer], error) {
			return s.Transfers(t.Context(), client.EntryQuery{PageQuery: q, Party: pole})
		})
		if len(transfers) != 4 || transfers[0].Amount != sum(4) || transfers[3].Amount != sum(1) {
			t.Errorf("limit %d: %d transfers", limit, len(transfers))
		}
		settlements := collect(t, limit, func(q client.PageQuery) (client.Page[client.Settlement], error) {
			return s.Settlements(t.Context(), client.EntryQuery{PageQuery: q})
		})
		seen := map[client.ID]bool{}
		for _, row := range settlements {
			seen[row.Channel] = true
		}
		if len(settlements) != 5 || len(seen) != 5 {
			t.Errorf("limit %d: %d settlements of %d channels", limit, len(settlements), len(seen))
		}
		vertices := collect(t, limit, func(q client.PageQuery) (client.Page[client.Vertex], error) {
			return s.Vertices(t.Context(), client.VertexQuery{PageQuery: q})
		})
		if len(vertices) != 17 || vertices[16].Kind != "genesis" || vertices[16].Height != 0 {
			t.Errorf("limit %d: %d vertices", limit, len(vertices))
		}
		channels := collect(t, limit, func(q client.PageQuery) (client.Page[client.Channel], error) {
			return s.Channels(t.Context(), client.ChannelQuery{PageQuery: q, Party: car, State: client.ChannelOpen})
		})
		if len(channels) != 5 {
			t.Errorf("limit %d: %d channels", limit, len(channels))
		}
		checkpoints := collect(t, min(limit*5, client.PageSizeMax), func(q client.PageQuery) (client.Page[client.Checkpoint], error) {
			return s.Checkpoints(t.Context(), client.CheckpointQuery{PageQuery: q})
		})
		for i, c := range checkpoints {
			if c.Number != uint64(len(checkpoints)-1-i) {
				t.Fatalf("limit %d: checkpoint %d at place %d of %d", limit, c.Number, i, len(checkpoints))
			}
		}
	}
	refused, err := s.Vertices(t.Context(), client.VertexQuery{State: client.VertexRefused})
	if err != nil || len(refused.Items) != 0 {
		t.Errorf("%+v %v", refused, err)
	}
	for _, cursor := range []string{"x", "0", "-1", "1.x", "1.99999999", "0.1", "1.2.3"} {
		if _, err := s.Vertices(t.Context(), client.VertexQuery{PageQuery: client.PageQuery{Cursor: cursor}}); !errors.Is(err, client.ErrBadRequest) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func TestEventsTellOfVerticesAndCheckpoints(t *testing.T) {
	s := startLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listening, done := make(chan struct{}), make(chan error, 1)
	config := api.Config{Now: time.Now, Loopback: true}.WithNode(s.node)
	ledger := api.OfNode(s.node)
	config.Events = []api.Events{announced{ledger, listening}}
	server := httptest.NewServer(handler(t, config))
	defer server.Close()
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		wanted := map[string]bool{client.EventVertex: true, client.EventCheckpoint: true}
		for e, err := range c.Events(ctx, client.EventQuery{}) {
			if err != nil {
				done <- err
				return
			}
			if delete(wanted, e.Type); len(wanted) == 0 {
				done <- nil
				return
			}
		}
	}()
	<-listening
	s.fund(t, car)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// announced says when somebody listens.
type announced struct {
	events    api.Events
	listening chan struct{}
}

func (a announced) Events(ctx context.Context) (<-chan client.Event, error) {
	stream, err := a.events.Events(ctx)
	close(a.listening)
	return stream, err
}

func TestAServerMayPassOnAnother(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	station := httptest.NewServer(handler(t, api.Config{Ledger: s.Client, Claims: s.Client, Loopback: true, Now: clock}))
	defer station.Close()
	c, err := client.New(station.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := c.Pin(t.Context(), s.genesis.NetworkID())
	if err != nil {
		t.Fatal(err)
	}
	if a, err := pinned.CertifiedAccount(t.Context(), car); err != nil || a.Account.Balance != 100*money.Nano {
		t.Errorf("%+v %v", a, err)
	}
	outcome, err := client.NewSubmitter(c, s.genesis.NetworkID(), car, carKey).Submit(t.Context(), &settle.Transfer{Sequence: 1, To: pole, Amount: money.Nano})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitFinal(t.Context(), client.ID(outcome.Vertex)); err != nil {
		t.Error(err)
	}
	_, err = client.NewSubmitter(c, s.genesis.NetworkID(), car, carKey).Submit(t.Context(), &settle.Transfer{Sequence: 9, To: pole, Amount: 1})
	if !errors.Is(err, client.ErrStaleSequence) {
		t.Error(err)
	}
}

func TestAStoppedNodeIsUnavailable(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	if err := s.node.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.as(car, carKey).Submit(t.Context(), &settle.Transfer{Sequence: 1, To: pole, Amount: 1})
	if !errors.Is(err, client.ErrOutcomeUnknown) && !errors.Is(err, client.ErrUnavailable) {
		t.Error(err)
	}
	resp, err := http.Get(s.address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Error(resp.StatusCode)
	}
}

// lyingLedger changes what a true one says.
type lyingLedger struct {
	api.Ledger
	channel func(*client.Channel)
	account func(*client.Account)
	network func(*client.Network)
}

func (l lyingLedger) Network(ctx context.Context) (client.Network, error) {
	n, err := l.Ledger.Network(ctx)
	if l.network != nil {
		l.network(&n)
	}
	return n, err
}

func (l lyingLedger) Channel(ctx context.Context, id client.ID) (client.Channel, error) {
	c, err := l.Ledger.Channel(ctx, id)
	if l.channel != nil {
		l.channel(&c)
	}
	return c, err
}

func (l lyingLedger) Account(ctx context.Context, did wallet.DID) (client.Account, error) {
	a, err := l.Ledger.Account(ctx, did)
	if l.account != nil {
		l.account(&a)
	}
	return a, err
}

func TestAPinnedClientBelievesOnlyProofs(t *testing.T) {
	s := startLedger(t)
	s.fund(t, car)
	o, other := s.opening(1), s.opening(2)
	s.must(t, car, carKey, &settle.Open{Sequence: 1, Opening: o})
	s.must(t, car, carKey, &settle.Open{Sequence: 2, Opening: other})
	ledger := api.OfNode(s.node)
	swapped, err := ledger.Channel(t.Context(), client.ID(other.ID()))
	if err != nil {
		t.Fatal(err)
	}
	s.fund(t, pole)
	otherAccount, err := ledger.Account(t.Context(), pole)
	if err != nil {
		t.Fatal(err)
	}
	foreign := testGenesis(t, "another")
	ask := func(lie lyingLedger) error {
		lie.Ledger = ledger
		server := httptest.NewServer(handler(t, api.Config{Ledger: lie, Loopback: true, Now: clock}))
		defer server.Close()
		c, err := client.New(server.URL, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pinned, err := c.Pin(t.Context(), s.genesis.NetworkID())
		if err != nil {
			return err
		}
		if _, err := pinned.CertifiedAccount(t.Context(), car); err != nil {
			return err
		}
		_, err = pinned.CertifiedChannel(t.Context(), o.ID())
		return err
	}
	if err := ask(lyingLedger{}); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		lie  lyingLedger
		want error
	}{
		"no proof":           {lyingLedger{channel: func(c *client.Channel) { c.Certified = nil }}, client.ErrUnproven},
		"no bytes":           {lyingLedger{channel: func(c *client.Channel) { c.Certified = c.Certified[:9] }}, client.ErrUnproven},
		"another account's":  {lyingLedger{account: func(a *client.Account) { a.Certified = otherAccount.Certified }}, client.ErrUnproven},
		"another channel's":  {lyingLedger{channel: func(c *client.Channel) { c.Certified = swapped.Certified }}, client.ErrUnproven},
		"changed root":       {lyingLedger{channel: func(c *client.Channel) { c.Certified[len(c.Certified)-1]++ }}, client.ErrUnproven},
		"changed checkpoint": {lyingLedger{account: func(a *client.Account) { a.Certified[60]++ }}, client.ErrUnproven},
		"another network":    {lyingLedger{network: func(n *client.Network) { n.Genesis, n.Network = foreign.Encode(), foreign.NetworkID() }}, client.ErrWrongNetwork},
		"another genesis":    {lyingLedger{network: func(n *client.Network) { n.Genesis = foreign.Encode() }}, client.ErrUnproven},
		"no genesis":         {lyingLedger{network: func(n *client.Network) { n.Genesis = nil }}, client.ErrResponse},
	} {
		if err := ask(row.lie); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}
