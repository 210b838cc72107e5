package stationcmd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocmfsign"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/credential/status"
	"joulepay/wallet/money"
)

// HTTPDefault is where a charger that is started without flags serves its API.
const HTTPDefault = "127.0.0.1:8421"

// drainMax is how long a stop waits until sessions are settled: far above what a healthy ledger takes.
const drainMax = time.Minute

// runCmd is what was asked for on the command line.
type runCmd struct {
	app     *cli.App
	command *cobra.Command
	wallet  *walletcmd.Selection

	service, nats, natsListen, ledger, http  string
	tariff, meter, power, evse, zone, payout string
	settleAt                                 string
	tls                                      party.TLS
	claimEvery, window                       time.Duration
	settleEvery, goneAfter                   time.Duration
	ocpp                                     ocppFlags
	marketFile                               string
	market                                   marketFlags
	meterKey                                 string
	giveBack                                 giveBackFlags
	sold                                     serviceFlags
	signs                                    *ocmf.PrivateKey // the meter's own key, once it is read
	credentials                              []string
	tokenFile                                string
	origins                                  []string
}

func runCommand(app *cli.App) *cobra.Command {
	c := &runCmd{app: app}
	defaults := station.Default(pricing.Default())
	command := &cobra.Command{
		Use: "run", Short: "Run a charger, a car park, a toll gate or a data station",
		Long: "Run a charger: it makes itself and its price known, meters, is paid while energy flows, and settles.\n" +
			"With --service it sells places by the second, passages of a gate, or messages in the same way.\n" +
			"The first run makes a wallet. What was interrupted resumes. Ctrl-C ends sessions politely and settles them; twice\n" +
			"leaves them to the next run.",
		Example: "  chargepoint run\n  chargepoint run --power 150kW --tariff tariff.json\n" +
			"  chargepoint run --meter 'exec:./read-meter --port /dev/ttyUSB0'\n  chargepoint run --nats embedded --ledger embedded\n" +
			"  chargepoint run --market prices.csv --give-back 0.25 --return-power 10kW --return-above 0.35\n" +
			"  chargepoint run --service parking --places 20 --tariff parking.json\n  chargepoint run --service toll\n" +
			"  chargepoint run --service data --data-source 'exec:./sensor'",
	}
	c.command, c.wallet = command, walletcmd.AddCreateFlags(app, command)
	app.FollowFlag(command)
	f := command.Flags()
	cli.ChoiceVar(f, &c.service, "service", defaults.Service, "what is sold", services...)
	c.sold.add(command)
	f.StringVar(&c.nats, "nats", party.NATSDefault, "NATS server: a URL, or "+Embedded)
	f.StringVar(&c.natsListen, "nats-listen", operator.NATSDefault, "address of an embedded NATS server")
	c.tls.AddTrust(command)
	c.tls.AddServe(command)
	f.StringVar(&c.ledger, "ledger", party.LedgerDefault, "API of a ledger node: a URL, or "+Embedded)
	f.StringVar(&c.http, "http", HTTPDefault, "address of the charger's own API")
	f.StringVar(&c.tokenFile, "token-file", "", operator.TokensUsage)
	f.StringArrayVar(&c.origins, "cors-origin", nil, operator.OriginsUsage)
	f.StringVar(&c.tariff, "tariff", "", "OCPI tariff, or a list of those that follow one another, JSON `FILE` that is read again when it changes; when not given 0.49 EUR/kWh without VAT, 1.80 EUR/h of parking, 0.35 EUR a passage, 0.001 EUR a message")
	f.StringVar(&c.marketFile, "market", "", "day-ahead prices, CSV or JSON `FILE`, in place of --tariff; it is read again when it changes")
	c.market.add(f, "market-")
	f.StringVar(&c.meter, "meter", "sim", "what meters: sim, replay:FILE#ROW, exec:COMMAND or ocpp")
	c.ocpp.add(command)
	cli.ChoiceVar(f, &c.meterKey, "meter-key", "none", "key with which a meter other than ocpp signs the ends of sessions (OCMF), kept in --data", "none", "p256")
	f.StringVar(&c.power, "power", "50kW", "the most that the outlet gives (a recording has its own)")
	c.giveBack.add(f)
	f.StringVar(&c.evse, "evse", defaults.EVSE, "EVSE id of the outlet (of a car park DE*JLP*P1, a gate DE*JLP*T1, a data station DE*JLP*D1)")
	f.StringVar(&c.zone, "time-zone", defaults.TimeZone, "IANA time zone of the tariff's local times")
	f.DurationVar(&c.claimEvery, "claim-every", defaults.ClaimEvery, "claim interval: energy unpaid for longer is not delivered (parking: 1m, toll: 2s)")
	f.DurationVar(&c.window, "window", defaults.Window, "challenge window asked of new channels")
	f.StringVar(&c.settleAt, "settle-at", defaults.SettleAt.String(), "settle during a session when so much is unsettled, for example 10EUR; 0 never")
	f.DurationVar(&c.settleEvery, "settle-every", defaults.SettleEvery, "settle during a session after this time; 0 never")
	f.DurationVar(&c.goneAfter, "gone-after", defaults.Policy.GoneAfter, "hang up on a vehicle that owes for so long")
	f.StringVar(&c.payout, "payout", "", "DID of the account that is paid (default: the charger's own)")
	f.StringArrayVar(&c.credentials, "credential", nil, "credential to show to vehicles, a `FILE`: the calibration of the meter, an operator's delegation; again for more")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

// run starts from the outside in, so that nothing is written when an address is taken or a flag is wrong.
func (c *runCmd) run(ctx context.Context) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	listener, err := c.app.Listen("http", c.http)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // serving closes it first
	defer func() { shut(o) }()
	if err := c.ocpp.open(c.app, &o); err != nil {
		return err
	}
	if o.Wallet, _, err = c.wallet.OpenOrCreate(); err != nil {
		return err
	}
	if o.Dir, err = party.Dir(c.app, c.wallet); err != nil {
		return err
	}
	if err := c.readMeterKey(&o); err != nil {
		return err
	}
	charger, err := Start(c.app.Lifetime(), o, listener)
	if err != nil {
		return err
	}
	defer charger.Close()
	if err := c.announce(charger); err != nil {
		return err
	}
	select {
	case err := <-charger.Failed():
		return err
	case <-ctx.Done():
	}
	return c.drain(charger)
}

// drain ends sessions politely, and says what it could not wait for.
func (c *runCmd) drain(charger *Charger) error {
	ctx, cancel := context.WithTimeout(c.app.Lifetime(), drainMax)
	defer cancel()
	err := charger.Drain(ctx)
	if errors.Is(err, agent.ErrStopped) {
		c.app.Note("%v: the next run goes on with them", err)
		return nil
	}
	return err
}

// options reads everything that needs no ledger.
func (c *runCmd) options() (Options, error) {
	o := Options{NATS: c.nats, NATSListen: c.natsListen, TLS: c.tls, Ledger: c.ledger, Log: c.app.Log()}
	o.OnNATS = func(err error) { c.app.Log().Warn("NATS", "error", err) }
	o.StatusLists = status.Directory(filepath.Join(c.app.Data(), listsDirectory))
	if err := c.check(); err != nil {
		return o, err
	}
	var err error
	o.Origins = c.origins
	if o.Tokens, err = operator.ReadTokens(c.tokenFile); err != nil {
		return o, err
	}
	if o.Meter, err = meter.ParseSpec(c.meter); err != nil {
		return o, fmt.Errorf("--meter: %w", err)
	}
	if o.PowerMw, err = parsePower(c.power); err != nil {
		return o, err
	}
	if o.Meter.Kind == meter.KindOCPP {
		if o.OCPP, err = c.ocpp.options(o.PowerMw, c.claimEvery, c.app); err != nil {
			return o, err
		}
	}
	settings, err := c.defaults()
	if err != nil {
		return o, err
	}
	if settings.GiveBack, err = c.giveBack.read(c); err != nil {
		return o, err
	}
	if settings.GiveBack != nil {
		o.ReturnMw = settings.GiveBack.MaxPowerMw
	}
	if o.Sale, err = c.sale(o.Meter); err != nil {
		return o, err
	}
	if c.marketFile != "" {
		file, err := c.marketTariffs()
		if err != nil {
			return o, err
		}
		settings.TariffAt, settings.MarketAt = file.At, file.MarketAt
	} else if c.tariff != "" {
		file, err := openTariffs(c.tariff, c.app.Log())
		if err != nil {
			return o, err
		}
		settings.TariffAt = file.At
	}
	settleAt, err := party.ParseSum("settle-at", c.settleAt)
	if err != nil {
		return o, err
	}
	if c.payout != "" {
		if settings.Payout, err = wallet.ParseDID(c.payout); err != nil {
			return o, fmt.Errorf("--payout: %w", err)
		}
	}
	compacts, err := c.readCredentials()
	if err != nil {
		return o, err
	}
	o.Settings = func(p *party.Party) (station.Config, error) {
		if err := c.present(c.app.Lifetime(), &settings, p, compacts); err != nil {
			return settings, shown(err)
		}
		return c.settings(settings, settleAt, p)
	}
	return o, nil
}

// check refuses what no charger can be run with.
func (c *runCmd) check() error {
	if err := c.sold.check(c.service, c.command); err != nil {
		return err
	}
	switch {
	case c.meterKey != "none" && c.meter == "ocpp":
		return cli.Usage("a charging station's meter has a key of its own: leave --meter-key out", "--meter-key and --meter ocpp")
	case c.window < channel.WindowMin || c.window > channel.WindowMax || c.window%time.Second != 0:
		return cli.Usage("for example --window 1h", "--window %s: want whole seconds, %s to %s", c.window, channel.WindowMin, channel.WindowMax)
	case c.claimEvery < claimEveryMin || c.claimEvery > claimEveryMax:
		return cli.Usage("for example --claim-every 10s", "--claim-every %s: want %s to %s", c.claimEvery, claimEveryMin, claimEveryMax)
	case c.settleEvery < 0:
		return cli.Usage("for example --settle-every 1h, or 0 for never", "--settle-every %s is negative", c.settleEvery)
	case c.goneAfter < goneAfterMin:
		return cli.Usage("for example --gone-after 60s", "--gone-after %s: want %s or more", c.goneAfter, goneAfterMin)
	}
	if _, err := pricing.LoadLocation(c.zone); err != nil {
		return cli.Usage("name it as in Europe/Berlin", "--time-zone: %w", err)
	}
	return nil
}

// marketTariffs gives the tariffs that follow from day-ahead prices.
func (c *runCmd) marketTariffs() (*marketFile, error) {
	if c.tariff != "" {
		return nil, cli.Usage("leave one of them out", "--market and --tariff: both name a tariff")
	}
	location, err := pricing.LoadLocation(c.zone)
	if err != nil {
		return nil, err
	}
	terms, err := c.market.terms(location)
	if err != nil {
		return nil, err
	}
	return openMarket(c.marketFile, terms, c.app.Log())
}

// Bounds of what people may set.
const (
	claimEveryMin = time.Second // a claim and its answer take a round trip each way, on a mobile link
	claimEveryMax = time.Hour
	goneAfterMin  = 5 * time.Second // a lost message is repeated twice in it
)

// settings finishes the station's settings with what depends on the ledger.
func (c *runCmd) settings(s station.Config, settleAt party.Sum, p *party.Party) (station.Config, error) {
	var err error
	s.SettleAt, err = settleAt.In(p.Ledger.Trusted().Genesis.Currency)
	s.Service, s.EVSE, s.TimeZone = c.service, c.evse, c.zone
	s.ClaimEvery, s.Window, s.SettleEvery = c.claimEvery, c.window, c.settleEvery
	s.Policy.GoneAfter, s.Policy.SampleEvery, s.PulseEvery = c.goneAfter, c.pulse(), c.pulse()
	if c.marketFile != "" || s.GiveBack != nil {
		s.Policy.TopUp = backDeposit
	}
	if c.signs != nil {
		s.Attestation, s.OCMFKey = meter.AttestedOCMF, c.signs.Public().DER()
	}
	s.Report = party.NewWatch(c.app, c.command, p.Ledger.Trusted().Genesis.Currency).Report
	return s, err
}

// ready is what chargepoint run prints when it can be charged at.
type ready struct {
	DID       wallet.DID       `json:"did"`
	Service   string           `json:"service"`
	EVSE      string           `json:"evse"`
	MaxPowerW string           `json:"max_power_w"`
	UnitPrice money.Money      `json:"unit_price"` // of one kWh, hour or piece of a typical session now, VAT included
	API       string           `json:"api"`
	NATS      string           `json:"nats"`
	Ledger    string           `json:"ledger"`
	Network   wallet.NetworkID `json:"network"`
	OCPP      string           `json:"ocpp,omitempty"`             // to enter in the charging station
	Outlets   []readyOutlet    `json:"outlets,omitempty"`          // of a charger that has several
	MeterKey  string           `json:"meter_public_key,omitempty"` // of a meter that signs, SubjectPublicKeyInfo in hexadecimal
	Resumed   int              `json:"resumed"`                    // sessions that were interrupted
	Data      string           `json:"data"`
}

func (c *runCmd) announce(charger *Charger) error {
	page, err := charger.Station.Stations(c.app.Lifetime(), client.StationQuery{PageQuery: client.PageQuery{Limit: client.PageSizeMax}})
	if err != nil {
		return err
	}
	s := page.Items[0]
	if err := station.CheckPriced(s); err != nil {
		c.app.Note("! %v", err)
	}
	r := ready{
		DID: s.DID, Service: s.Service, EVSE: s.EVSE, MaxPowerW: s.MaxPowerW, UnitPrice: s.UnitPrice,
		API: charger.URL, NATS: natsd.Shown(charger.NATS), Ledger: charger.Ledger, Network: charger.Party.Ledger.Trusted().ID,
		OCPP: charger.OCPP, Resumed: charger.Resumed, Data: c.app.Data(),
	}
	if err := charger.Party.CheckOwnKey(c.app.Lifetime()); errors.Is(err, party.ErrRetired) {
		c.app.Note("this wallet's key was replaced, and no vehicle takes an offer under it: `chargepoint wallet rotate` finds out which key counts, and takes it")
	}
	if c.signs != nil {
		r.MeterKey = hex.EncodeToString(c.signs.Public().DER())
	}
	r.Outlets = outletsOf(page.Items)
	return c.app.Print(r, func(p *cli.Printer) { c.tell(p, r) })
}

// listsDirectory holds the status lists of credentials that this party issued, below --data.
const listsDirectory = "status-lists"

// meterKeyFile is where the key of a meter that signs is kept, in the charger's folder.
const meterKeyFile = "meter-p256.pem"

func (c *runCmd) readMeterKey(o *Options) error {
	if c.meterKey == "none" {
		return nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	key, err := ocmfsign.LoadKey(filepath.Join(o.Dir, meterKeyFile))
	if err != nil {
		return err
	}
	c.signs, o.MeterKey = &key, &key
	return nil
}

func (c *runCmd) tell(p *cli.Printer, r ready) {
	c.tellOffer(p, r)
	p.Fields("DID", r.DID.String(), "API", r.API, "NATS", r.NATS, "ledger", r.Ledger, "network", r.Network.String(), "data", r.Data)
	if r.MeterKey != "" {
		p.Fields("meter key", r.MeterKey)
	}
	tellOutlets(p, r)
	if r.Resumed > 0 {
		p.Line("sessions resumed: %d", r.Resumed)
	}
	p.Line("")
	p.Line("next, in another terminal: %s%s%s", buying[c.service],
		flagUnless("--nats", r.NATS, party.NATSDefault), flagUnless("--ledger", r.Ledger, party.LedgerDefault))
	if c.ledger == Embedded {
		p.Line("and to put money on its account: ledger issue --data %s --ledger %s --to DID --amount 50%s", r.Data, r.Ledger, r.UnitPrice.Currency)
	}
	p.Line("Ctrl-C ends sessions politely and settles; twice leaves them to the next run")
}

// flagUnless gives the flag where its default would not do.
func flagUnless(name, value, byDefault string) string {
	if value == byDefault {
		return ""
	}
	return " " + name + " " + value
}
