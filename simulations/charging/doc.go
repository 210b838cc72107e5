// Package charging owns the control-mode engine: sessions at stations, a controller that is asked at every step, what batteries
// then take, and the steps and visits that figures are made of. It leaves limits to simulations/grid, decisions to
// simulations/control, figures to simulations/measure, and money that is really paid to simulations/world.
// It keeps runs repeatable and energy conserved: there is no clock, goroutine or chance, every quantity is an integer, and
// what vehicles and storages took is what circuits carried.
package charging
