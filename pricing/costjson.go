package pricing

import "encoding/json"

type sumJSON struct {
	ExclVAT Exact `json:"excl_vat"`
	InclVAT Exact `json:"incl_vat"`
}

type lineJSON struct {
	Type        string `json:"type"`
	Reservation string `json:"reservation,omitempty"`
	Volume      Exact  `json:"volume"`
	Price       Exact  `json:"price"`
	VAT         Exact  `json:"vat"`
	sumJSON
}

type roundedJSON struct {
	ExclVAT *string `json:"excl_vat"`
	InclVAT *string `json:"incl_vat"`
}

type costJSON struct {
	Currency   string      `json:"currency"`
	Total      sumJSON     `json:"total_cost"`
	Rounded    roundedJSON `json:"total_cost_rounded"`
	LimitedBy  string      `json:"limited_by,omitempty"`
	Components []lineJSON  `json:"components"`
	Periods    []stretch   `json:"periods,omitempty"`
}

type stretch struct {
	Start      string     `json:"start_date_time"`
	End        string     `json:"end_date_time"`
	TariffID   string     `json:"tariff_id"`
	Components []lineJSON `json:"components"`
}

// MarshalJSON writes sums and lines as exact decimal strings of up to 12 places, null where a sum is not stated, and the
// totals rounded to cents beside them for display.
func (c Cost) MarshalJSON() ([]byte, error) {
	out := costJSON{
		Currency: c.Currency.String(), Total: sumJSON{c.ExclVAT, c.InclVAT}, LimitedBy: c.LimitedBy,
		Rounded:    roundedJSON{cents(c.ExclVAT), cents(c.InclVAT)},
		Components: linesJSON(c.Lines()),
	}
	for _, p := range c.Periods() {
		out.Periods = append(out.Periods, stretch{
			p.Start.Format(timeFormat), p.End.Format(timeFormat), p.TariffID, linesJSON(p.Components),
		})
	}
	return json.Marshal(out)
}

const timeFormat = "2006-01-02T15:04:05Z"

func cents(x Exact) *string {
	if !x.Known() {
		return nil
	}
	text := x.Cents()
	return &text
}

func linesJSON(lines []ComponentCost) []lineJSON {
	list := []lineJSON{}
	for _, l := range lines {
		list = append(list, lineJSON{
			l.Type.String(), l.Reservation.String(), l.Volume, l.Price, l.VAT, sumJSON{l.ExclVAT, l.InclVAT},
		})
	}
	return list
}

// Lines gives what a bill shows: a line wherever a price begins or comes back, in the order of time, as OCPI's examples list
// them. A running cost, which has no periods, gives its Components.
func (c Cost) Lines() []ComponentCost {
	if len(c.parts) == 0 {
		return c.Components
	}
	var lines []ComponentCost
	open := map[ComponentType]int{} // the line that a dimension is on
	for _, p := range c.Periods() {
		for _, l := range p.Components {
			at, ok := open[l.Type]
			if ok && lines[at].continues(l) {
				lines[at].Volume = lines[at].Volume.add(l.Volume)
				lines[at].ExclVAT = lines[at].ExclVAT.add(l.ExclVAT)
				lines[at].InclVAT = lines[at].InclVAT.add(l.InclVAT)
				continue
			}
			open[l.Type] = len(lines)
			lines = append(lines, l)
		}
	}
	return lines
}

// continues tells whether another volume is at the same price of the same tariff.
func (l ComponentCost) continues(m ComponentCost) bool {
	return l.TariffID == m.TariffID && l.Element == m.Element && l.Type == m.Type
}
