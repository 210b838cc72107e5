package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errDone ends a run early and well: help, version and configuration were printed.
var errDone = errors.New("cli: nothing left to do")

// Run builds the tree, runs the command that the arguments name, and gives the exit code.
func (a *App) Run(build func(*App) *cobra.Command, args ...string) int {
	ended := make(chan int, 1)
	go func() { ended <- a.execute(build, args) }()
	asked := false
	for {
		select {
		case code := <-ended:
			return code
		case <-a.signals:
			if asked {
				a.report(Fail("what was acknowledged is stored: run the same command again to resume",
					"left at once, before everything was settled"))
				return ExitFailure
			}
			asked = true
			a.Note("stopping politely; once more leaves at once")
			a.stop()
		}
	}
}

func (a *App) execute(build func(*App) *cobra.Command, args []string) int {
	a.root = build(a)
	a.prepare()
	a.root.SetArgs(args)
	command, err := a.root.ExecuteContextC(a.stopping)
	if command != nil {
		a.current = command.CommandPath()
	}
	a.screen.finish()
	switch {
	case errors.Is(err, errDone):
		return ExitOK
	case err == nil:
		if err = a.completeJSON(); err == nil {
			return ExitOK
		}
	case errors.Is(err, context.Canceled) && a.stopping.Err() != nil:
		err = &Error{Message: "interrupted", Hint: "what was acknowledged is stored: run `{command}` again to go on", Cause: err}
	}
	return a.report(err)
}

// completeJSON keeps the promise of one object on stdout for a command that has nothing to say.
func (a *App) completeJSON() error {
	if !a.entered || !a.JSON() || a.printed {
		return nil
	}
	return a.Print(struct{}{}, nil)
}

// report writes the two lines and gives the exit code.
func (a *App) report(err error) int {
	e := a.explain(err)
	_, _ = fmt.Fprintf(a.screen, "error: %s\nhint: %s\n", oneLine(e.Message), oneLine(e.Hint)) // nobody left to tell
	return e.Code
}
