// Package grid owns a site's electricity: circuits as a tree, the limits that nothing may exceed, the stations below
// them, and the limits that somebody sets for a time. It leaves who gets how much to simulations/control, and what vehicles
// then take to simulations/charging.
// It keeps runs repeatable: powers are integers, floating sums are taken in one order without fused operations, and what
// fits on one machine fits on every other.
//
// Use New to make a Site, Site.NewLoad to fill it, Load.Headroom to ask what a station may still draw.
package grid
