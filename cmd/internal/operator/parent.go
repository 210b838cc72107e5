package operator

import (
	"io"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
)

// untilEOF is the flag by which a process that started another makes it end with itself: the child's standard input is a
// pipe, which nobody holds open any longer when the parent is gone, however it went.
const untilEOF = "until-eof"

// parentFlag is whether a command ends with its parent.
type parentFlag struct{ set bool }

func (f *parentFlag) add(command *cobra.Command) {
	command.Flags().BoolVar(&f.set, untilEOF, false, "stop politely when standard input ends")
	_ = command.Flags().MarkHidden(untilEOF) // it was just defined
	cli.OnlyTyped(command, untilEOF)
}

// watch stops the command when standard input ends, as the parent would: politely, and not for ever.
func (f *parentFlag) watch(app *cli.App) {
	if f.set {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
			app.Stop()
			time.Sleep(stopTimeMax)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what is acknowledged is stored
		}()
	}
}
