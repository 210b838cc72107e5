package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"regexp"
	"strings"
	"time"

	"joulepay/simulations/dataset"
	"joulepay/simulations/scenario"
)

// write writes the scenario, and looks that it can be run.
func (d *Draft) write(taken []dataset.Session, seats []seat, o Options) error {
	var b bytes.Buffer
	d.head(&b, o)
	fmt.Fprintf(&b, "\nstations:\n")
	zone := o.Zone
	if zone == "" {
		zone = "UTC"
	}
	for i, s := range seats {
		name, count := s.name, ""
		if o.Stations > 1 { // they differ in nothing
			if i > 0 {
				break
			}
			name, count = group, fmt.Sprintf("count: %d, ", o.Stations)
		}
		fmt.Fprintf(&b, "  %s: {%spower: %s, tariff: energy, time_zone: %s, claim_every: 10m, gone_after: 30m}\n", word(name), count, kilowatts(s.power), zone)
	}
	if d.Form == FormTable {
		if err := d.fleet(&b, taken, o); err != nil {
			return err
		}
	} else {
		d.vehicles(&b, taken)
	}
	if o.Extra != nil {
		block, err := o.Extra(d.Start, d.Start.Add(d.Duration))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%s", block)
	}
	d.Scenario = b.Bytes()
	return check(d.Scenario, o.Seed, beside{o.Table, d.Table})
}

// beside is the one file that a draft may name.
type beside struct {
	name    string
	content []byte
}

// Open implements fs.FS for nobody: scenarios read whole files.
func (beside) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile implements fs.ReadFileFS.
func (b beside) ReadFile(name string) ([]byte, error) {
	if name != b.name || b.content == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return b.content, nil
}

// check looks that a draft can be run.
func check(text []byte, seed uint64, files fs.FS) error {
	s, err := scenario.Parse("draft", text)
	if err != nil {
		return err
	}
	_, err = s.Expand(seed, files)
	return err
}

// stepShort is up to how long meters are read every minute; in longer scenarios it is every five.
const stepShort = 32 * 24 * time.Hour

func (d *Draft) head(b *bytes.Buffer, o Options) {
	every := "1m"
	if d.Duration > stepShort {
		every = "5m"
	}
	fmt.Fprintf(b, "# Made by `simulate import` of %s.\n", oneLine(o.Source))
	fmt.Fprintf(b, "# %d sessions, %s kWh wanted, %s kWh delivered.\n", d.Taken.Sessions, kilo(d.Taken.Requested), kilo(d.Taken.Delivered))
	for _, left := range d.LeftOut {
		fmt.Fprintf(b, "# %d left out: %s.\n", left.Number, left.Reason)
	}
	fmt.Fprintf(b, "about: %s\n", quoted(fmt.Sprintf("%d recorded sessions at %d stations", d.Taken.Sessions, d.Stations)))
	fmt.Fprintf(b, "engine: %s\nseed: %d\nstart: %s\nduration: %s\nstep: %s\n", o.Engine, o.Seed, d.Start.Format(time.RFC3339), duration(d.Duration), every)
	fmt.Fprintf(b, "\ncontrol: {algorithm: uncontrolled, every: 1m}\nledger: {currency: %s, window: 4h, heartbeat: 20m}\nnetwork: {latency: 0s, jitter: 0s}\n", o.Tariff.Currency)
	fmt.Fprintf(b, "\ntariffs:\n  energy: %s\n", o.Tariff.JSON)
}

// purse is what drivers bring along: enough for a large battery at a high price.
const purse = "funds: 500, deposit: 50, closes: true, lifetime: 2000h"

// fleet writes the table of sessions and a fleet of it.
func (d *Draft) fleet(b *bytes.Buffer, taken []dataset.Session, o Options) error {
	if o.Table == "" {
		return fmt.Errorf("%w: a table without a name", ErrOption)
	}
	var table bytes.Buffer
	if err := dataset.WriteTable(&table, taken); err != nil {
		return fmt.Errorf("draft: write the table: %w", err)
	}
	d.Table = table.Bytes()
	fmt.Fprintf(b, "\nfleets:\n  %s: {data: %s, format: csv, remains: true, %s}\n", fleet, quoted(o.Table), purse)
	return nil
}

// vehicles writes each session as a vehicle, which then means what a fleet of them means.
func (d *Draft) vehicles(b *bytes.Buffer, taken []dataset.Session) {
	fmt.Fprintf(b, "\nvehicles:\n")
	for i, s := range taken {
		capacity := max(s.EnergyMilliwattHours, s.CapacityMilliwattHours)
		power := ""
		if s.PowerMilliwatts > 0 {
			power = ", power: " + kilowatts(s.PowerMilliwatts)
		}
		at := s.Arrives.Sub(d.Start)
		stay := s.Leaves.Sub(s.Arrives)
		departs := at + stay
		if !s.Says.IsZero() {
			departs = s.Says.Sub(d.Start)
		}
		from := max(s.FromPermille, 0)
		fmt.Fprintf(b, "  %s-%d: # %s\n    battery: {capacity: %skWh%s, ideal: true}\n    %s\n", fleet, i+1, oneLine(s.ID), kilo(capacity), power,
			strings.ReplaceAll(purse, ", ", "\n    "))
		fmt.Fprintf(b, "    visits:\n      - {at: %s, station: %s, from: %s%%, to: 100%%, energy: %skWh, stay: %s, departs: %s, remains: true}\n",
			duration(at), word(s.Station), exact(int64(from), permillePerCent), kilo(s.EnergyMilliwattHours), duration(stay), duration(departs))
	}
}

// plainWord is text that YAML takes for text without quotes.
var plainWord = regexp.MustCompile(`^[a-z][a-z-]*[0-9][a-z0-9-]*$|^[a-z]+-[a-z0-9-]*$|^outlet$`)

// word writes a name as people do where that is the same, and quoted elsewhere: true, 1e3 and null are no names to YAML.
func word(name string) string {
	if plainWord.MatchString(name) {
		return name
	}
	return quoted(name)
}

// quoted writes text as JSON, which is YAML.
func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic("draft: a string that is no JSON: " + err.Error())
	}
	return string(encoded)
}

// oneLine keeps a comment within its line.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffd {
			return ' '
		}
		return c
	}, text)
}

// kilo writes thousandths of a thousandth exactly.
func kilo(milli int64) string { return exact(milli, 1_000_000) }

func kilowatts(milliwatts int64) string { return kilo(milliwatts) + "kW" }

// exact writes value/scale, where scale is a power of ten.
func exact(value, scale int64) string {
	number := big.NewRat(value, scale)
	places, _ := number.FloatPrec()
	return number.FloatString(places)
}

// duration writes 7h12m as people do, without the zeros of Go.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
