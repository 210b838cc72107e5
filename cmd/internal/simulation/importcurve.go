package simulation

import (
	"joulepay/cmd/internal/cli"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
)

// importedBattery is what an import says of a charging curve.
type importedBattery struct {
	File       string `json:"file"`
	Vehicle    string `json:"vehicle"`
	CapacityWh int64  `json:"capacity_wh"`
	PowerW     int64  `json:"power_w"`
	FloorW     int64  `json:"floor_w"`
	Knee       int16  `json:"knee_permille"`
	DeviatesW  int64  `json:"deviates_w"`
	Block      string `json:"block,omitempty"` // the file that was written
}

// namesShown is how many vehicles an error names.
const namesShown = 5

// battery imports a charging curve as the battery of a vehicle.
func (i *importer) battery() error {
	data, err := read(i.file)
	if err != nil {
		return err
	}
	found, err := dataset.Models(data, i.vehicle)
	if err != nil {
		return i.explained(err)
	}
	switch {
	case len(found) == 0:
		return cli.Fail("use fewer words, such as --vehicle \"Kia EV6\"", "no vehicle has all words of %.60q", i.vehicle)
	case len(found) > 1:
		names := ""
		for n, m := range found[:min(len(found), namesShown)] {
			if n > 0 {
				names += "; "
			}
			names += m.Name + " (" + m.ID + ")"
		}
		return cli.Fail("name one by more words, or by its id: --vehicle \""+found[0].ID+"\"", "%d vehicles have all words of %.60q: %s", len(found), i.vehicle, names)
	}
	const milli = 1000
	b := draft.NewBattery(found[0])
	result := importedBattery{i.file, found[0].Name, found[0].CapacityMilliwattHours / milli, b.Power / milli, b.Floor / milli, b.KneePermille, b.DeviatesMilli / milli, i.out}
	if i.out != "" {
		if err := create(i.out, []byte(b.Block)); err != nil {
			return err
		}
	}
	return i.app.Print(result, func(p *cli.Printer) {
		lines(p, b.Block)
		p.Line("the line of a scenario differs from the curve by %d W at most", result.DeviatesW)
	})
}
