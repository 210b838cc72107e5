package vehiclecmd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/agent"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/settle/receipt"
	"joulepay/wallet"
)

const (
	// discoverWait is how long answers of stations are waited for at a time, and discoverTries how often when none comes.
	discoverWait  = time.Second
	discoverTries = 5
	// receiptMax is how long a session that ended is waited for until it is final: a healthy ledger takes seconds.
	receiptMax = 30 * time.Second
)

// chargeCmd is what was asked for on the command line.
type chargeCmd struct {
	*reach
	command *cobra.Command
	limits  *limits
	trust   *trust
	station string
}

func newCharge(app *cli.App, command *cobra.Command, create bool) *chargeCmd {
	c := &chargeCmd{reach: addReach(app, command, create), command: command, limits: addLimits(command), trust: addTrust(command)}
	c.addNATS(command)
	app.FollowFlag(command)
	return c
}

func chargeCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "charge", Short: "Charge at a station and pay for it",
		Long: "Charge at a station and pay for it, slice by slice. The first run makes a wallet, which needs money before it can\n" +
			"pay. A session that was interrupted is resumed first. Ctrl-C stops politely and pays for what was taken; twice leaves\n" +
			"the session to be resumed.",
		Example: "  vehicle charge\n  vehicle charge --energy 12kWh --max-price 0.60\n" +
			"  vehicle charge --station did:joule:z6Mk… --evse 'DE*JLP*E1*1' --soc 80 --max-cost 25EUR\n" +
			"  vehicle charge --identity fresh",
	}
	c := newCharge(app, command, true)
	command.Flags().StringVar(&c.station, "station", auto, "DID of the station; "+auto+" takes the cheapest that fits")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func resumeCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "resume", Short: "Go on with the session that was interrupted",
		Example: "  vehicle resume",
	}
	c := newCharge(app, command, false)
	command.RunE = func(command *cobra.Command, _ []string) error { return c.resume(command.Context()) }
	return command
}

func (c *chargeCmd) run(ctx context.Context) error {
	station, err := parseStation(c.station)
	if err != nil {
		return err
	}
	if c.wallet.Fresh() {
		if station, err = c.become(ctx, station); err != nil {
			return err
		}
	}
	p, config, err := c.prepare(ctx, true)
	if err != nil {
		return err
	}
	defer p.Close()
	if done, err := c.finish(p, config); done || err != nil {
		return err
	}
	chosen, err := c.pick(ctx, p, station, config.Policy)
	if err != nil {
		return err
	}
	if err := c.checkFunds(ctx, p, chosen.Station, config.Policy); err != nil {
		return err
	}
	c.app.Note("%s at %s, about %s %s/%s; Ctrl-C stops and pays", doing[c.limits.service], chosen.Station,
		party.PriceWords(chosen.UnitPrice), chosen.Currency, party.PricedBy(c.limits.service))
	if config.Policy.ReturnMw > 0 {
		c.app.Note("it takes up to %d kW back, for %s %s/kWh now", chosen.MaxReturnMw/1_000_000, party.PriceWords(chosen.ReturnPrice), chosen.Currency)
	}
	return c.drive(p, config, chosen.Station, nil)
}

func (c *chargeCmd) resume(ctx context.Context) error {
	p, config, err := c.prepare(ctx, false)
	if err != nil {
		return err
	}
	defer p.Close()
	if done, err := c.finish(p, config); done || err != nil {
		return err
	}
	return c.app.Say("no session is unfinished")
}

// prepare reads all flags before anything is opened.
func (c *chargeCmd) prepare(ctx context.Context, create bool) (*party.Party, vehicle.Config, error) {
	config, err := c.limits.plan(time.Now(), c.app)
	if err != nil {
		return nil, config, err
	}
	if config.Credentials, err = c.trust.credentials(); err != nil {
		return nil, config, err
	}
	config.RecheckEvery = c.trust.recheck
	c.registered, c.registrationAge = c.trust.requireRegistration, c.trust.registrationAge
	p, err := c.open(ctx, create, party.AccessWrite)
	if err != nil {
		return nil, config, err
	}
	currency := p.Ledger.Trusted().Genesis.Currency
	if err := c.limits.settle(&config, currency); err != nil {
		p.Close()
		return nil, config, err
	}
	config.Report = party.NewWatch(c.app, c.command, currency).Report
	config.Buying.Dir, err = party.Dir(c.app, c.wallet)
	return p, config, err
}

// become finds the station, and takes the identity that only this one knows. Looking for stations shows no identity.
func (c *chargeCmd) become(ctx context.Context, named wallet.DID) (wallet.DID, error) {
	config, err := c.limits.plan(time.Now(), c.app)
	if err != nil {
		return named, err
	}
	p, err := c.open(ctx, true, party.AccessNone)
	if err != nil {
		return named, err
	}
	defer p.Close()
	if err := c.limits.settle(&config, p.Ledger.Trusted().Genesis.Currency); err != nil {
		return named, err
	}
	chosen, err := c.pick(ctx, p, named, config.Policy)
	if err != nil {
		return named, err
	}
	c.wallet.As(chosen.Station)
	c.app.Note("to this station the vehicle is %s alone; elsewhere name it with --identity %s", p.Wallet.Pairwise(chosen.Station).DID(), chosen.Station)
	return chosen.Station, nil
}

// finish resumes the session that was interrupted, if there is one. It is not done when that session turns out never to
// have begun.
func (c *chargeCmd) finish(p *party.Party, config vehicle.Config) (done bool, err error) {
	unfinished, err := vehicle.Unfinished(c.app.Lifetime(), p)
	if err != nil || unfinished == nil {
		return false, err
	}
	c.app.Note("resuming session %s at %s, which was interrupted", unfinished.ID, unfinished.Peer)
	if config, err = c.planAgain(p, config, *unfinished); err != nil {
		return false, err
	}
	err = c.drive(p, config, unfinished.Peer, unfinished)
	if errors.Is(err, vehicle.ErrSession) && c.app.Stopping().Err() == nil {
		c.app.Note("it ended before energy flowed: %v", err)
		return false, nil
	}
	return true, err
}

// planAgain gives the settings with which a session goes on that was interrupted, perhaps of another service.
func (c *chargeCmd) planAgain(p *party.Party, config vehicle.Config, r session.SessionRecord) (vehicle.Config, error) {
	if _, known := doing[r.Service]; known && r.Service != c.limits.service {
		c.limits = c.limits.forService(r.Service)
		again, err := c.limits.plan(time.Now(), c.app)
		if err != nil {
			return config, err
		}
		if err := c.limits.settle(&again, p.Ledger.Trusted().Genesis.Currency); err != nil {
			return config, err
		}
		again.Credentials, again.RecheckEvery, again.Report, again.Buying.Dir = config.Credentials, config.RecheckEvery, config.Report, config.Buying.Dir
		config = again
	}
	c.limits.parked(&config, r)
	return config, nil
}

// soon tells whether looking again may find what was not found: a station that answers late, or is just becoming free.
func soon(err error) bool {
	return errors.Is(err, vehicle.ErrNoStation) || errors.Is(err, vehicle.ErrUnknownStation) || errors.Is(err, vehicle.ErrInUse) ||
		errors.Is(err, vehicle.ErrNotOffered)
}

// pick finds the station.
func (c *chargeCmd) pick(ctx context.Context, p *party.Party, named wallet.DID, policy session.PayerPolicy) (quote.Announcement, error) {
	wish := vehicle.Wish{Service: policy.Service, EVSE: policy.EVSE, Station: named, PriceMax: policy.UnitPriceMax, GivesBack: policy.ReturnMw > 0}
	var chosen quote.Announcement
	err := vehicle.ErrNoStation
	for try := 0; try < discoverTries && soon(err); try++ {
		c.app.Progress("looking for stations")
		found, failed := vehicle.Discover(ctx, p, wish, discoverWait)
		if failed != nil {
			return chosen, failed
		}
		chosen, err = vehicle.Pick(found, wish)
	}
	return chosen, err
}

// checkFunds tells before plugging in whether a new channel could be opened.
func (c *chargeCmd) checkFunds(ctx context.Context, p *party.Party, station wallet.DID, policy session.PayerPolicy) error {
	known, err := agent.OpenChannel(ctx, p.Store, station)
	if err != nil || known != nil {
		return err
	}
	return party.CheckFunds(ctx, p, policy.Deposit)
}

// drive runs one session to its receipt.
func (c *chargeCmd) drive(p *party.Party, config vehicle.Config, station wallet.DID, resume *session.SessionRecord) error {
	car, err := vehicle.New(p, config, station, c.app.Log())
	if err != nil {
		return err
	}
	err = car.Drive(c.app.Lifetime(), c.app.Stopping(), resume, func(r session.SessionRecord) error { return c.conclude(p, r) })
	if errors.Is(err, vehicle.ErrSession) && c.app.Stopping().Err() != nil {
		err = cli.Fail("`{command}` begins anew", "stopped before anything was delivered: nothing was paid")
	}
	return errors.Join(vouched(err), car.Close())
}

// conclude waits for the receipt of a session that is over, and prints it.
func (c *chargeCmd) conclude(p *party.Party, r session.SessionRecord) error {
	c.explain(r)
	if settlesLater(r) {
		return c.deferred(p, r)
	}
	ctx, cancel := context.WithTimeout(c.waiting(), receiptMax)
	defer cancel()
	c.app.Progress("waiting until the ledger has certified the session")
	proof, err := p.AwaitReceipt(ctx, r.ID)
	c.app.EndProgress()
	if errors.Is(err, party.ErrNotFinal) {
		return c.later(p, r, proof)
	}
	if err != nil {
		return err
	}
	return c.app.Print(c.limits.wanted.told(party.ResultOf(proof)), func(p *cli.Printer) { printWords(p, proof) })
}

// settlesLater tells whether the station keeps what a session came to in the channel, so that no receipt is final soon.
func settlesLater(r session.SessionRecord) bool {
	q, err := quote.Parse(r.Quote, quote.AnyKey)
	return err == nil && q.Quote.Deferred && r.Phase == session.PhaseEnded && r.Failure == ""
}

// deferred prints what a session came to that the station settles later.
func (c *chargeCmd) deferred(p *party.Party, r session.SessionRecord) error {
	proof, err := p.Receipt(c.waiting(), r.ID)
	if err != nil {
		return err
	}
	if !proof.Summary.Final || proof.Summary.Settlement == "" {
		c.app.Note("paid in the channel; the station settles when enough has come together: then `vehicle receipts show %s` is final", r.ID)
	}
	return c.app.Print(c.limits.wanted.told(party.ResultOf(proof)), func(p *cli.Printer) { printWords(p, proof) })
}

// waiting gives a context that ends with the next interrupt, where one was not used to stop the session.
func (c *chargeCmd) waiting() context.Context {
	if c.app.Stopping().Err() != nil {
		return c.app.Lifetime()
	}
	return c.app.Stopping()
}

// explain says why a session ended when that is not what the vehicle wanted.
func (c *chargeCmd) explain(r session.SessionRecord) {
	why := map[wire.Reason]string{
		wire.ReasonStation: "the station ended the session", wire.ReasonUnpaid: "the station waited for a claim in vain",
		wire.ReasonUncovered: "the money in the channel was used up", wire.ReasonMeter: "the meters disagreed, or one failed",
		wire.ReasonTariff: "the tariff ended, and what follows it was not agreed to",
		wire.ReasonCost:   "the limit of --max-cost was reached",
	}[r.Reason]
	if why != "" {
		c.app.Note("%s", why)
	}
	if r.Failure != "" {
		c.app.Note("! %s", r.Failure)
	}
}

// later prints what is known of a session whose receipt is not final, and how to get it.
func (c *chargeCmd) later(p *party.Party, r session.SessionRecord, proof receipt.Receipt) error {
	c.app.Note("not final yet: `vehicle receipts show %s` waits for the final receipt", r.ID)
	if proof.Summary.Session == "" {
		result := p.ResultKnown(r)
		return c.app.Print(result, func(p *cli.Printer) {
			p.Line("paid %s to station %s for %s, with %d claims", result.Amount, result.Station,
				party.QuantityWords(result.Service, result.Unit, result.Quantity), result.Claims)
		})
	}
	return c.app.Print(party.ResultOf(proof), func(p *cli.Printer) { printWords(p, proof) })
}

func printWords(p *cli.Printer, r receipt.Receipt) {
	for line := range strings.Lines(receipt.Words(r)) {
		p.Line("%s", strings.TrimRight(line, "\n"))
	}
	p.Line("Session %s.", r.Summary.Session)
}
