package vehiclecmd

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/vehicle"
	"joulepay/settle/did"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// trust are the flags by which a person says whom a vehicle believes about a station.
type trust struct {
	calibration, delegation               []string
	requireCalibration, requireDelegation bool
	statusAge                             time.Duration
	unknown                               string
	requireRegistration                   bool
	registrationAge                       time.Duration
	recheck                               time.Duration
}

// Words for what becomes of an unknown status.
const (
	unknownRefuse = "refuse"
	unknownAccept = "accept"
)

func addTrust(command *cobra.Command) *trust {
	t := &trust{}
	f := command.Flags()
	t.addIssuers(f)
	f.DurationVar(&t.statusAge, "max-status-age", vehicle.StatusAgeDefault, "how old a status list of its credentials may be")
	cli.ChoiceVar(f, &t.unknown, "unknown-status", unknownRefuse, "what to do with a credential whose status cannot be known", unknownRefuse, unknownAccept)
	f.BoolVar(&t.requireRegistration, "require-registration", false, "refuse a station that is not registered on the ledger")
	f.DurationVar(&t.registrationAge, "registration-age", registry.AgeMax, "how old the proof of a station's registration may be")
	f.DurationVar(&t.recheck, "recheck-every", vehicle.RecheckDefault, "how often to look at key and credentials of the station again while it charges")
	return t
}

// addIssuers adds the flags that say whose word counts, and what is demanded: of a station, or of a receipt of its.
func (t *trust) addIssuers(f *pflag.FlagSet) {
	f.StringArrayVar(&t.calibration, "trust-calibration", nil, "DID of who may say that a meter is calibrated; again for more")
	f.StringArrayVar(&t.delegation, "trust-delegation", nil, "DID of an operator that may let a station sell; again for more")
	f.BoolVar(&t.requireCalibration, "require-calibration", false, "refuse a station whose meter none of --trust-calibration calibrated")
	f.BoolVar(&t.requireDelegation, "require-delegation", false, "refuse a station that is paid to an account which none of --trust-delegation named")
}

// credentials reads the flags.
func (t *trust) credentials() (c vehicle.Credentials, err error) {
	switch {
	case t.statusAge <= 0:
		return c, cli.Usage("for example --max-status-age 24h", "--max-status-age %s: want more than nothing", t.statusAge)
	case t.registrationAge <= 0:
		return c, cli.Usage("for example --registration-age 1h", "--registration-age %s: want more than nothing", t.registrationAge)
	case t.recheck <= 0:
		return c, cli.Usage("for example --recheck-every 1m", "--recheck-every %s: want more than nothing", t.recheck)
	}
	c = vehicle.Credentials{StatusAge: t.statusAge, OnUnknown: status.FailClosed}
	if t.unknown == unknownAccept {
		c.OnUnknown = status.FailOpen
	}
	c.Demands, c.Trust, err = t.issuers()
	return c, err
}

// issuers reads what is demanded, and whose word counts.
func (t *trust) issuers() (demands credential.Demands, trusted map[credential.Kind][]wallet.DID, err error) {
	switch {
	case t.requireCalibration && len(t.calibration) == 0:
		return demands, nil, cli.Usage("name who calibrates: `{command} --trust-calibration DID`", "--require-calibration without an issuer that is trusted")
	case t.requireDelegation && len(t.delegation) == 0:
		return demands, nil, cli.Usage("name the operators: `{command} --trust-delegation DID`", "--require-delegation without an issuer that is trusted")
	}
	demands = credential.Demands{Calibration: t.requireCalibration, Delegation: t.requireDelegation}
	trusted = map[credential.Kind][]wallet.DID{}
	if trusted[credential.KindCalibration], err = parseIssuers("trust-calibration", t.calibration); err != nil {
		return demands, nil, err
	}
	trusted[credential.KindDelegation], err = parseIssuers("trust-delegation", t.delegation)
	return demands, trusted, err
}

func parseIssuers(flag string, texts []string) ([]wallet.DID, error) {
	var dids []wallet.DID
	for _, text := range texts {
		d, err := wallet.ParseDID(text)
		if err != nil {
			return nil, cli.Usage("a DID looks like did:joule:z6Mk…", "--%s: %w", flag, err)
		}
		dids = append(dids, d)
	}
	return dids, nil
}

const hintElsewhere = "nothing was paid: `vehicle stations` shows others"

// stationErrors says what to do about a station that the ledger, or its own credentials, do not vouch for. They are looked
// up before what other commands say of the same errors.
var stationErrors = []cli.Known{
	{Err: registry.ErrUnregistered,
		Hint: "its operator registers it with `chargepoint did register`; without --require-registration its own key is enough"},
	{Err: did.ErrDeactivated, Hint: "the station's identity was ended: " + hintElsewhere},
	{Err: did.ErrKey, Hint: "the station's key was replaced: " + hintElsewhere},
	{Err: did.ErrStale,
		Hint: "ask a node that follows the ledger, `{command} --ledger URL`, or allow an older proof: --registration-age 24h"},
	{Err: did.ErrProof, Hint: "do not trust that node, ask another: `{command} --ledger URL`"},
	{Err: registry.ErrBinding, Hint: "do not charge here: somebody else answers in the station's name"},
	{Err: registry.ErrUnknown, Hint: "try again; if that does not help, ask another node: `{command} --ledger URL`"},

	{Err: credential.ErrMissing,
		Hint: hintElsewhere + "; its operator shows a credential with `chargepoint run --credential FILE`"},
	{Err: credential.ErrUntrusted,
		Hint: "if you trust that issuer: `{command} --trust-calibration DID` or --trust-delegation DID"},
	{Err: credential.ErrRevoked, Hint: "its issuer took the credential back: " + hintElsewhere},
	{Err: credential.ErrSuspended, Hint: "its issuer suspended the credential: " + hintElsewhere},
	{Err: credential.ErrExpired, Hint: "its operator needs a new one: " + hintElsewhere},
	{Err: credential.ErrStatusUnavailable,
		Hint: "its issuer's status list cannot be had: try again, or go on without knowing: `{command} --unknown-status accept`"},
	{Err: status.ErrStale,
		Hint: "its issuer's status list is too old: try again, or go on without knowing: `{command} --unknown-status accept`"},
	{Err: session.ErrUndecided, Hint: "it takes too long to learn: try again, or ask another node: `{command} --ledger URL`"},
	{Err: session.ErrCredential, Hint: "do not trust what this station shows: " + hintElsewhere},
}

// vouched adds to a station's refusal what to do about it.
func vouched(err error) error {
	for _, k := range stationErrors {
		if concernsStation(err) && errors.Is(err, k.Err) {
			return cli.Hint(err, k.Hint)
		}
	}
	return err
}

func concernsStation(err error) bool {
	return errors.Is(err, vehicle.ErrStation) || errors.Is(err, session.ErrCredential) || errors.Is(err, secure.ErrNotAdmitted)
}
