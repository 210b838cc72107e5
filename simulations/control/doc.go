// Package control owns who gets how much of a site's power: controllers that look at the plugged vehicles, the limits and
// the prices, now and ahead, and give every station a power. It leaves limits to simulations/grid, and what vehicles and
// batteries do with the power to the engines that ask: simulations/charging and simulations/world.
// It keeps the site's hard limits: no controller but the uncontrolled one gives powers that exceed them, equal views give
// equal plans, and deciding allocates nothing once a controller has seen its largest view.
//
// Use New to make a Controller by its name, fill a View, and give its Plan to the stations until the next step.
package control
