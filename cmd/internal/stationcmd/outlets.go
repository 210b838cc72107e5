package stationcmd

import (
	"strings"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/client"
)

// readyOutlet is one outlet of a charger that has several.
type readyOutlet struct {
	EVSE      string `json:"evse"`
	MaxPowerW string `json:"max_power_w"`
}

// outletsOf gives the outlets of a charger that has several; nil for one.
func outletsOf(stations []client.Station) []readyOutlet {
	if len(stations) < 2 {
		return nil
	}
	var out []readyOutlet
	for _, s := range stations {
		out = append(out, readyOutlet{EVSE: s.EVSE, MaxPowerW: s.MaxPowerW})
	}
	return out
}

// tellOutlets tells what to enter in charging stations, and which outlets vehicles can name.
func tellOutlets(p *cli.Printer, r ready) {
	switch {
	case r.OCPP != "" && len(r.Outlets) > 0:
		p.Line("enter this URL in the charging stations, with the id of each in place of STATION: %s", r.OCPP)
	case r.OCPP != "":
		p.Line("enter this URL in the charging station, which is awaited: %s", r.OCPP)
	}
	if len(r.Outlets) > 0 {
		var names []string
		for _, o := range r.Outlets {
			names = append(names, o.EVSE)
		}
		p.Line("vehicles name one of %d outlets with --evse: %s", len(names), strings.Join(names, ", "))
	}
}
