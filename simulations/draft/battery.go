package draft

import (
	"fmt"

	"joulepay/simulations/dataset"
)

// Battery is the block of a vehicle's battery.
type Battery struct {
	Block         string // YAML
	Power, Floor  int64  // mW, the most, and what a full battery would still take
	KneePermille  int16  // the power falls from it to the floor
	DeviatesMilli int64  // mW, by how much the line differs from the curve at its points, at most
}

// NewBattery lays the line of a scenario's battery on a charging curve: full power up to the last point that has it, then
// falling to that of the last point. Curves rise and fall in between: the largest difference is told.
func NewBattery(m dataset.Model) Battery {
	last := m.Curve[len(m.Curve)-1]
	b := Battery{Floor: last.PowerMilliwatts}
	for _, p := range m.Curve {
		if p.PowerMilliwatts >= b.Power {
			b.Power, b.KneePermille = p.PowerMilliwatts, p.Permille
		}
	}
	for _, p := range m.Curve {
		line := b.Power
		if p.Permille > b.KneePermille {
			line -= (b.Power - b.Floor) * int64(p.Permille-b.KneePermille) / int64(permille-b.KneePermille)
		}
		b.DeviatesMilli = max(b.DeviatesMilli, max(line-p.PowerMilliwatts, p.PowerMilliwatts-line))
	}
	taper := fmt.Sprintf("knee: %s%%, floor: %s", exact(int64(b.KneePermille), permillePerCent), kilowatts(b.Floor))
	if b.KneePermille == permille {
		taper = "ideal: true"
	}
	b.Block = fmt.Sprintf("# %s, Open EV Data.\nbattery: {capacity: %skWh, power: %s, %s}\n", oneLine(m.Name), kilo(m.CapacityMilliwattHours), kilowatts(b.Power), taper)
	return b
}
