// Package simtest holds the simulation of many ledger nodes: real cores over twins of their stores, on a virtual clock, with an
// orderer that lies, a network that loses, power that is cut, and witnesses that contradict themselves. It leaves one
// node's behaviour to the tests of settle/node. It shows invariants I1, I4 and I7 to hold after every event, and that
// everything becomes final once the faults have ended.
//
// One seed is one run, and runs again exactly:
//
//	go test ./settle/simtest -run TestI7 -seed 4711 -story -v
package simtest
