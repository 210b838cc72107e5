// Package freeport owns which ports of loopback are given to processes that will start again on them. It leaves
// listening to those processes. It keeps them apart from each other: a port is given once in a process, processes take
// from different blocks, and no outgoing connection of the system takes one while its owner is away.
package freeport

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The blocks lie below the ephemeral ports of Linux, one for each process by its id.
const (
	first     = 12_000
	blockSize = 100
	blocks    = 190
)

// ErrNone means that somebody listens on every port of this process's block and of all others.
var ErrNone = errors.New("freeport: no free port on loopback")

var given atomic.Uint32

// Next gives host:port of loopback on which nobody listens now. The first hundred that a process asks for are of its own
// block; then it goes on into the blocks of others.
func Next() (string, error) {
	block := os.Getpid() % blocks
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
