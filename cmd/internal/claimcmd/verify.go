package claimcmd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// statusFlags say how the status of claims is found out.
type statusFlags struct {
	lists   []string
	fetch   bool
	maxAge  time.Duration
	unknown string
}

// maxAgeDefault is the stated maximum age of a list that was fetched.
const maxAgeDefault = 24 * time.Hour

// Words for what becomes of an unknown status.
const (
	unknownRefuse = "refuse"
	unknownAccept = "accept"
)

func (f *statusFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringArrayVar(&f.lists, "status-list", nil, "status list to look it up in, a file that was fetched just now; again for more")
	flags.BoolVar(&f.fetch, "fetch-status", false, "fetch the status lists of issuers named with --trust")
	flags.DurationVar(&f.maxAge, "max-status-age", maxAgeDefault, "how old a status list may be")
	cli.ChoiceVar(flags, &f.unknown, "unknown-status", unknownRefuse, "what to do with a claim whose status cannot be known", unknownRefuse, unknownAccept)
}

// checker gives the checker of these flags.
func (f *statusFlags) checker(ctx context.Context, command *cobra.Command, now time.Time, keys credential.Keys) (credential.StatusChecker, error) {
	fail := status.FailClosed
	if f.unknown == unknownAccept {
		fail = status.FailOpen
	}
	cache, err := status.NewCache(status.Options{MaxAge: f.maxAge, OnUnknown: fail, Keys: keys})
	if err != nil {
		return nil, cli.Usage("for example --max-status-age 24h", "--max-status-age %s: %w", f.maxAge, err)
	}
	for _, name := range f.lists {
		raw, err := readFile(command, name, credential.StatusListSizeMax*2)
		if err != nil {
			return nil, err
		}
		if err := cache.Put(listIn(raw), now); err != nil {
			return nil, cli.Hint(err, "name a status list of the claim's issuer: `{command} --status-list FILE`")
		}
	}
	if f.fetch {
		return cache.Fetching(ctx, status.FetchHTTP), nil
	}
	return cache, nil
}

// listIn gives the JWT of a list: as it was fetched, or inside the file in which its issuer keeps it.
func listIn(raw string) string {
	var kept struct {
		Credential string `json:"credential"`
	}
	if strings.HasPrefix(raw, "{") && json.Unmarshal([]byte(raw), &kept) == nil {
		return kept.Credential
	}
	return raw
}

// verifyFlags say what is insisted on.
type verifyFlags struct {
	statusFlags
	keyFlags
	trust                          []string
	subject, kind, audience, nonce string
}

func verifyCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "verify FILE", Short: "Verify a claim, or a presentation of claims, offline", Args: cobra.ExactArgs(1),
		Long: "Verify a claim or a presentation, from a file or from stdin (-), and say what was checked and what was not. Nobody is\n" +
			"asked unless --fetch-status or --ledger says so. With --ledger an issuer's key of now counts, proven by the witnesses; without,\n" +
			"the key that its DID names. A claim that can be revoked fails when its status cannot be known.",
		Example: "  " + program + " claim verify calibration.jwt --trust did:joule:z6Mk…\n" +
			"  " + program + " claim verify calibration.jwt --trust did:joule:z6Mk… --ledger http://127.0.0.1:8420\n" +
			"  " + program + " claim verify shown.jwt --audience did:joule:z6Mk… --nonce n-0S6_WzA2Mj --json",
	}
	var f verifyFlags
	flags := command.Flags()
	flags.StringArrayVar(&f.trust, "trust", nil, "DID of an issuer that is trusted; again for more (default: its word is shown, not trusted)")
	flags.StringVar(&f.subject, "subject", "", "DID that the claim must be about")
	cli.ChoiceVar(flags, &f.kind, "type", "any", "what must be claimed", "any", string(credential.KindCalibration),
		string(credential.KindDelegation), string(credential.KindContract), string(credential.KindCustom), string(credential.KindStatusList))
	flags.StringVar(&f.audience, "audience", "", "DID that a presentation must be made for")
	flags.StringVar(&f.nonce, "nonce", "", "nonce that a presentation must be made for")
	f.statusFlags.add(command)
	f.keyFlags.add(command)
	cli.OnlyTyped(command, "subject", "type", "audience", "nonce", "status-list")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		now := time.Now()
		keys, err := f.open(app.Stopping(), app, selected)
		if err != nil {
			return err
		}
		policy, err := f.policy(app.Stopping(), command, now, keys)
		if err != nil {
			return err
		}
		raw, err := readFile(command, args[0], credential.StatusListSizeMax)
		if err != nil {
			return err
		}
		v, err := f.verify(listIn(raw), now, policy, keys)
		if err != nil {
			return err
		}
		return app.Print(v, v.print)
	}
	return command
}

func (f *verifyFlags) policy(ctx context.Context, command *cobra.Command, now time.Time, keys *keyring) (p credential.Policy, err error) {
	if f.fetch && len(f.trust) == 0 { // whoever signs a claim could send this machine anywhere
		return p, cli.Usage("name them: `{command} --trust DID --fetch-status`", "lists are fetched of trusted issuers only")
	}
	trusted, err := parseDIDs("trust", f.trust)
	if err != nil {
		return p, err
	}
	p.Trust = credential.AnyIssuer
	if len(trusted) > 0 {
		p.Trust = credential.TrustIssuers(trusted...)
	}
	if f.subject != "" {
		if p.Subject, err = parseDID("subject", f.subject); err != nil {
			return p, err
		}
	}
	if f.kind != "any" {
		p.Kind = credential.Kind(f.kind)
	}
	p.Keys = keys.keys()
	p.Status, err = f.checker(ctx, command, now, p.Keys)
	return p, err
}

// verified is the result of claim verify.
type verified struct {
	Holder      *wallet.DID `json:"holder,omitempty"` // of a presentation
	Credentials []summary   `json:"credentials"`
	Checks      []string    `json:"checks"`      // what was checked and holds
	NotChecked  []string    `json:"not_checked"` // what this answer does not say
}

func (f *verifyFlags) verify(compact string, now time.Time, policy credential.Policy, keys *keyring) (v verified, err error) {
	var found []credential.Credential
	if isPresentation(compact) {
		presented, err := f.verifyPresentation(compact, now, policy)
		if err != nil {
			return v, err
		}
		v.Holder, found = &presented.Holder, presented.Credentials
		v.Checks = append(v.Checks, "the presentation is signed by its holder, for this audience and nonce, and has not expired",
			"the holder is the subject of every claim in it")
	} else {
		c, err := credential.Verify(compact, now, policy)
		if err != nil {
			return v, err
		}
		found = []credential.Credential{c}
	}
	for _, c := range found {
		v.Credentials = append(v.Credentials, summaryOf(c))
	}
	keys.account(&v, found)
	f.account(&v, found)
	return v, nil
}

func (f *verifyFlags) verifyPresentation(compact string, now time.Time, policy credential.Policy) (credential.Presented, error) {
	if f.audience == "" || f.nonce == "" {
		return credential.Presented{}, cli.Usage("say whom and what it was made for: `{command} --audience DID --nonce NONCE`",
			"a presentation proves nothing without its audience and nonce")
	}
	audience, err := parseDID("audience", f.audience)
	if err != nil {
		return credential.Presented{}, err
	}
	return credential.VerifyPresentation(compact, credential.Challenge{Audience: audience, Nonce: f.nonce}, now, policy)
}

// account says what was checked and what was not.
func (f *verifyFlags) account(v *verified, found []credential.Credential) {
	v.Checks = append(v.Checks, "each claim is well-formed, and valid at this time")
	if len(f.trust) > 0 {
		v.Checks = append(v.Checks, "each issuer is one of those named with --trust")
	} else {
		v.NotChecked = append(v.NotChecked, "whether an issuer is to be trusted: name those that are with --trust")
	}
	if f.subject != "" {
		v.Checks = append(v.Checks, "each claim is about the DID named with --subject")
	}
	standing := credential.StandingNone
	for _, c := range found {
		standing = max(standing, c.Standing)
	}
	switch standing {
	case credential.StandingNone:
		v.Checks = append(v.Checks, "no claim states a status: none can be revoked")
	case credential.StandingGood:
		v.Checks = append(v.Checks, "no claim is revoked or suspended, by lists of its issuer")
	default:
		v.NotChecked = append(v.NotChecked, "whether a claim is revoked or suspended: give its list with --status-list, or --fetch-status")
	}
}

// isPresentation looks at the typ alone; what follows checks all of it.
func isPresentation(compact string) bool {
	header, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.DecodeString(header)
	var h struct {
		Typ string `json:"typ"`
	}
	return err == nil && json.Unmarshal(raw, &h) == nil && strings.HasPrefix(h.Typ, "vp")
}

func (v verified) print(p *cli.Printer) {
	p.Line("the claim holds:")
	for _, check := range v.Checks {
		p.Line("  + %s", check)
	}
	p.Line("not checked:")
	for _, check := range v.NotChecked {
		p.Line("  - %s", check)
	}
	if v.Holder != nil {
		p.Line("")
		p.Fields("holder", v.Holder.String())
	}
	for _, s := range v.Credentials {
		p.Line("")
		s.print(p)
	}
}
