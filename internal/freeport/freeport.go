// Package freeport owns which ports of loopback are given to processes that will start again on them. It leaves
// listening to those processes. It keeps them apart from each other: a port is given once in a process, processes take
// from different blocks, and no outgoing connection of the system takes one while its owner is away.
package freeport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"joulepay/internal/filelock"
)

// The blocks lie below the ephemeral ports of Linux. A process locks the one that it takes from, until it ends.
const (
	first     = 12_000
	blockSize = 100
	blocks    = 190
)

// ErrNone means that somebody listens on every port of this process's block and of all others.
var ErrNone = errors.New("freeport: no free port on loopback")

var (
	given atomic.Uint32
	own   = sync.OnceValues(reserve) // keeps the lock until the process ends
)

// reserve gives a block that no other process takes from, and its lock: the search begins at another one for every process.
// Where nothing can be locked the block may be that of another.
func reserve() (block int, lock *filelock.Lock) {
	for i := range blocks {
		block = (os.Getpid() + i) % blocks
		held, err := filelock.Acquire(filepath.Join(os.TempDir(), fmt.Sprintf("joulepay-ports-%d.lock", first+block*blockSize)))
		if !errors.Is(err, filelock.ErrHeld) {
			return block, held
		}
	}
	return block, nil
}

// Next gives host:port of loopback on which nobody listens now. The first hundred that a process asks for are of its own
// block; then it goes on into the blocks of others.
func Next() (string, error) {
	block, _ := own()
	for range blocks * blockSize {
		n := (block*blockSize + int(given.Add(1)-1)) % (blocks * blockSize)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+n))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		return address, l.Close() // it was only tried
	}
	return "", ErrNone
}
