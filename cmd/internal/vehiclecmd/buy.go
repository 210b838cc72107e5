package vehiclecmd

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/agent"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/wallet/money"
)

// buyers are the commands that buy something, each named after what a vehicle does.
var buyers = []string{"charge", "park", "toll", "data"}

// wanted are the flags of what is not charging.
type wanted struct {
	lasting  time.Duration
	passages int64
	every    time.Duration
	messages int64
	out      string

	mu     sync.Mutex // guards passed
	passed []time.Duration
}

// piecesMax bounds what a vehicle asks for in one session: so many pieces a tariff prices in one.
const piecesMax = quote.UnpaidMaxMost

func newBuyer(app *cli.App, command *cobra.Command, service string) *chargeCmd {
	c := &chargeCmd{reach: addReach(app, command, true), command: command, limits: addTerms(command, service), trust: addTrust(command)}
	c.addNATS(command)
	app.FollowFlag(command)
	command.Flags().StringVar(&c.station, "station", auto, "DID of the station; "+auto+" takes the cheapest that fits")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return c
}

// addTerms adds what every purchase has: limits of money, and where the vehicle stands.
func addTerms(command *cobra.Command, service string) *limits {
	l := &limits{service: service, sums: map[string]party.Sum{}}
	policy := policyOf(service)
	f := command.Flags()
	f.StringVar(&l.maxCost, "max-cost", "0", "stop before it costs more, such as 10EUR; 0: no limit")
	f.StringVar(&l.maxPrice, "max-price", "0", "the most for a "+party.PricedBy(service)+", VAT included; 0: no limit")
	f.StringVar(&l.deposit, "deposit", policy.Deposit.String(), "what a new channel locks, such as 20EUR")
	f.StringVar(&l.topUp, "top-up", policy.TopUp.String(), "what is added when the deposit runs short; 0: never, then it stops")
	f.StringVar(&l.evse, "evse", "", "EVSE id of where it stands (default: any of the station)")
	return l
}

func parkCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "park", Short: "Park at a car park and pay by the second",
		Long: "Park at a car park and pay while the vehicle stands there, a claim a minute. The vehicle's own clock confirms the time.\n" +
			"It leaves after --for, at --until, before --max-cost, or with Ctrl-C, and pays what it stood.",
		Example: "  vehicle park --for 45m\n  vehicle park --until 18:00 --max-cost 5EUR\n  vehicle park --station did:joule:z6Mk… --evse 'DE*JLP*P1*7'",
	}
	c := newBuyer(app, command, party.Parking)
	command.Flags().DurationVar(&c.limits.wanted.lasting, "for", 0, "leave after this time: 45m, 2h; 0: when told to")
	command.Flags().StringVar(&c.limits.until, "until", "", "leave at this time: 18:00, RFC 3339, or after a duration")
	return command
}

func tollCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "toll", Short: "Pass a toll gate and pay for the passage",
		Long: "Pass a toll gate: the passage is paid by a signed claim, and the barrier opens. The channel with the gate stays open, so\n" +
			"that the next passage costs neither a deposit nor a vertex; the gate settles when enough has come together. How long the\n" +
			"barrier took is told.",
		Example: "  vehicle toll\n  vehicle toll --passages 20 --max-price 0.40\n  vehicle toll --station did:joule:z6Mk…",
	}
	c := newBuyer(app, command, party.Toll)
	command.Flags().Int64Var(&c.limits.wanted.passages, "passages", 1, "how often to drive through, one after the other")
	command.Flags().DurationVar(&c.limits.wanted.every, "every", 0, "how long the way to the next passage takes")
	return command
}

func dataCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "data", Short: "Buy messages of a data station and pay for each",
		Long: "Buy messages: they come encrypted inside the session, are written one a line, and are paid by claims for as many as were\n" +
			"received and are on the disk. Without --out they go to standard output; with --json they need --out to be kept.",
		Example: "  vehicle data --messages 1000 --out messages.jsonl\n  vehicle data --messages 10\n  vehicle data --messages 0 --max-cost 1EUR --out all.jsonl",
	}
	c := newBuyer(app, command, party.Data)
	command.Flags().Int64Var(&c.limits.wanted.messages, "messages", 100, "how many; 0: as many as come, up to "+fmt.Sprint(piecesMax))
	command.Flags().StringVar(&c.limits.wanted.out, "out", "", "new `FILE` for the messages, one a line")
	return command
}

// policyOf gives what a vehicle accepts of a service unless it is told otherwise.
func policyOf(service string) session.PayerPolicy {
	p := session.DefaultPayerPolicy()
	p.Service = service
	switch service {
	case party.Parking:
		p.Deposit, p.TopUp, p.FullIsTarget = 10*money.Nano, 10*money.Nano, false
	case party.Toll, party.Data:
		p.Deposit, p.TopUp, p.FullIsTarget = 5*money.Nano, 5*money.Nano, false
		p.StopsItself = service == party.Toll
	}
	return p
}

// planService reads the flags of what is not charging.
func (l *limits) planService(now time.Time, app *cli.App) (vehicle.Config, error) {
	c := vehicle.Config{Policy: policyOf(l.service), Clock: agent.WallClock{}, PulseEvery: pulseOf(l.service)}
	c.Policy.EVSE = l.evse
	if err := l.readTimes(&c, now); err != nil {
		return c, err
	}
	if err := l.readSums(); err != nil {
		return c, err
	}
	w := &l.wanted
	switch l.service {
	case party.Parking:
		if w.lasting < 0 || w.lasting > 0 && w.lasting < time.Second {
			return c, cli.Usage("for example --for 45m", "--for %s: want a second or more", w.lasting)
		}
		c.Policy.Quantity = int64(w.lasting / time.Second)
	case party.Toll:
		if w.passages < 1 || w.passages > piecesMax {
			return c, cli.Usage("for example --passages 2", "--passages %d: want 1 to %d", w.passages, piecesMax)
		}
		c.Policy.Quantity = w.passages
		if c.Buying.Every = w.every; w.every < 0 {
			return c, cli.Usage("for example --every 10s", "--every %s is negative", w.every)
		}
		c.Buying.Passed = func(p vehicle.Passage) { w.pass(app, p) }
	case party.Data:
		if w.messages < 0 || w.messages > piecesMax {
			return c, cli.Usage("for example --messages 1000", "--messages %d: want at most %d", w.messages, piecesMax)
		}
		c.Policy.Quantity = w.messages
		if c.Buying.Out = w.out; w.out == "" && app.JSON() {
			c.Buying.Out = vehicle.OutNone
		}
	}
	return c, nil
}

// pass notes a passage, and tells how long its barrier took.
func (w *wanted) pass(app *cli.App, p vehicle.Passage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed = append(w.passed, p.Took)
	app.Note("passage %d: the barrier opened after %s", p.Number, p.Took.Round(time.Millisecond))
}

// gate is what a vehicle tells of its passages, beside the result of their session.
type gate struct {
	party.Result
	Passages []int64 `json:"passage_ms"` // from asking, or standing before the barrier, until it opened
	P50      int64   `json:"passage_p50_ms"`
	P99      int64   `json:"passage_p99_ms"`
}

// told gives the result of a session as it is printed.
func (w *wanted) told(r party.Result) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Service != party.Toll || len(w.passed) == 0 {
		return r
	}
	g := gate{Result: r}
	for _, took := range w.passed {
		g.Passages = append(g.Passages, took.Milliseconds())
	}
	sorted := slices.Sorted(slices.Values(g.Passages))
	g.P50, g.P99 = sorted[(len(sorted)-1)/2], sorted[(99*len(sorted)+99)/100-1]
	return g
}

// pulseOf gives how often a vehicle looks at its own meter.
func pulseOf(service string) time.Duration {
	switch service {
	case party.Toll:
		return 25 * time.Millisecond
	case party.Data:
		return 50 * time.Millisecond
	}
	return pulseEvery
}

// doing is what a vehicle says that it does.
var doing = map[string]string{party.Charging: "charging", party.Parking: "parking", party.Toll: "passing", party.Data: "buying messages"}

// forService gives the limits of an interrupted session, where it was of another service than this command's: money as this
// command says, all else by default.
func (l *limits) forService(service string) *limits {
	if service == l.service {
		return l
	}
	var other *limits
	if none := (&cobra.Command{}); service == party.Charging {
		other = addLimits(none)
	} else {
		other = addTerms(none, service)
		other.wanted.passages = 1
	}
	other.maxCost, other.maxPrice, other.deposit, other.topUp = l.maxCost, l.maxPrice, l.deposit, l.topUp
	return other
}
