// Package cli owns what all commands share: exit codes, the error and hint lines, flags with environment and
// configuration file, output for people and as JSON, the two ways to stop, and serving HTTP.
// It leaves what a command does to the packages beside it, and wallets to walletcmd.
// It keeps the command contract: a result on stdout, everything else on stderr; exit 0 for success, 1 for failure,
// 2 for wrong use.
//
// A main is os.Exit(cli.Main(root)), where root builds the tree of commands on an App. Commands return errors, made
// with Fail, Usage or Hint where the next step is known, and write with App.Print, App.Say, App.Note and App.Progress.
package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit codes of every command.
const (
	ExitOK      = 0
	ExitFailure = 1 // the command was understood, and failed
	ExitUsage   = 2 // unknown command or flag, wrong argument or configuration
)

// Streams are the surroundings of a process.
type Streams struct {
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Environ []string // KEY=value, as os.Environ
}

// App is one run of one program. Its methods give what was asked for on the command line once the command runs;
// while the tree is being built they give zero values.
type App struct {
	streams Streams
	environ map[string]string
	screen  *screen
	signals <-chan os.Signal

	root     *cobra.Command
	current  string // path of the command that runs, "ledger wallet list"
	entered  bool   // whether its RunE was called: errors before that are wrong use
	printed  bool   // whether the one JSON object went out
	extra    []Known
	did      string // of the wallet in use, "DID" when there is none
	settings map[string]setting

	global globalFlags
	log    *slog.Logger

	lifetime context.Context // ends with the process
	stopping context.Context // ends with the first signal
	stop     context.CancelFunc

	prompting sync.Mutex // guards password
	password  []byte
}

type globalFlags struct {
	data, config               string
	logLevel, logFormat        string
	json, printConfig, version bool
}

// New makes the App of a run on other streams than the process's own: for tests. Nothing interrupts it but Stop.
func New(streams Streams) *App {
	a := &App{streams: streams, environ: map[string]string{}, settings: map[string]setting{}, did: "DID"}
	for _, entry := range streams.Environ {
		key, value, _ := strings.Cut(entry, "=")
		a.environ[key] = value
	}
	a.screen = newScreen(streams.Err)
	a.log = slog.New(slog.DiscardHandler)
	a.lifetime = context.Background()
	a.stopping, a.stop = context.WithCancel(a.lifetime)
	return a
}

// Main runs the program of this process and gives its exit code. The first interrupt stops it politely, the second
// makes Main return at once.
func Main(build func(*App) *cobra.Command) int {
	a := New(Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	a.signals = signals
	return a.Run(build, os.Args[1:]...)
}

// Name gives the name of the program: "ledger".
func (a *App) Name() string { return a.root.Name() }

// JSON tells whether the result is wanted as one JSON object.
func (a *App) JSON() bool { return a.global.json }

// Log gives the logger to pass on. It writes to stderr, as --log-level and --log-format say.
func (a *App) Log() *slog.Logger { return a.log }

// Getenv gives a variable of the environment, or "".
func (a *App) Getenv(key string) string { return a.environ[key] }

// Lifetime gives the context of what must go on after a stop was asked for, such as settling.
// It ends with the process only, so give its uses their own limits.
func (a *App) Lifetime() context.Context { return a.lifetime }

// Stopping gives the context that ends with the first interrupt. It is also the context of the command.
func (a *App) Stopping() context.Context { return a.stopping }

// Stop asks the command to end politely, as the first interrupt does.
func (a *App) Stop() { a.stop() }

// isTerminal tells whether a stream is a terminal of the process.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
