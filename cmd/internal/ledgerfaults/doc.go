// Package ledgerfaults owns the tests of a ledger of several operators whose processes die and whose files are lost or
// damaged: four nodes and three brokers as ledger devnet runs them, under load, over real NATS and real SQLite. It leaves
// the rules to the packages under test, liars and lost messages to settle/simtest, and has no code of its own.
// It keeps invariants I1 and I7 honest between processes and disks: what anybody was shown as final stays, everywhere.
package ledgerfaults
