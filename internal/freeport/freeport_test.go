package freeport_test

import (
	"net"
	"testing"

	"joulepay/internal/freeport"
)

func TestAPortIsGivenOnceAndNobodyListensThere(t *testing.T) {
	seen := map[string]bool{}
	for range 150 { // beyond the own block too
		address, err := freeport.Next()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Fatalf("%s was given twice", address)
		}
		seen[address] = true
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // so that the next must be others
	}
}
