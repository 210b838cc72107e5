//go:build !joulepay_observed

package operator

// observed lets every client use every subject: only in programs that are built for a test to observe.
const observed = false
