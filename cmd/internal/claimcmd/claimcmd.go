// Package claimcmd owns the commands "claim": issuing, presenting, verifying, revoking and sharing verified claims.
// It leaves what a claim is to wallet/credential, lists to wallet/credential/status, and wallets to walletcmd.
// It keeps verification honest about itself: an answer says what was checked and what was not, and whatever could not be
// checked fails unless it was asked to pass.
package claimcmd

import (
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet/credential"
)

// Command gives the group "claim", the same for every program.
func Command(app *cli.App, program string) *cobra.Command {
	app.Know(knownErrors...)
	group := &cobra.Command{
		Use: "claim", Short: "Issue, present, verify and share verified claims",
		Long: "Verified claims are W3C credentials (vc+jwt) that one DID signs about another: that a meter is calibrated, that a\n" +
			"station sells for an operator, that a vehicle has a contract, or anything else that a device wants to prove.",
		Example: "  " + program + " claim issue --type custom --claim celsius=21.5 --out measured.jwt\n" +
			"  " + program + " claim verify measured.jwt",
	}
	group.AddCommand(issueCommand(app, program), presentCommand(app, program), verifyCommand(app, program),
		revokeCommand(app, program), statusCommand(app, program), sendCommand(app, program), receiveCommand(app, program))
	return group
}

// summary is what people and programs are told of a credential.
type summary struct {
	ID         string          `json:"id,omitempty"`
	Kind       credential.Kind `json:"kind"`
	Type       string          `json:"type,omitempty"` // of a custom claim
	Issuer     string          `json:"issuer"`
	Subject    string          `json:"subject"`
	ValidFrom  *time.Time      `json:"valid_from,omitempty"`
	ValidUntil *time.Time      `json:"valid_until,omitempty"`
	Claims     map[string]any  `json:"claims"`
	Status     []listed        `json:"status,omitempty"`
	Standing   string          `json:"standing"` // none, good or unknown
}

// listed is where the status of a credential stands.
type listed struct {
	Purpose credential.Purpose `json:"purpose"`
	List    string             `json:"list"`
	Index   int                `json:"index"`
}

func summaryOf(c credential.Credential) summary {
	s := summary{
		ID: c.ID, Kind: c.Kind, Issuer: c.Issuer.String(), Subject: c.SubjectID, Claims: c.Members(), Standing: c.Standing.String(),
	}
	if custom, ok := c.Claims.(credential.Custom); ok {
		s.Type = custom.Type
	}
	if c.Kind == credential.KindStatusList {
		delete(s.Claims, "encodedList") // thousands of characters that tell nobody anything
	}
	if !c.ValidFrom.IsZero() {
		s.ValidFrom = &c.ValidFrom
	}
	if !c.ValidUntil.IsZero() {
		s.ValidUntil = &c.ValidUntil
	}
	for _, entry := range c.Status {
		s.Status = append(s.Status, listed{entry.Purpose, entry.List, entry.Index})
	}
	return s
}

// print shows a credential, and more pairs of name and value below it.
func (s summary) print(p *cli.Printer, more ...string) {
	kind := string(s.Kind)
	if s.Type != "" {
		kind += ", " + s.Type
	}
	pairs := []string{"kind", kind, "issuer", s.Issuer, "subject", s.Subject, "valid from", shown(s.ValidFrom, "not stated"),
		"valid until", shown(s.ValidUntil, "for ever"), "claims", textOf(s.Claims)}
	for _, entry := range s.Status {
		pairs = append(pairs, string(entry.Purpose), entry.List)
	}
	p.Fields(append(pairs, more...)...)
}

func shown(at *time.Time, missing string) string {
	if at == nil {
		return missing
	}
	return at.Format(time.RFC3339)
}
