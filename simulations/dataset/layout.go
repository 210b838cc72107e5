package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// layout is what a table of sessions looks like.
type layout struct {
	columns   map[string]string // of roles
	separator rune              // 0: what the head has
}

// Roles of columns. Energies are in kWh and powers in kW, unless the role says Wh or W; states of charge in per cent.
const (
	roleID          = "id"
	roleStation     = "station"
	roleArrives     = "arrives"
	roleLeaves      = "leaves"
	roleSays        = "says"
	roleEnergy      = "energy"
	roleEnergyWh    = "energy_wh"
	roleDelivered   = "delivered"
	roleDeliveredWh = "delivered_wh"
	rolePower       = "power"
	rolePowerW      = "power_w"
	roleCapacity    = "capacity"
	roleCapacityWh  = "capacity_wh"
	roleFrom        = "from"
	roleTo          = "to"
)

// Roles gives the roles that columns of a table can have.
func Roles() []string {
	return []string{
		roleID, roleStation, roleArrives, roleLeaves, roleSays, roleEnergy, roleEnergyWh, roleDelivered, roleDeliveredWh,
		rolePower, rolePowerW, roleCapacity, roleCapacityWh, roleFrom, roleTo,
	}
}

// twins say the same in another unit.
var twins = [][2]string{
	{roleEnergy, roleEnergyWh}, {roleDelivered, roleDeliveredWh}, {rolePower, rolePowerW}, {roleCapacity, roleCapacityWh},
}

// plainLayout is what Table writes, and the start of every column map.
var plainLayout = layout{columns: map[string]string{
	roleID: "id", roleStation: "station", roleArrives: "arrives", roleLeaves: "leaves", roleSays: "says", roleEnergy: "energy_kwh",
	roleDelivered: "delivered_kwh", rolePower: "power_kw", roleCapacity: "capacity_kwh", roleFrom: "from_percent", roleTo: "to_percent",
}}

// acnLayout is of the CSV of ACN-Data (Lee, Li and Low, e-Energy 2019). Who did not claim a session in the app has asked for
// what was delivered.
var acnLayout = layout{columns: map[string]string{
	roleID: "session_id", roleStation: "station_id", roleArrives: "arrival", roleLeaves: "departure", roleSays: "estimated_departure",
	roleEnergy: "requested_energy (kWh)", roleDelivered: "delivered_energy (kWh)",
}, separator: ','}

// epflLayout is of the fast charging sessions of EPFL's microgrid. Its energy capacity is that which energy and states of
// charge make; the capacity that vehicles tell is a placeholder in part of the rows.
var epflLayout = layout{columns: map[string]string{
	roleID: "Session", roleStation: "CCS", roleArrives: "Arrival", roleLeaves: "Departure", roleEnergyWh: "Energy (Wh)",
	rolePowerW: "Pmax (W)", roleCapacityWh: "Energy capacity (Wh)", roleFrom: "SOC arrival", roleTo: "SOC departure",
}, separator: ','}

// norwayLayout is of the residential sessions of Sørensen et al. (Data in Brief, 2021). Each user has a place of its own.
var norwayLayout = layout{columns: map[string]string{
	roleID: "session_ID", roleStation: "User_ID", roleArrives: "Start_plugin", roleLeaves: "End_plugout", roleEnergy: "El_kWh",
}, separator: ';'}

// perthLayout is of the public charge points of Perth and Kinross Council. Some of its dates have day and month swapped.
var perthLayout = layout{columns: map[string]string{
	roleID: "_id", roleStation: "CP ID+Connector", roleArrives: "Start Date+Start Time", roleLeaves: "End Date+End Time",
	roleEnergy: "Total kWh",
}, separator: ','}

// with gives the layout with the columns that a caller names.
func (l layout) with(named map[string]string) layout {
	l.columns = maps.Clone(l.columns)
	for role, column := range named {
		for _, twin := range twins {
			if slices.Contains(twin[:], role) {
				delete(l.columns, twin[0])
				delete(l.columns, twin[1])
			}
		}
		l.columns[role] = column
	}
	return l
}

// needed tells whether a table without the role is of no use. Energies are looked at apart.
func needed(role string) bool { return role == roleArrives || role == roleLeaves }

// find gives the places of the columns of each role in a head.
func (l layout) find(head []string, named map[string]string) (map[string][]int, error) {
	places := map[string][]int{}
	for _, role := range slices.Sorted(maps.Keys(l.columns)) {
		name := l.columns[role]
		at := columnsOf(head, name)
		if at != nil {
			places[role] = at
			continue
		}
		if _, asked := named[role]; asked || needed(role) {
			return nil, fmt.Errorf("%w: line 1: no column %.40q; there are %.200s", ErrRow, name, strings.Join(head, ", "))
		}
	}
	for _, role := range []string{roleEnergy, roleEnergyWh, roleDelivered, roleDeliveredWh} {
		if places[role] != nil {
			return places, nil
		}
	}
	return nil, fmt.Errorf("%w: line 1: no column of energy; there are %.200s", ErrRow, strings.Join(head, ", "))
}

// columnsOf finds a column, or those whose names are joined with a plus sign.
func columnsOf(head []string, name string) []int {
	if at := slices.Index(head, name); at >= 0 {
		return []int{at}
	}
	var all []int
	for part := range strings.SplitSeq(name, "+") {
		at := slices.Index(head, part)
		if at < 0 {
			return nil
		}
		all = append(all, at)
	}
	return all
}
