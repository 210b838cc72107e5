package session_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet/money"
)

var update = flag.Bool("update", false, "write the transcripts as they are now")

// tell adds an event and its effects to the transcript. Events that change nothing are left out, and so is looking at the
// ledger, which is told by what is seen there.
func (w *world) tell(n *node, event string, effects []session.Effect) {
	var lines []string
	for _, e := range effects {
		if line := describeEffect(e); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return
	}
	w.tellLine(n, event)
	for _, line := range lines {
		fmt.Fprintf(&w.told, "%20s%s\n", "", line)
	}
}

func (w *world) tellLine(n *node, what string) {
	fmt.Fprintf(&w.told, "%8.3f %-8s   %s\n", w.now.Sub(began).Seconds(), n.name, what)
}

// tail gives the end of the transcript, for failures.
func (w *world) tail() string {
	lines := strings.Split(w.told.String(), "\n")
	const shown = 80
	return strings.Join(lines[max(0, len(lines)-shown):], "\n")
}

func describe(event session.Event) string {
	switch e := event.(type) {
	case session.Received:
		return "gets " + describeMessage(e.Message)
	case session.Sampled:
		if e.Err != nil {
			return "measures nothing: " + e.Err.Error()
		}
		text := fmt.Sprintf("measures %d mWh, %s", e.Sample.Register, e.Sample.State)
		if e.Sample.Exported != 0 && e.Sample.PowerMilliwatts < 0 {
			text += fmt.Sprintf(", %d mWh given back", e.Sample.Exported)
		}
		return text
	case session.Tick:
		return "waits"
	case session.Viewed:
		if e.Err != nil {
			return "sees no channel: " + e.Err.Error()
		}
		return fmt.Sprintf("sees the channel %s, deposited %s, withdrawn %s, lanes %s", e.View.State,
			pair(e.View.Funds.Deposited), pair(e.View.Funds.Withdrawn), pair(e.View.Lanes))
	case session.Concluded:
		if e.Err != nil {
			return fmt.Sprintf("hears that the %s is refused: %v", e.Op.Kind, e.Err)
		}
		return fmt.Sprintf("hears that the %s is final", e.Op.Kind)
	case session.Reoffered:
		return "is to change the tariff"
	case session.Steered:
		return fmt.Sprintf("is steered to %d kW", e.LimitMilliwatts/1_000_000)
	case session.StopAsked:
		return "is asked to stop: " + string(e.Reason)
	}
	return fmt.Sprintf("%T", event)
}

func pair[P ~[2]money.Amount](p P) string { return fmt.Sprintf("%s/%s", p[0], p[1]) }

func describeMessage(m wire.Message) string {
	switch m := m.(type) {
	case wire.Hello:
		if m.Resume {
			return "hello, resuming"
		}
		return "hello"
	case wire.Offer:
		return "offer"
	case wire.Accept:
		return "accept, from " + pair(m.Base)
	case wire.Demand:
		s, _ := meter.DecodeSigned(m.Reading)
		text := fmt.Sprintf("demand %d: %d mWh, required %s, accepted %s", s.Reading.Sequence, s.Reading.Register, m.Required, m.Accepted)
		if back := bestOf(m.Back); back > 0 {
			text += fmt.Sprintf(", back %s", back)
		}
		if m.Final {
			text += ", final: " + string(m.Reason)
		}
		return text
	case wire.Claim:
		best, _ := channel.DecodeBest(m.Best)
		return fmt.Sprintf("claim %d: %s", best.Signed.Claim.Sequence, best.Owed())
	case wire.Requote:
		q, _ := quote.Parse(m.Quote, nil)
		return fmt.Sprintf("new quote from %.3f on", q.Quote.From().Sub(began).Seconds())
	case wire.Stop:
		return "stop: " + string(m.Reason)
	case wire.Done:
		text := fmt.Sprintf("done: %s, %s", m.Reason, m.Accepted)
		if back := bestOf(m.Back); back > 0 {
			text += fmt.Sprintf(", back %s", back)
		}
		return text
	case wire.Withdraw:
		w, _ := channel.DecodeSignedWithdrawal(m.Withdrawal)
		return fmt.Sprintf("withdrawal %d: totals %s at lanes %s", w.Withdrawal.Sequence, pair(w.Withdrawal.Totals), pair(w.Withdrawal.Lanes))
	case wire.Refuse:
		return fmt.Sprintf("refusal: %s: %s", m.Code, m.Detail)
	}
	return fmt.Sprintf("%T", m)
}

func bestOf(raw []byte) money.Amount {
	if len(raw) == 0 {
		return 0
	}
	best, _ := channel.DecodeBest(raw)
	return best.Owed()
}

func describeEffect(effect session.Effect) string {
	switch e := effect.(type) {
	case session.Persist:
		return "stores " + describeBatch(e.Batch)
	case session.Send:
		return "-> " + describeMessage(e.Message)
	case session.Look:
		return ""
	case session.Actuate:
		return []string{"", "outlet starts, ", "outlet limited to ", "outlet stops"}[e.Command] +
			map[bool]string{true: "", false: fmt.Sprintf("%d kW", e.LimitMilliwatts/1_000_000)}[e.Command == session.CommandStop]
	case session.Permit:
		return fmt.Sprintf("lets %d kW flow back", e.LimitMilliwatts/1_000_000)
	case session.Report:
		switch {
		case e.Event.Err != nil:
			return "says: " + e.Event.Err.Error()
		case e.Event.Note != "":
			return "says: " + e.Event.Note
		}
		return ""
	}
	return fmt.Sprintf("%T", effect)
}

func describeBatch(b session.Batch) string {
	var parts []string
	for _, r := range b.Sessions {
		parts = append(parts, fmt.Sprintf("session %s, cost %s, paid %s", r.Phase, r.Cost, r.Paid))
	}
	for _, r := range b.Channels {
		parts = append(parts, fmt.Sprintf("channel out %s in %s", r.Side.Out.Owed(), r.Side.In.Owed()))
	}
	for _, r := range b.Readings {
		parts = append(parts, fmt.Sprintf("reading %d", r.Sequence))
	}
	for _, op := range b.Ops {
		parts = append(parts, op.Kind.String()+" for the ledger")
	}
	return strings.Join(parts, "; ")
}

// golden compares the transcript with the reviewed one.
func (w *world) golden(name string) {
	w.t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(w.told.String()), 0o644); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(w.told.String(), "\n")
	for i := range max(len(wantLines), len(gotLines)) {
		var wanted, got string
		if i < len(wantLines) {
			wanted = wantLines[i]
		}
		if i < len(gotLines) {
			got = gotLines[i]
		}
		if wanted != got {
			w.t.Fatalf("%s, line %d (go test -update, and review the difference):\n want %q\n  got %q", path, i+1, wanted, got)
		}
	}
}
