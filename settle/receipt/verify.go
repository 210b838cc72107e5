package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"joulepay/wallet"
)

// Options say what the verifier knows besides the receipt. The zero value knows nothing.
type Options struct {
	// Network is the one that the verifier pinned. When it is zero, the receipt's own genesis is believed, and the
	// report says so.
	Network wallet.NetworkID
	// Trust is whom it believes about the station and its meter.
	Trust Trust
}

// Report is what a verification found.
type Report struct {
	Checks  []string // what was checked and holds, in words, in order
	Stated  []string // what the issuer states and nothing proves
	Pinned  bool     // the network is the one that the verifier knows
	Final   bool     // witnesses certified a state of the channel that covers the claims
	Settled bool     // final, ended, and nothing is left unpaid
}

var (
	errNetworkID  = errors.New("of another network than the one that is pinned")
	errNamed      = errors.New("the receipt names another network than its genesis")
	errIssuer     = errors.New("the issuer is no party of the session")
	errRetired    = errors.New("by a key of the issuer that the evidence shows to be replaced")
	errOtherValue = errors.New("does not follow from the evidence")
)

// Verify checks everything that a receipt contains, offline: signatures, the chain of readings, that the claims pay
// for the readings at the tariff's price, and that witnesses certified a ledger which knows the claims. What fails is
// an *Error that names the part.
func Verify(r Receipt, o Options) (Report, error) {
	d, err := examine(r.Evidence)
	if err != nil {
		return Report{}, err
	}
	if r.Network != d.network.ID {
		return Report{}, &Error{PartGenesis, errNamed}
	}
	pinned := o.Network != wallet.NetworkID{}
	if pinned && o.Network != r.Network {
		return Report{}, &Error{PartGenesis, errNetworkID}
	}
	if err := d.checkSummary(r.Summary); err != nil {
		return Report{}, &Error{PartSummary, err}
	}
	if err := d.checkSignature(r); err != nil {
		return Report{}, &Error{PartSignature, err}
	}
	if err := d.checkDemands(o.Trust); err != nil {
		return Report{}, &Error{PartCredentials, err}
	}
	report := d.report(r, o.Trust)
	report.Pinned = pinned
	if !pinned {
		report.Stated = append(report.Stated, fmt.Sprintf("that network %s is the one you mean", r.Network))
	}
	return report, nil
}

// checkSummary compares every figure with the one computed, and names the first that differs.
func (d *dossier) checkSummary(stated Summary) error {
	computed, err := d.summary()
	if err != nil {
		return err
	}
	want, err := fields(computed)
	if err != nil {
		return err
	}
	got, err := fields(stated)
	if err != nil {
		return err
	}
	for name, value := range want {
		if !bytes.Equal(got[name], value) {
			return fmt.Errorf("%s: %w: %.80s, computed %.80s", name, errOtherValue, got[name], value)
		}
	}
	if len(got) != len(want) {
		return errOtherValue
	}
	return nil
}

// fields gives the JSON of a summary, field by field.
func fields(s Summary) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	err = json.Unmarshal(raw, &m)
	return m, err
}

func (d *dossier) checkSignature(r Receipt) error {
	if r.Signature == nil {
		return errUnsigned
	}
	if r.Issuer != d.opening.Opener && r.Issuer != d.opening.Partner {
		return errIssuer
	}
	body, err := r.body()
	if err != nil {
		return err
	}
	if r.Key != nil && *r.Key == r.Issuer.InceptionKey() {
		return errCanonical
	}
	if err := d.checkIssuer(r.Issuer, r.signer()); err != nil {
		return err
	}
	return wallet.Verify(r.signer(), wallet.DomainReceipt, r.Network, body, *r.Signature)
}

// report says in words what examine found.
func (d *dossier) report(r Receipt, t Trust) Report {
	q, s := d.quote.Quote, r.Summary
	report := Report{Final: s.Final, Settled: s.Final && s.Ended && s.Unpaid.Amount == 0}
	say := func(format string, args ...any) { report.Checks = append(report.Checks, fmt.Sprintf(format, args...)) }
	say("the genesis hashes to network %s", d.network.ID)
	say("the channel %s is between vehicle and station", d.channel)
	say("station %s signed the quote%s, with tariff %q in it", q.Station.Short(), d.signer(q.Station, d.quote.Signer()), d.tariffs[0])
	for i, next := range d.quotes[1:] {
		say("and quote %d, which changes the tariff from %s on; the vehicle's claim agrees to it", i+2, next.Quote.From().Format(time.DateTime))
	}
	say("the meter signed %d readings; each continues the one before", len(d.readings))
	vouched, trusted := d.credentials(t)
	report.Checks = append(append(report.Checks, vouched...), d.demanded(t)...)
	for lane, best := range d.claims {
		if !best.IsZero() {
			say("the claim on lane %d is signed by its payer's channel key: %s %s in total", lane, best.Owed(), q.Currency)
		}
	}
	if d.credit != nil {
		say("priced again, %s Wh that were taken cost %s %s, and %s Wh that were given back are worth %s %s",
			s.EnergyWh, sumOf(d.cost), q.Currency, WattHours(s.Returned), sumOf(*d.credit), q.Currency)
	}
	say("priced again, the session costs %s; %s is paid", s.Payable, s.Paid)
	say("%d of %d ledger vertices are proven accepted and final", d.proven, len(d.vertices))
	if d.slot != nil {
		say("witnesses certified the channel with lanes at %s, in checkpoint %d", lanesInWords(d.certified, d.opening.Terms.Currency), s.Checkpoint.Number)
	}
	say("%s signed the receipt%s", r.Issuer.Short(), d.signer(r.Issuer, r.signer()))
	report.Stated = []string{
		fmt.Sprintf("that %d claims were signed", s.Claims),
	}
	report.Stated = append(report.Stated, trusted...)
	for lane, was := range d.evidence.before() {
		if text := fmt.Sprintf("lane %d was at %s %s before the session", lane, was, q.Currency); d.shown[lane] {
			say("an earlier claim shows that %s", text)
		} else {
			report.Stated = append(report.Stated, "that "+text)
		}
	}
	return report
}
