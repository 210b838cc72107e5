package node_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// TestHeartbeatsAloneEndAWindow lets a channel close with nobody submitting anything in between.
func TestHeartbeatsAloneEndAWindow(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	alice, bob := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	keys := [2]wallet.PrivateKey{wallet.NewPrivateKey([32]byte{12}), wallet.NewPrivateKey([32]byte{13})}
	m := newMachine(t, net)
	m.post(net.issuer, net.issue("a", alice, 50*eur))
	opening := channel.Opening{
		Network: net.genesis.NetworkID(), Opener: wallet.DIDOf(alice.Public()), Partner: wallet.DIDOf(bob.Public()),
		OpenerKey: keys[0].Public(), PartnerKey: keys[1].Public(), Payout: wallet.DIDOf(bob.Public()), Deposit: 30 * eur,
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: m.now.Add(24 * time.Hour).Truncate(time.Second).UTC()},
	}
	m.post(alice, &settle.Open{Sequence: 1, Opening: opening})
	request := channel.CloseRequest{Channel: opening.ID(), By: channel.Partner}
	m.post(bob, &settle.CloseRequest{Signed: channel.SignedCloseRequest{
		Request: request, Signature: keys[1].Sign(wallet.DomainCloseRequest, opening.Network, request.Encode()),
	}})
	began := m.now
	for !m.deliver() || m.core.State().WindowTime() < m.window(opening.ID()) {
		m.now = m.now.Add(100 * time.Millisecond)
		m.step(node.Tick{})
		if m.now.Sub(began) > 2*time.Minute {
			t.Fatalf("after %s the clock of windows is %d of %d", m.now.Sub(began), m.core.State().WindowTime(), m.window(opening.ID()))
		}
	}
	if waited := m.now.Sub(began); waited < time.Minute {
		t.Errorf("the window was over after %s", waited)
	}
	m.post(bob, &settle.Finalise{Channel: opening.ID()})
	if m.core.State().LiveChannels() != 0 {
		t.Error("the channel is not paid out")
	}
}

// post applies a payload that has to be accepted.
func (m *machine) post(key wallet.PrivateKey, p settle.Payload) {
	v := m.vertex(key, uint64(m.now.UnixNano()), p)
	m.step(node.Submitted{Vertex: v, SignedBy: key.Public()})
	for range 20 {
		m.deliver()
	}
	if verdict, ok := m.decided[v.ID()]; !ok || !verdict.Accepted() {
		m.Fatalf("%s: %s, told: %v", p.Kind(), verdict, ok)
	}
}

func (m *machine) window(id channel.ID) settle.WindowTime {
	raw, _ := m.core.State().Slot(settle.ChannelKey(id))
	c, err := settle.DecodeChannel(raw)
	if err != nil {
		m.Fatal(err)
	}
	return c.WindowEnd
}

func TestHeartbeatStopsWithTheLastChannel(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	core, _, err := node.NewCore(net.genesis, time.Now(), node.CoreOptions{Witness: net.witness})
	if err != nil {
		t.Fatal(err)
	}
	effects, err := core.Step(time.Now().Add(time.Hour), node.Tick{})
	if err != nil || len(effects) != 0 {
		t.Errorf("an idle ledger without channels does %v, %v", effects, err)
	}
}
