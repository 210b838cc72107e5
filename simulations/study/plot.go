package study

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math/big"
	"strconv"
	"strings"

	"joulepay/simulations/page"
	"joulepay/simulations/report"
)

// combinationsMax bounds what one page shows: some megabytes of numbers.
const combinationsMax = 1000

var (
	//go:embed body.html
	bodyText string
	//go:embed plot.js
	script string

	body = template.Must(template.New("body").Parse(bodyText))
)

// Plot gathers outcomes for a page that shows each figure over the settings: the mean of the seeds, the least and the
// most. It keeps no run one by one, so that it stays small.
type Plot struct {
	name         string
	settings     []Setting
	varied       []int // settings with more than one value; none: seeds are what varies
	figures      []report.Figure
	combinations []*combination // in the order of their first run
	places       map[string]*combination
	runs, failed int
	left         int // combinations beyond the bound
}

// combination is what the runs with the same settings came to.
type combination struct {
	values []string
	spread []spread // by figure
}

// spread is what a figure was over seeds.
type spread struct {
	count          int64
	sum, low, high *big.Rat
}

// NewPlot makes an empty plot of a sweep.
func NewPlot(name string, settings []Setting) *Plot {
	p := &Plot{name: name, settings: settings, places: map[string]*combination{}}
	for i, s := range settings {
		if len(s.Values) > 1 {
			p.varied = append(p.varied, i)
		}
	}
	return p
}

// Add adds what a run came to. Runs that failed are counted only.
func (p *Plot) Add(x Outcome) {
	p.runs++
	if x.Err != nil {
		p.failed++
		return
	}
	p.figures = x.Figures
	var values []string
	for _, i := range p.varied {
		values = append(values, x.Run.Choices[i].Value)
	}
	if len(values) == 0 {
		values = []string{strconv.FormatUint(x.Run.Seed, 10)}
	}
	key := fmt.Sprintf("%q", values)
	c := p.places[key]
	if c == nil {
		if len(p.combinations) == combinationsMax {
			p.left++
			return
		}
		c = &combination{values: values, spread: make([]spread, len(x.Figures))}
		p.places[key] = c
		p.combinations = append(p.combinations, c)
	}
	for i, f := range x.Figures {
		if v, ok := new(big.Rat).SetString(f.Value); ok {
			c.spread[i].add(v)
		}
	}
}

func (s *spread) add(v *big.Rat) {
	if s.count == 0 {
		s.sum, s.low, s.high = new(big.Rat), v, v
	}
	s.count++
	s.sum.Add(s.sum, v)
	if v.Cmp(s.low) < 0 {
		s.low = v
	}
	if v.Cmp(s.high) > 0 {
		s.high = v
	}
}

// MarshalJSON gives [mean, least, most], or null without a value.
func (s spread) MarshalJSON() ([]byte, error) {
	if s.count == 0 {
		return []byte("null"), nil
	}
	mean := new(big.Rat).Quo(s.sum, big.NewRat(s.count, 1))
	return json.Marshal([]json.Number{number(mean), number(s.low), number(s.high)})
}

func number(v *big.Rat) json.Number {
	const decimals = 6
	text := v.FloatString(decimals)
	return json.Number(strings.TrimRight(strings.TrimRight(text, "0"), "."))
}

// plotData is what the script draws.
type plotData struct {
	Settings []string     `json:"settings"` // names
	Values   [][]string   `json:"values"`   // of each, in their order
	Figures  []plotFigure `json:"figures"`
	Points   []plotPoint  `json:"points"`
}

type plotFigure struct {
	Key    string `json:"key"`
	Name   string `json:"name"`
	Unit   string `json:"unit"`
	number int
}

type plotPoint struct {
	At      []string `json:"at"`
	Figures []spread `json:"figures"`
}

func (p *Plot) data() plotData {
	d := plotData{}
	for _, i := range p.varied {
		d.Settings, d.Values = append(d.Settings, p.settings[i].Path), append(d.Values, p.settings[i].Values)
	}
	if len(p.varied) == 0 {
		var seeds []string
		for _, c := range p.combinations {
			seeds = append(seeds, c.values[0])
		}
		d.Settings, d.Values = []string{"seed"}, [][]string{seeds}
	}
	for i, f := range p.figures {
		for _, c := range p.combinations {
			if c.spread[i].count > 0 {
				d.Figures = append(d.Figures, plotFigure{f.Key, f.Section + ": " + f.Name, f.Unit, i})
				break
			}
		}
	}
	for _, c := range p.combinations {
		point := plotPoint{At: c.values}
		for _, f := range d.Figures {
			point.Figures = append(point.Figures, c.spread[f.number])
		}
		d.Points = append(d.Points, point)
	}
	return d
}

// HTML gives the page.
func (p *Plot) HTML() ([]byte, error) {
	out := page.Page{
		Title: "Sweep of " + p.name, Body: body, Data: p.data(), Script: script,
		Values: map[string]any{"Name": p.name, "Settings": p.settings, "Runs": p.runs, "Failed": p.failed, "Left": p.left},
		Footer: "Made by simulate sweep: the same scenario, settings and seeds give the same bytes. This page needs no network.",
	}
	return out.Render()
}
