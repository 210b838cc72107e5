package spiceev

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
)

// vehicles makes a session of every stay at a station.
func (r *reader) vehicles() error {
	events := map[string][]vehicleEvent{}
	for _, e := range r.file.Events.Vehicles {
		events[e.Vehicle] = append(events[e.Vehicle], e)
	}
	for _, name := range slices.Sorted(maps.Keys(r.file.Components.Vehicles)) {
		all := events[name]
		slices.SortStableFunc(all, func(a, b vehicleEvent) int { return a.Start.Compare(b.Start) })
		if err := r.vehicle(name, all); err != nil {
			return fmt.Errorf("%w: vehicle %q: %w", ErrFile, name, err)
		}
	}
	return nil
}

// driver is a vehicle on its way through its events.
type driver struct {
	session   charging.Session
	capacity  float64
	connected *string
	began     time.Duration
	departure *time.Time
	desired   float64
	trip      float64 // of the battery, since it was connected last
	stays     int
}

func (r *reader) vehicle(name string, events []vehicleEvent) error {
	v := r.file.Components.Vehicles[name]
	kind, known := r.file.Components.Types[v.Type]
	if !known {
		return fmt.Errorf("no type %q", v.Type)
	}
	battery, floor, err := kind.battery()
	if err != nil {
		return err
	}
	if !share(v.Charge) || !share(v.Desired) {
		return fmt.Errorf("states of charge %v and %v", v.Charge, v.Desired)
	}
	battery.StoredMillijoules = millijoules(kind.Capacity * v.Charge)
	d := driver{session: charging.Session{Vehicle: name, Battery: battery, FloorMillijoules: floor, MaxPrice: control.Unknown},
		capacity: kind.Capacity, connected: v.Station, departure: v.Departure, desired: v.Desired}
	for _, e := range events {
		at := r.since(e.Start)
		switch e.Kind {
		case "departure":
			if err := r.stay(&d, at); err != nil {
				return err
			}
			d.connected, d.departure = nil, nil
		case "arrival":
			if e.Update.Desired != nil {
				d.desired = *e.Update.Desired
			}
			if !share(d.desired) || !share(-e.Update.Delta) {
				return fmt.Errorf("arrives with %v, wants %v", e.Update.Delta, d.desired)
			}
			d.trip -= e.Update.Delta
			d.connected, d.departure, d.began = e.Update.Station, e.Update.Departure, at
		}
	}
	return r.stay(&d, r.config.Duration+r.config.Step)
}

// stay adds the session that ends at a time, if the vehicle is at a station.
func (r *reader) stay(d *driver, until time.Duration) error {
	if d.connected == nil || d.began >= r.config.Duration || until <= d.began || until <= 0 {
		return nil
	}
	station, known := r.index[*d.connected]
	if !known {
		return fmt.Errorf("no station %q", *d.connected)
	}
	s := d.session
	s.Station, s.Arrival, s.Departure = station, max(d.began, 0), until
	if d.departure != nil {
		s.Announced = min(max(r.since(*d.departure), 1), charging.DurationMax)
	}
	s.TargetMillijoules = millijoules(d.capacity * d.desired)
	if s.Continues = d.stays > 0; s.Continues {
		s.TripMillijoules = millijoules(d.capacity * d.trip)
	} else {
		s.Battery.StoredMillijoules = max(s.Battery.StoredMillijoules-millijoules(d.capacity*d.trip), 0)
	}
	d.stays, d.trip = d.stays+1, 0
	r.config.Sessions = append(r.config.Sessions, s)
	return nil
}

// battery gives what a type's battery takes and gives, and how low it may be discharged.
func (t *vehicleType) battery() (charging.Battery, int64, error) {
	b := charging.Battery{CapacityMillijoules: millijoules(t.Capacity), MinMilliwatts: milliwatts(t.Min), ChargePermille: permille(t.Efficiency)}
	b.ReturnPermille = b.ChargePermille
	if !(t.Capacity > 0 && t.Capacity <= unlimitedBatteryKilowattHour) || !sane(t.Min) || b.ChargePermille <= 0 || b.ChargePermille > 1000 || len(t.Curve) == 0 {
		return b, 0, errors.New("its type's capacity, powers or efficiency")
	}
	most := 0.0
	for _, point := range slices.SortedFunc(slices.Values(t.Curve), func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) }) {
		if !share(point[0]) || !sane(point[1]) {
			return b, 0, fmt.Errorf("its type's curve at %v", point)
		}
		most = max(most, point[1])
		b.Curve = append(b.Curve, charging.Point{Permille: int64(math.Round(point[0] * 1000)), Milliwatts: milliwatts(point[1])})
	}
	b.MaxMilliwatts = milliwatts(most)
	if !slices.ContainsFunc(b.Curve, func(p charging.Point) bool { return p.Milliwatts != b.MaxMilliwatts }) {
		b.Curve = nil
	}
	if t.V2G {
		b.ReturnMilliwatts = milliwatts(most * or(t.V2GFactor, v2gFactorDefault))
	}
	return b, millijoules(t.Capacity * or(t.DischargeLimit, dischargeLimitDefault)), nil
}

func or(value *float64, otherwise float64) float64 {
	if value == nil {
		return otherwise
	}
	return *value
}

func share(value float64) bool { return value >= 0 && value <= 1 }
