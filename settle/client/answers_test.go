package client_test

import (
	"encoding/json"
	"testing"

	"joulepay/settle/client"
	"joulepay/settle/did"
)

// FuzzAnswers reads what any node may answer, in every shape that is asked for.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `{"items":[],"next":"x"}`, `{"id":"00","issuer":"did:joule:z6Mk","height":-1}`,
		`{"deposit":{"value":"1.00","currency":"EUR"},"energy_wh":"1e9","state":null}`, `{"didDocument":{"id":1},"certified":"AAAA"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, into := range []any{
			&client.Network{}, &client.Account{}, &client.Channel{}, &client.Claim{}, &client.Vertex{}, &client.Checkpoint{}, &client.Transfer{}, &client.Issue{},
			&client.Redemption{}, &client.Settlement{}, &client.Session{}, &client.Station{}, &client.Tariff{}, &client.Estimate{}, &did.Resolution{},
			&client.Page[client.Vertex]{}, &client.Page[client.Settlement]{},
		} {
			if json.Unmarshal(raw, into) != nil {
				continue
			}
			if _, err := json.Marshal(into); err != nil {
				t.Errorf("%T was read and cannot be written: %v", into, err)
			}
		}
	})
}
