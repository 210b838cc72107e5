// Package clitest owns how commands are tested: scripts that run the real mains as processes, one run inside the test,
// and a walk over the tree of commands.
// It leaves what a command does to the scripts in cmd/*/testdata. It keeps the command contract checkable: two lines
// for an error, one object with --json, and waiting for what a process says, never for time to pass.
//
// A test file of a main has TestMain with Main, and a test with Run("testdata"). Beside the commands of testscript
// (go doc github.com/rogpeppe/go-internal/testscript) scripts have:
//
//	start NAME [KEY=VALUE…] PROGRAM ARGS…   start a process that goes on
//	line NAME REGEXP [VAR…]                 wait until it writes a line that matches; set VARs to the groups
//	interrupt NAME | crash NAME             send SIGINT or SIGKILL (testscript has a kill of its own)
//	crashpid PID                            send SIGKILL to a process that one of these started
//	ended NAME [CODE]                       wait for its end; stdout and stderr are then what it wrote
//	refused REGEXP REGEXP                   the last stderr ends with one error: and one hint: line, matching so
//	json FILE PATH VALUE                    FILE is one JSON object with this value at a.b.0
//	jsonset VAR FILE PATH                   set VAR to that value
//	get URL                                 fetch; stdout is the body, stderr the status
//	eventually URL PATH VALUE               fetch until it answers with a JSON object with this value at a.b.0
//	listen VAR                              hold a port of 127.0.0.1, set VAR to its address
//	free VAR                                set VAR to a free address for a process that will be away for a while
//	mode FILE 0600                          check permissions
//	smalldisk DIR SIZE                      mount a file system of such as 300k, or change its size; needs [mount]
//	absent FILE DIR                         what FILE says stands in no other file below DIR, nor in stdout and stderr
//
// The condition [shared] tells whether the reference data is there, at $SHARED; [mount] whether disks can be mounted.
package clitest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
)

// parallel is how many scripts run at once, unless a flag says otherwise: most of the time they wait for what processes
// say, not for processors.
const parallel = "8"

// Main runs the tests of a package whose scripts call programs by name.
func Main(m *testing.M, programs map[string]func(*cli.App) *cobra.Command) {
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	commands := map[string]func(){}
	for name, build := range programs {
		commands[name] = func() { os.Exit(cli.Main(build)) }
	}
	testscript.Main(m, commands)
}

// Run runs every script of a directory.
func Run(t *testing.T, directory string) {
	shared := sharedDirectory()
	testscript.Run(t, testscript.Params{
		Dir:                 directory,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                commands,
		Setup:               func(env *testscript.Env) error { return setUp(env, shared) },
		Condition: func(name string) (bool, error) {
			switch name {
			case "shared":
				return shared != "", nil
			case "mount":
				return canMount(), nil
			case "patience": // for scripts that wait for minutes to pass: .ci/run has it
				return os.Getenv("JOULEPAY_TEST_PATIENCE") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

func setUp(env *testscript.Env, shared string) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
	env.Setenv("SHARED", shared)
	ps := &processes{byName: map[string]*process{}}
	for _, entry := range env.Vars {
		key, _, _ := strings.Cut(entry, "=")
		ps.variables = append(ps.variables, key)
	}
	env.Values[processesKey{}] = ps
	env.Defer(ps.killAll)
	return nil
}

// sharedDirectory gives the reference data beside the module, or "".
func sharedDirectory() string {
	directory, err := os.Getwd()
	for err == nil && directory != filepath.Dir(directory) {
		if _, missing := os.Stat(filepath.Join(directory, "go.mod")); missing == nil {
			shared := filepath.Join(filepath.Dir(directory), "shared")
			if info, err := os.Stat(shared); err == nil && info.IsDir() {
				return shared
			}
			return ""
		}
		directory = filepath.Dir(directory)
	}
	return ""
}

// Result is what one run left.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Do runs a command inside the test, with an environment of its own.
func Do(build func(*cli.App) *cobra.Command, environ []string, args ...string) Result {
	var stdout, stderr bytes.Buffer
	app := cli.New(cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Environ: environ})
	code := app.Run(build, args...)
	return Result{Code: code, Stdout: stdout.String(), Stderr: stderr.String()}
}

// CheckTree checks every command of a tree: a short text, an example that can be typed, and errors through RunE.
func CheckTree(t *testing.T, build func(*cli.App) *cobra.Command) {
	t.Helper()
	root := build(cli.New(cli.Streams{}))
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		path := command.CommandPath()
		if command.Short == "" {
			t.Errorf("%s: no Short", path)
		}
		if !strings.Contains(command.Example, path) {
			t.Errorf("%s: Example does not show %q", path, path)
		}
		if command.Run != nil || command.RunE == nil && !command.HasSubCommands() {
			t.Errorf("%s: wants RunE and no Run", path)
		}
		if command.PersistentPreRun != nil || command.PersistentPreRunE != nil {
			t.Errorf("%s: PersistentPreRun belongs to package cli", path)
		}
		for _, sub := range command.Commands() {
			walk(sub)
		}
	}
	walk(root)
}
