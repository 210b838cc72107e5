package stationcmd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp"
	"joulepay/wallet"
)

// OCPPDefault is where a charger that is started with --meter ocpp waits for its charging station.
const OCPPDefault = "ws://127.0.0.1:9210"

// Bounds of what people name files for.
const (
	passwordSizeMin = 8  // what guesses over the network do not reach
	passwordSizeMax = 64 // 40 in OCPP 2.0.1, and some room
	contractsMax    = 10_000
	smallFileMax    = 1 << 20
)

// ocppFlags are those of charging stations behind OCPP.
type ocppFlags struct {
	listen, station, passwordFile, cert, key, meterKey, meterStep, contracts, stations string
	connector                                                                          int
	signed                                                                             bool
	command                                                                            *cobra.Command
}

func (o *ocppFlags) add(command *cobra.Command) {
	o.command = command
	f := command.Flags()
	f.StringVar(&o.listen, "ocpp-listen", OCPPDefault, "with --meter ocpp: where charging stations connect, ws://HOST:PORT or wss://HOST:PORT")
	f.StringVar(&o.stations, "ocpp-stations", "", "`FILE` with several charging stations and their connectors, YAML (docs/ocpp.md)")
	f.StringVar(&o.station, "ocpp-station", "", "identity of the only charging station (default: the first that connects)")
	f.StringVar(&o.passwordFile, "ocpp-password-file", "", "`FILE` with the password of charging stations, user is the identity")
	f.StringVar(&o.cert, "ocpp-cert", "", "`FILE` with the certificate for wss://, PEM")
	f.StringVar(&o.key, "ocpp-key", "", "`FILE` with its private key, PEM")
	f.IntVar(&o.connector, "ocpp-connector", 1, "connector of the only charging station: connectorId of OCPP 1.6, EVSE id of 2.0.1")
	f.StringVar(&o.meterKey, "ocpp-meter-key", "", "public key of the connector's meter, hexadecimal (default: the first that its records bring)")
	f.StringVar(&o.meterStep, "ocpp-meter-step", "1Wh", "the last digit of the meter's signed register, up to 100Wh: readings between are rounded down to it")
	f.BoolVar(&o.signed, "ocpp-require-signed", false, "bill only what the meter signed (OCMF)")
	f.StringVar(&o.contracts, "ocpp-contracts", "", "`FILE` with a contract id and a DID a line, for vehicles that the station knows by contract")
}

// options reads the flags of a charger that has charging stations.
func (o *ocppFlags) options(powerMw int64, claimEvery time.Duration, app *cli.App) (station.OCPP, error) {
	out := station.OCPP{MeterEvery: max(claimEvery/2, time.Second).Truncate(time.Second), Report: teller{app}.tell}
	if _, err := o.address(); err != nil {
		return out, err
	}
	if o.cert != "" {
		certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return out, fmt.Errorf("--ocpp-cert and --ocpp-key: %w", err)
		}
		out.Certificate = &certificate
	}
	var password string
	var err error
	if o.passwordFile != "" {
		if password, err = readOCPPPassword(o.passwordFile); err != nil {
			return out, fmt.Errorf("--ocpp-password-file: %w", err)
		}
	}
	if o.contracts != "" {
		if out.Contracts, err = readContracts(o.contracts); err != nil {
			return out, err
		}
	}
	if o.stations != "" {
		out.Stations, err = o.several(powerMw, password)
		return out, err
	}
	only, err := o.only(powerMw)
	out.Stations = []station.OCPPStation{{ID: o.station, Password: password, Connectors: []station.OCPPConnector{only}}}
	return out, err
}

// only reads the flags of the only connector.
func (o *ocppFlags) only(powerMw int64) (station.OCPPConnector, error) {
	out := station.OCPPConnector{Number: o.connector, MaxPowerMw: powerMw, SignedRequired: o.signed}
	var err error
	if o.meterKey != "" {
		if out.MeterKey, err = ocmf.DecodePublicKey(o.meterKey, ocmf.Quirks{}, 0); err != nil {
			return out, fmt.Errorf("--ocpp-meter-key: %w", err)
		}
	}
	if out.StepMwh, err = parseStep(o.meterStep); err != nil {
		return out, cli.Usage("for example --ocpp-meter-step 10Wh", "--ocpp-meter-step %w", err)
	}
	if o.signed && o.meterKey == "" {
		return out, cli.Usage("--ocpp-meter-key HEX names it; it is printed on the meter", "--ocpp-require-signed: the vehicle must know the meter's public key")
	}
	return out, nil
}

// stepMaxMwh bounds the last digit of a register: 100 Wh, a tenth of a kWh.
const stepMaxMwh = 100_000

func parseStep(text string) (int64, error) {
	step, err := meter.ParseEnergy(text)
	if err != nil || step < 1000 || step > stepMaxMwh {
		return 0, fmt.Errorf("%q: want 1Wh to 100Wh", text)
	}
	return step, nil
}

// open listens for the charging station, before anything is written.
func (o *ocppFlags) open(app *cli.App, options *Options) error {
	if options.Meter.Kind != meter.KindOCPP {
		return nil
	}
	address, err := o.address()
	if err != nil {
		return err
	}
	if options.OCPP.Listener, err = app.Listen("ocpp-listen", address); err != nil {
		return err
	}
	return options.OCPP.Check()
}

// shut closes what open opened, should nothing have served it.
func shut(o Options) {
	if o.OCPP.Listener != nil {
		_ = o.OCPP.Listener.Close() // serving closes it first
	}
}

func (o *ocppFlags) address() (string, error) {
	text := o.listen
	if !strings.Contains(text, "://") {
		text = "ws://" + text
	}
	u, err := url.Parse(text)
	wrong := err != nil || u.Host == "" || (u.Scheme != "ws" && u.Scheme != "wss") || strings.Trim(u.Path, "/") != ""
	if !wrong {
		_, _, err = net.SplitHostPort(u.Host)
	}
	switch {
	case wrong || err != nil:
		return "", cli.Usage("for example --ocpp-listen "+OCPPDefault, "--ocpp-listen %q: want ws://HOST:PORT or wss://HOST:PORT", o.listen)
	case (u.Scheme == "wss") != (o.cert != "") || (o.cert != "") != (o.key != ""):
		return "", cli.Usage("for example --ocpp-listen wss://0.0.0.0:9210 --ocpp-cert cert.pem --ocpp-key key.pem",
			"wss:// wants --ocpp-cert and --ocpp-key, and ws:// neither")
	}
	return u.Host, nil
}

// readSmall reads a file that people wrote, of bounded size.
func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, smallFileMax+1))
	if err == nil && len(raw) > smallFileMax {
		err = fmt.Errorf("%s: more than %d bytes", path, smallFileMax)
	}
	return raw, err
}

func readOCPPPassword(path string) (string, error) {
	raw, err := readSmall(path)
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(raw))
	if len(password) < passwordSizeMin || len(password) > passwordSizeMax {
		return "", cli.Usage("16 characters or more are good; charging stations take up to 40",
			"the password has %d characters, want %d to %d", len(password), passwordSizeMin, passwordSizeMax)
	}
	return password, nil
}

// readContracts reads lines of a contract id and a DID, and gives DID → contract id.
func readContracts(path string) (map[string]string, error) {
	raw, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("--ocpp-contracts: %w", err)
	}
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 || len(out) >= contractsMax {
			return nil, cli.Usage("write DE-8AC-C12E456L89 did:joule:z6Mk…", "--ocpp-contracts, line %d: want a contract id and a DID, %d lines at most", n, contractsMax)
		}
		did, err := wallet.ParseDID(fields[1])
		if err != nil {
			return nil, fmt.Errorf("--ocpp-contracts, line %d: %w", n, err)
		}
		out[did.String()] = fields[0]
	}
	return out, lines.Err()
}

// ocppDirectory holds what a central system must know after a restart, in the charger's folder.
const ocppDirectory = "ocpp"

// connect gives the function that makes the charger's outlets.
func (c *Charger) connect(ctx context.Context, p *party.Party, settings station.Config) func(free func() bool) ([]station.Place, error) {
	return func(free func() bool) ([]station.Place, error) {
		if c.options.Sale != nil {
			return c.sell(ctx, p, settings, free)
		}
		if c.options.Meter.Kind == meter.KindOCPP {
			o := c.options.OCPP
			o.Dir = filepath.Join(c.options.Dir, ocppDirectory)
			served, err := station.ServeOCPP(ctx, p, settings.Clock, settings.EVSE, o, c.options.Log)
			if err != nil {
				return nil, err
			}
			c.closing(served)
			c.OCPP = served.URL
			return served.Places, nil
		}
		connector, closer, err := station.Connect(ctx, p, c.options.Meter, c.options.PowerMw, c.options.ReturnMw, free)
		if err == nil && closer != nil {
			c.closing(closer)
		}
		if err == nil && c.options.MeterKey != nil {
			return station.Only(station.Signing(ctx, p, connector, *c.options.MeterKey, settings.EVSE))
		}
		return station.Only(connector, err)
	}
}

// teller tells people what the charging station does.
type teller struct{ app *cli.App }

func (t teller) tell(e ocpp.Event) {
	t.app.Log().Debug("ocpp", slog.String("kind", string(e.Kind)), slog.String("station", e.Station), slog.Int("connector", e.Connector),
		slog.String("detail", e.Detail), slog.Any("error", e.Err))
	if text := words(e); text != "" {
		t.app.Note("%s", text)
	}
}

// words say what happened and, where it is trouble, what to do. Text of a station is quoted: it may hold anything.
func words(e ocpp.Event) string {
	switch e.Kind {
	case ocpp.EventRefused:
		return refusal(e)
	case ocpp.EventConnected:
		return fmt.Sprintf("charging station %q connected with %s", e.Station, e.Detail)
	case ocpp.EventDisconnected:
		return fmt.Sprintf("charging station %q is gone; it connects again by itself", e.Station)
	case ocpp.EventBooted:
		return fmt.Sprintf("charging station %q booted: %q", e.Station, e.Detail)
	case ocpp.EventStatus:
		return fmt.Sprintf("connector %d of %q is %s", e.Connector, e.Station, e.Detail)
	case ocpp.EventEnded:
		by := "by the station's word"
		if e.Signed {
			by = "signed by its meter"
		}
		return fmt.Sprintf("connector %d of %q delivered %g Wh, %s", e.Connector, e.Station, float64(e.EnergyMwh)/1000, by)
	case ocpp.EventStray:
		return fmt.Sprintf("a transaction at connector %d of %q that nobody pays for: it is stopped", e.Connector, e.Station)
	case ocpp.EventQuirk:
		return fmt.Sprintf("connector %d of %q departs from the standard, which is accepted: %s (docs/ocpp.md says why)", e.Connector, e.Station, e.Detail)
	case ocpp.EventUnsigned:
		return fmt.Sprintf("connector %d of %q sent a record that its meter did not sign: %v", e.Connector, e.Station, e.Err)
	case ocpp.EventFault:
		if brokenRegister(e.Err) {
			return fmt.Sprintf("connector %d of %q has a register that cannot be believed: %v; the session ends with what was read before, and its proof is kept", e.Connector, e.Station, e.Err)
		}
		return fmt.Sprintf("connector %d of %q is at fault and serves nobody until the station boots again: %v", e.Connector, e.Station, e.Err)
	case ocpp.EventCall:
		return fmt.Sprintf("charging station %q does not do as it was asked: %v", e.Station, e.Err)
	}
	return ""
}

// brokenRegister tells whether a register fell, jumped or stood still: that ends a session, and no more.
func brokenRegister(err error) bool {
	return errors.Is(err, ocpp.ErrRegisterFell) || errors.Is(err, ocpp.ErrRegisterJumped) || errors.Is(err, ocpp.ErrRegisterStuck)
}

func refusal(e ocpp.Event) string {
	hint := "look at the URL in the charging station"
	switch {
	case errors.Is(e.Err, ocpp.ErrUnknownStation):
		hint = "set its identity to that of --ocpp-station or --ocpp-stations, or name this one there"
	case errors.Is(e.Err, ocpp.ErrPassword):
		hint = "enter the password of --ocpp-password-file in the charging station, with its identity as the user"
	case errors.Is(e.Err, ocpp.ErrTooMany):
		hint = "too many connect at one time: look for what else knows this address"
	case errors.Is(e.Err, ocpp.ErrSubprotocol):
		hint = "set it to OCPP 1.6 JSON or OCPP 2.0.1"
	}
	return fmt.Sprintf("a charging station that calls itself %q was refused: %v; %s", e.Station, e.Err, hint)
}
