package ocpptest

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"joulepay/internal/shared"
	"joulepay/meter/ocpp"
)

// Line is one recorded frame and who sent it: "station" or "csms".
type Line struct {
	From  string            `json:"from"`
	Frame []json.RawMessage `json:"frame"`
}

// lineMax bounds a line of a recording.
const lineMax = 1 << 20

// Recording reads shared/vectors/ocpp/NAME, which lies beside the module. A test is skipped where it is missing.
func Recording(t testing.TB, name string) []Line {
	t.Helper()
	file, err := os.Open(shared.Path(t, "vectors/ocpp/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var lines []Line
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, lineMax)
	for scanner.Scan() {
		lines = append(lines, part[Line](t, scanner.Bytes()))
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func part[T any](t testing.TB, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%.200s: %v", raw, err)
	}
	return v
}

// Step is what a replay is about to do: send a call of the station, or wait for one of the central system.
type Step struct {
	From    string
	Action  string
	Payload json.RawMessage // as recorded
	Answer  ocpp.Frame      // what the central system answered the call before
}

// Replay plays the station's side of a recording. It waits for the calls that the central system made then, and passes over
// others that it makes now; skip tells which of the recorded ones not to wait for. Transactions of 1.6 have the numbers that
// the central system gives now. before is called ahead of every step; both may be nil.
func (s *Station) Replay(lines []Line, before func(Step), skip func(action string) bool) {
	s.t.Helper()
	numbers := map[int64]int64{}
	var last ocpp.Frame
	for i, l := range lines {
		if part[ocpp.Kind](s.t, l.Frame[0]) != ocpp.Call {
			continue
		}
		id, step := part[string](s.t, l.Frame[1]), Step{From: l.From, Action: part[string](s.t, l.Frame[2]), Payload: l.Frame[3], Answer: last}
		if l.From == "csms" && skip != nil && skip(step.Action) {
			continue
		}
		if before != nil {
			before(step)
		}
		if l.From == "csms" {
			s.Expect(step.Action) // it is answered already
			continue
		}
		payload := part[map[string]any](s.t, l.Frame[3])
		if old, ok := payload["transactionId"].(float64); ok {
			payload["transactionId"] = numbers[int64(old)]
		}
		last = s.Ask(id, step.Action, payload)
		if last.Kind != ocpp.CallResult {
			s.t.Fatalf("line %d, %s: %s %s", i+1, step.Action, last.Code, last.Detail)
		}
		if step.Action == "StartTransaction" {
			numbers[recorded(s.t, lines, id)] = transactionID(s.t, last.Payload)
		}
	}
}

func transactionID(t testing.TB, payload json.RawMessage) int64 {
	t.Helper()
	return part[struct {
		Number int64 `json:"transactionId"`
	}](t, payload).Number
}

// recorded gives the number that the central system of the recording gave a transaction.
func recorded(t testing.TB, lines []Line, id string) int64 {
	t.Helper()
	for _, l := range lines {
		if l.From == "csms" && part[ocpp.Kind](t, l.Frame[0]) == ocpp.CallResult && part[string](t, l.Frame[1]) == id {
			return transactionID(t, l.Frame[2])
		}
	}
	t.Fatalf("the recording has no answer to %s", id)
	return 0
}
