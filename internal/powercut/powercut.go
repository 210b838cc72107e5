// Package powercut owns a disk whose power can be cut in tests: a shim (LD_PRELOAD) records what SQLite writes and
// syncs, and Log.Rebuild makes the files as a disk could hold them had the power failed at any moment of that record.
// It leaves the programs that run under the shim, and what must have survived, to the tests that use it.
// It keeps invariant I4 testable: what was synced is always there, and of what was not, anything may be missing.
//
// Run a process with Env, end it, Read the log, and Rebuild it at as many moments as you like:
//
//	shim := powercut.Build(t)
//	cmd.Env = append(os.Environ(), powercut.Env(t, shim, folder, log)...)
//	…
//	record, err := powercut.Read(log)
//	for moment := range record.Len() + 1 {
//		err := record.Rebuild(powercut.Moment{At: moment, Seed: 7}, folder, t.TempDir())
//		// open what is there, and look for what was acknowledged before the moment
//	}
//
// What it sees are the calls of C code: SQLite. Go's own files (keys, configuration, JetStream) are written past libc.
// Rebuild copies files that the log does not name as they stand in the folder, and takes the content that a file has
// when SQLite first opens it as synced.
package powercut

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

//go:embed shim/shim.c
var shimSource []byte

const (
	folderKey = "JOULEPAY_POWERCUT_FOLDER"
	logKey    = "JOULEPAY_POWERCUT_LOG"
)

// Build compiles the shim and gives its path. Without Linux or a C compiler the test is skipped.
func Build(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("cutting the power needs LD_PRELOAD of Linux")
	}
	compiler, err := findCompiler()
	if err != nil {
		t.Skipf("cutting the power needs a C compiler: %v", err)
	}
	folder := t.TempDir()
	source, shim := filepath.Join(folder, "shim.c"), filepath.Join(folder, "shim.so")
	if err := os.WriteFile(source, shimSource, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command(compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", shim, source, "-ldl", "-lpthread")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compiling the shim: %v\n%s", err, output)
	}
	return shim
}

func findCompiler() (string, error) {
	if path, err := exec.LookPath("gcc"); err == nil {
		return path, nil
	}
	return exec.LookPath("cc")
}

// Env gives what to add to the environment of a process, to record in log what happens below folder. Processes that run
// one after the other may share a log; log must lie outside the folder.
func Env(t testing.TB, shim, folder, log string) []string {
	t.Helper()
	real, err := filepath.EvalSymlinks(folder) // as the kernel names open files
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"LD_PRELOAD=" + shim, folderKey + "=" + real, logKey + "=" + log}
}

// Mark notes in the log, from the recorded process itself, that something happened: an acknowledgement was given. It
// does nothing in a process that is not recorded.
func Mark(text string) error {
	path := os.Getenv(logKey)
	if path == "" {
		return nil
	}
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = log.Write(encodeMark(text))
	if closeErr := log.Close(); err == nil {
		err = closeErr
	}
	return err
}
