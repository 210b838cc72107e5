// Package operations owns the tests of what an operator lives with: metrics, health, configuration files, memory of devices, and
// the pages that tell of them, over the real programs as processes. It leaves the rules to the packages under test and has no
// code of its own. It keeps documents true: what a page, a board or a file says is what running processes do.
package operations
