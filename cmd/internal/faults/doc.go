// Package faults owns the tests of whole processes that die, lose their broker, their ledger or their power, over the real
// programs, real NATS and real SQLite. It leaves the rules to the packages under test and has no code of its own.
// It keeps invariants I1 and I4 honest where they can break: between processes, and between a process and its disk.
package faults
