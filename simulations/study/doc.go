// Package study owns questions to many runs: the same scenario under other settings and seeds, and what differs between
// two reports. It leaves running to its caller and the figures of a run to simulations/report.
// It keeps studies repeatable: rows come in the order of the settings and seeds, however many runs go on at a time.
package study

import "errors"

// ErrSetting is wrapped by errors about what is to be varied. They are *Problem.
var ErrSetting = errors.New("study: not something that can be varied")

// Problem is what is wrong with a setting, and what may have been meant.
type Problem struct {
	Message string
	Hint    string // may be empty
}

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// Unwrap makes errors.Is(err, ErrSetting) true.
func (p *Problem) Unwrap() error { return ErrSetting }
