package party

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// watched runs a command that reports these, and gives what it wrote.
func watched(t *testing.T, events []session.Progress, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	app := cli.New(cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err, Environ: []string{"HOME=" + t.TempDir()}})
	code := app.Run(func(app *cli.App) *cobra.Command {
		root := &cobra.Command{Use: "toy", Short: "Watch", Example: "  toy run"}
		run := &cobra.Command{Use: "run", Short: "Watch", Example: "  toy run"}
		app.FollowFlag(run)
		run.RunE = func(command *cobra.Command, _ []string) error {
			watch := NewWatch(app, command, money.Currency{'E', 'U', 'R'})
			for _, e := range events {
				watch.Report(e)
			}
			return nil
		}
		root.AddCommand(run)
		return root
	}, append([]string{"run"}, args...)...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, err.String())
	}
	return out.String(), err.String()
}

func TestTroubleIsToldOnceAndWhatPassesNotAtAll(t *testing.T) {
	broken := session.Progress{Session: channel.SessionID{1}, Role: session.RolePayer, Phase: session.PhaseCharging, Err: errors.New("it hurts")}
	other := broken
	other.Session = channel.SessionID{2}
	late := broken
	late.Err = fmt.Errorf("%w up to the reading yet", session.ErrMeasure)
	gap := broken
	gap.Err = meter.ErrGap
	failed := broken
	failed.Phase, failed.Err = session.PhaseFailed, errors.New("said by the command itself")
	_, stderr := watched(t, []session.Progress{broken, late, broken, gap, broken, other, failed})
	if got := strings.Count(stderr, "! it hurts"); got != 2 || strings.Count(stderr, "!") != 2 {
		t.Errorf("told %d times:\n%s", got, stderr)
	}
}

func TestEventsTellProgramsEverythingInOneLineEach(t *testing.T) {
	stdout, _ := watched(t, []session.Progress{
		{Session: channel.SessionID{1}, Phase: session.PhaseCharging, Service: "charging", Quantity: 1500, Power: 50_000_000, Paid: 120_000_000, Claims: 3},
		{Session: channel.SessionID{1}, Phase: session.PhaseEnded, Quantity: 1500, Paid: 120_000_000, Claims: 3, Note: "settled on the ledger"},
	}, "--json", "--follow")
	lines := strings.Split(stdout, "\n")
	want := `{"event":"session","data":{"session":"01000000000000000000000000000000","phase":"charging","peer":"","seconds":0,` +
		`"service":"charging","unit":"mWh","quantity":"1500","energy_wh":"1.5","power_w":50000,"amount":{"value":"0.12","currency":"EUR"},"claims":3}}`
	if len(lines) != 4 || lines[0] != want || !strings.Contains(lines[1], `"note":"settled on the ledger"`) {
		t.Errorf("%s", stdout)
	}
}

func TestTheEndOfASessionStaysOnTheScreen(t *testing.T) {
	_, stderr := watched(t, []session.Progress{
		{Session: channel.SessionID{1}, Phase: session.PhaseCharging, SoCPermille: 203, Quantity: 1_500_000, Claims: 1},
		{Session: channel.SessionID{1}, Phase: session.PhaseCharging, SoCPermille: 203, Quantity: 2_500_000, Claims: 2},
		{Session: channel.SessionID{1}, Phase: session.PhaseEnded, SoCPermille: -1, Quantity: 3_500_000, Claims: 3, Note: "settled"},
	})
	if !strings.Contains(stderr, "1.500 kWh     0.0 kW  20.3 %  0.00 EUR  1 claims  charging\n") || !strings.Contains(stderr, "3.500 kWh     0.0 kW  0.00 EUR  3 claims  settled\n") {
		t.Errorf("%s", stderr)
	}
}
