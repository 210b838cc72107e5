package ledgerfaults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// view is all that one node says of its ledger.
type view struct {
	vertices    map[client.ID]decided
	payloads    map[settle.PayloadID]uint64 // height of the vertex that applied each
	checkpoints map[uint64]mark
	balances    map[wallet.DID]ledgered
}

// view reads a node, and says why it is not at rest yet.
func (l *load) view(api *client.Pinned, floor uint64) (v view, err error) {
	ctx, cancel := l.w.ctx()
	defer cancel()
	network, err := api.Network(ctx)
	if err != nil {
		return v, err
	}
	l.w.shown.resource(network.Final)
	if network.Final == nil || network.Final.Height < floor {
		return v, errors.New("what was final elsewhere is not final here")
	}
	v = view{vertices: map[client.ID]decided{}, payloads: map[settle.PayloadID]uint64{}, checkpoints: map[uint64]mark{}, balances: map[wallet.DID]ledgered{}}
	for vertex, err := range client.All(func(cursor string) (client.Page[client.Vertex], error) {
		return api.Vertices(ctx, client.VertexQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: client.PageSizeMax}})
	}) {
		if err != nil {
			return v, err
		}
		if vertex.State == client.VertexPending || vertex.State == client.VertexAccepted {
			return v, fmt.Errorf("vertex %s is %s", vertex.ID, vertex.State)
		}
		v.vertices[vertex.ID] = decided{vertex.Height, vertex.Verdict}
		if vertex.Verdict == settle.Applied.String() {
			if _, twice := v.payloads[settle.PayloadID(vertex.Payload)]; twice {
				l.w.t.Errorf("I1: payload %s took effect twice on %s", vertex.Payload, api.BaseURL())
			}
			v.payloads[settle.PayloadID(vertex.Payload)] = vertex.Height
		}
	}
	for c, err := range client.All(func(cursor string) (client.Page[client.Checkpoint], error) {
		return api.Checkpoints(ctx, client.CheckpointQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: client.PageSizeMax}})
	}) {
		if err != nil {
			return v, err
		}
		v.checkpoints[c.Number] = mark{id: c.ID, root: c.StateRoot, height: c.Height}
	}
	for _, did := range l.dids() {
		account, err := api.Account(ctx, did)
		if err != nil {
			return v, err
		}
		v.balances[did] = ledgered{account.Balance.Amount, account.Sequence}
	}
	return v, nil
}

// agree stops the clients, waits until all nodes say the same and nothing is under way, and checks it against everything that
// anybody was told. It gives what all nodes say. Vertices below the snapshot from which a node began are not in its lists;
// such nodes are named.
func (l *load) agree(begun ...string) view {
	l.w.t.Helper()
	l.stop()
	if l.w.t.Failed() {
		l.w.t.FailNow()
	}
	var views []view
	floor := l.w.shown.highest()
	l.w.eventually("all nodes say the same", func() error {
		views = nil
		for i, api := range l.w.apis {
			v, err := l.view(api, floor)
			if err != nil {
				return fmt.Errorf("%s: %w", l.w.net.Nodes[i].Name, err)
			}
			views = append(views, v)
		}
		for i, v := range views[1:] {
			if err := views[0].compare(v, l.w.isOneOf(begun, 1+i)); err != nil {
				return fmt.Errorf("%s: %w", l.w.net.Nodes[1+i].Name, err)
			}
		}
		return nil
	})
	for i, v := range views {
		if !l.w.isOneOf(begun, i) {
			l.w.must(l.w.shown.kept(l.w.net.Nodes[i].Name, v.vertices, v.checkpoints))
		}
	}
	l.checkHistory(views[0])
	return views[0]
}

func (w *world) isOneOf(names []string, place int) bool {
	for _, name := range names {
		if w.net.Nodes[place].Name == name {
			return true
		}
	}
	return false
}

// compare says what differs. A node that began from a snapshot may list less.
func (v view) compare(other view, begun bool) error {
	if !maps.Equal(v.balances, other.balances) {
		return fmt.Errorf("balances %v and %v", v.balances, other.balances)
	}
	if !begun {
		if len(v.vertices) != len(other.vertices) || !maps.Equal(v.vertices, other.vertices) {
			return fmt.Errorf("%d vertices and %d, or other verdicts and heights", len(v.vertices), len(other.vertices))
		}
		return nil
	}
	for id, d := range other.vertices {
		if v.vertices[id] != d {
			return fmt.Errorf("vertex %s %+v and %+v", id, v.vertices[id], d)
		}
	}
	return nil
}

// checkHistory compares what the clients were told with what there is.
func (l *load) checkHistory(v view) {
	l.w.t.Helper()
	for _, id := range l.taken {
		if _, known := v.vertices[id]; !known {
			l.w.t.Errorf("I4: vertex %s was acknowledged, and is lost", id)
		}
	}
	l.w.run.Count("vertices acknowledged", len(l.taken))
	l.w.run.Count("vertices", len(v.vertices))
	want := map[wallet.DID]ledgered{}
	for _, op := range l.history {
		height, applied := v.payloads[op.payload]
		switch {
		case op.read:
			continue
		case op.outcome == done && (!applied || height != op.height):
			l.w.t.Errorf("I7: payload %s was final at height %d, and is at %d (applied %v)", op.payload, op.height, height, applied)
		case op.outcome == refused && applied:
			l.w.t.Errorf("payload %s was refused for good, and took effect at height %d", op.payload, height)
		case applied:
			happen(want, op)
		}
	}
	want[l.w.issuer.DID()] = ledgered{}
	if !reflect.DeepEqual(want, v.balances) {
		l.w.t.Errorf("I1: the ledger has %v, the clients %v", v.balances, want)
	}
	if err := atHeights(l.history, v.payloads); err != nil {
		l.w.t.Error(err)
	}
	if !linearizable(l.history) {
		l.w.t.Error("the history of transfers and reads is not that of one ledger")
	}
	l.falsify()
}

// falsify changes the recorded history, so that the check is seen to find it.
func (l *load) falsify() {
	l.w.t.Helper()
	for i, op := range l.history {
		if op.read {
			l.history[i].balance += money.Nano / 1000
			if linearizable(l.history) {
				l.w.t.Error("a history with a wrong balance counts as right")
			}
			l.history[i].balance = op.balance
			return
		}
	}
	l.w.t.Error("nobody read anything")
}

// verify stops all processes and lets ledger verify derive every node's ledger anew.
func (l *load) verify(v view) {
	l.w.t.Helper()
	l.w.stop()
	total := money.Amount(0)
	for _, account := range v.balances {
		total += account.balance
	}
	for _, n := range l.w.net.Nodes {
		p, err := start(l.w.dir, "verify-"+n.Name, "verify", "--json", "--data", n.Data)
		l.w.must(err)
		var found struct {
			Issued money.Money `json:"issued"`
		}
		if err := errors.Join(p.ready(&found), p.end()); err != nil || p.code() != 0 {
			l.w.t.Errorf("ledger verify of %s: code %d: %v", filepath.Base(n.Data), p.code(), err)
		}
		if found.Issued.Amount != total {
			raw, _ := json.Marshal(v.balances)
			l.w.t.Errorf("I1: %s has issued %s, on accounts are %s: %s", n.Name, found.Issued, total, raw)
		}
	}
	l.w.run.Count("ledgers verified", len(l.w.net.Nodes))
	l.w.calm()
}

// calm checks that no process ended by a mistake of its own.
func (w *world) calm() {
	w.t.Helper()
	logs, err := filepath.Glob(filepath.Join(w.net.Dir, "*.log"))
	w.must(err)
	for _, log := range logs {
		for _, word := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} {
			if bytes.Contains(w.read(log), []byte("\n"+word)) {
				w.t.Errorf("%s of %s:\n%s", word, filepath.Base(log), w.read(log))
			}
		}
	}
}
