package clitest

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// canMount tells whether this process may mount a file system of its own, by doing it.
func canMount() bool {
	directory, err := os.MkdirTemp("", "clitest-mount-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(directory) }() // an empty directory
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=64k"); err != nil {
		return false
	}
	return syscall.Unmount(directory, 0) == nil
}

// smallDisk mounts a file system of this size, or gives the one that is there another size. The end of the script takes
// it away.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	directory := ts.MkAbs(args[0])
	if _, err := os.Stat(directory); err == nil {
		ts.Check(syscall.Mount("tmpfs", directory, "tmpfs", syscall.MS_REMOUNT, "size="+args[1]))
		return
	}
	ts.Check(os.Mkdir(directory, 0o700))
	ts.Check(syscall.Mount("tmpfs", directory, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() { _ = syscall.Unmount(directory, syscall.MNT_DETACH) }) // processes of the script may still use it
}
