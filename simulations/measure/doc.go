// Package measure owns the figures of a run: what circuits carried against their limits, what visits asked for and got,
// what it cost, gathered step by step. It leaves what happens to the engines that feed it, and how figures look to
// simulations/report.
// It keeps runs repeatable and memory flat: integers alone, the same steps give the same figures, and curves for plots
// are kept at a bounded number of points however long a run is.
//
// An engine makes a Recorder for its Site, feeds it with Add, AddVisit and the counters of payments, and asks for Figures
// and Curves at the end.
package measure
