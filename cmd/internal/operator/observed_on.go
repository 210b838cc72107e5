//go:build joulepay_observed

package operator

const observed = true
