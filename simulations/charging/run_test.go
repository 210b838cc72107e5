package charging_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
)

// journal keeps what a run says.
type journal struct {
	steps  []measure.Step
	visits []measure.Visit
}

func (j *journal) Add(s measure.Step) {
	s.Circuits = append([]measure.Flow(nil), s.Circuits...)
	s.StateOfCharge = append([]int64(nil), s.StateOfCharge...)
	j.steps = append(j.steps, s)
}

func (j *journal) AddVisit(v measure.Visit) { j.visits = append(j.visits, v) }

func oneStation(t *testing.T, controller string, options control.Options) charging.Config {
	t.Helper()
	site, err := grid.New([]grid.Circuit{{Above: -1}}, []grid.Station{{Name: "post", MaxMilliwatts: 11_000_000, ReturnMaxMilliwatts: 11_000_000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.New(controller, site, options)
	if err != nil {
		t.Fatal(err)
	}
	return charging.Config{Site: site, Controller: c, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: 15 * time.Minute}
}

func run(t *testing.T, config charging.Config) *journal {
	t.Helper()
	j := new(journal)
	if _, err := charging.Run(config, j); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestAVehicleWaitsForItsStation(t *testing.T) {
	config := oneStation(t, control.FCFS, control.Options{})
	config.Sessions = []charging.Session{
		{Vehicle: "second", Arrival: 30 * time.Minute, Departure: 3 * time.Hour, RequestedMillijoules: kilowattHour, MaxPrice: control.Unknown},
		{Vehicle: "first", Departure: time.Hour, RequestedMillijoules: kilowattHour, MaxPrice: control.Unknown},
		{Vehicle: "third", Arrival: 40 * time.Minute, Departure: 50 * time.Minute, RequestedMillijoules: kilowattHour, MaxPrice: control.Unknown},
	}
	visits := run(t, config).visits
	if len(visits) != 3 {
		t.Fatalf("%d visits", len(visits))
	}
	if v := visits[0]; v.Vehicle != "first" || v.Delivered != 1_000_000 {
		t.Errorf("first: %+v", v)
	}
	if v := visits[1]; v.Vehicle != "third" || v.Delivered != 0 || !v.Began.IsZero() {
		t.Errorf("third left without: %+v", v)
	}
	if v := visits[2]; v.Vehicle != "second" || v.Delivered != 1_000_000 || !v.Began.Equal(config.Start.Add(time.Hour)) {
		t.Errorf("second: %+v", v)
	}
}

func TestAVehicleComesBackWithWhatItLeftWith(t *testing.T) {
	config := oneStation(t, control.FCFS, control.Options{})
	session := charging.Session{Vehicle: "a", Departure: 8 * time.Hour, TargetMillijoules: 40 * kilowattHour, MaxPrice: control.Unknown,
		Battery: charging.Battery{CapacityMillijoules: 50 * kilowattHour, StoredMillijoules: 10 * kilowattHour}}
	back := session
	back.Arrival, back.Departure, back.Continues, back.TripMillijoules = 10*time.Hour, 20*time.Hour, true, 12*kilowattHour
	config.Sessions = []charging.Session{session, back}
	visits := run(t, config).visits
	if visits[0].Delivered != 30_000_000 || visits[1].Delivered != 12_000_000 {
		t.Errorf("delivered %d and %d mWh, want 30 and 12 kWh", visits[0].Delivered, visits[1].Delivered)
	}
}

func TestABatteryTapers(t *testing.T) {
	config := oneStation(t, control.Uncontrolled, control.Options{})
	config.Watched = []string{"a"}
	config.Sessions = []charging.Session{{Vehicle: "a", Departure: 12 * time.Hour, TargetMillijoules: 50 * kilowattHour, MaxPrice: control.Unknown,
		Battery: charging.Battery{CapacityMillijoules: 50 * kilowattHour, StoredMillijoules: 38 * kilowattHour, TaperFromPermille: 800}}}
	j := run(t, config)
	last := int64(11_000_000)
	for i, s := range j.steps {
		if s.Charge > last {
			t.Errorf("step %d: %d mW after %d", i, s.Charge, last)
		}
		last = s.Charge
	}
	// 2 kWh up to 80 % take 2/11 h; from there what is missing falls by 1.1 an hour: 10 kWh·exp(-1.1·(2.25 - 2/11)) after nine steps
	const at, want, tolerance = 8, 979, 1
	if got := j.steps[at].StateOfCharge[0]; got < want-tolerance || got > want+tolerance {
		t.Errorf("after nine quarter hours it is at %d permille, want %d", got, want)
	}
}

func TestVehiclesPayByTheHour(t *testing.T) {
	config := oneStation(t, control.Uncontrolled, control.Options{})
	config.Price = charging.Series{Step: time.Hour, Values: []int64{300_000_000, 100_000_000}}
	config.Sessions = []charging.Session{{Vehicle: "a", Departure: 3 * time.Hour, RequestedMillijoules: 15 * kilowattHour, MaxPrice: control.Unknown}}
	if v := run(t, config).visits[0]; v.Cost != 11*300_000_000+4*100_000_000 {
		t.Errorf("11 kWh at 0.30 and 4 at 0.10 cost %v", v.Cost)
	}
}

// A vehicle that says it takes 11 kW takes 5, and the storage does not feed the rest into the grid.
func TestAStorageCoversOnlyWhatIsDrawn(t *testing.T) {
	config := oneStation(t, control.FCFS, control.Options{})
	config.Storages = []charging.Storage{{CapacityMillijoules: 20 * kilowattHour, StoredMillijoules: 20 * kilowattHour, ReturnMilliwatts: 20_000_000}}
	config.Sessions = []charging.Session{{Vehicle: "a", Departure: time.Hour, RequestedMillijoules: 20 * kilowattHour, DeclaredMilliwatts: 11_000_000,
		Battery: charging.Battery{MaxMilliwatts: 5_000_000}, MaxPrice: control.Unknown}}
	for _, s := range run(t, config).steps {
		if s.Charge != 5_000_000 || s.Storage != -5_000_000 || s.Circuits[0].PowerMilliwatts != 0 {
			t.Errorf("at %v: charge %d, storage %d, grid %d mW", s.At, s.Charge, s.Storage, s.Circuits[0].PowerMilliwatts)
		}
	}
}

func TestAnEmptyStretchIsOneStep(t *testing.T) {
	config := oneStation(t, control.FCFS, control.Options{})
	config.Duration = 24 * time.Hour
	config.Price = charging.Series{Step: 6 * time.Hour, Values: []int64{1, 2, 3, 4}}
	if j := run(t, config); len(j.steps) != 4 || j.steps[3].Price != 4 || j.steps[0].Length != 6*time.Hour {
		t.Errorf("%d steps: %+v", len(j.steps), j.steps)
	}
}

func TestWhatCannotBeRunIsRefused(t *testing.T) {
	breaks := map[string]func(*charging.Config){
		"no site":       func(c *charging.Config) { c.Site = nil },
		"no step":       func(c *charging.Config) { c.Step = 0 },
		"half a second": func(c *charging.Config) { c.Step = time.Second / 2 },
		"too long":      func(c *charging.Config) { c.Duration = 2 * charging.DurationMax },
		"no station":    func(c *charging.Config) { c.Sessions = []charging.Session{{Station: 1, Departure: time.Hour}} },
		"leaves first":  func(c *charging.Config) { c.Sessions = []charging.Session{{Arrival: time.Hour}} },
		"overfull": func(c *charging.Config) {
			c.Sessions = []charging.Session{{Departure: 1, Battery: charging.Battery{CapacityMillijoules: 1, StoredMillijoules: 2}}}
		},
		"efficient": func(c *charging.Config) {
			c.Sessions = []charging.Session{{Departure: 1, Battery: charging.Battery{ChargePermille: 1001}}}
		},
		"curve": func(c *charging.Config) {
			c.Sessions = []charging.Session{{Departure: 1, Battery: charging.Battery{Curve: []charging.Point{{5, 1}, {5, 1}}}}}
		},
		"negative load": func(c *charging.Config) {
			c.Loads = []charging.Load{{Series: charging.Series{Step: 1, Values: []int64{-1}}}}
		},
		"empty storage":  func(c *charging.Config) { c.Storages = []charging.Storage{{}} },
		"endless prices": func(c *charging.Config) { c.Price = charging.Series{Step: time.Hour, Values: []int64{1 << 60}} },
	}
	for name, spoil := range breaks {
		config := oneStation(t, control.FCFS, control.Options{})
		spoil(&config)
		if _, err := charging.Run(config, nil); !errors.Is(err, charging.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
}
