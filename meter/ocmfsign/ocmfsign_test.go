package ocmfsign_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocmfsign"
	"joulepay/meter/sim"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// charging gives a signing connector with a vehicle that asks for a kWh at 36 kW.
func charging(t *testing.T, o ocmfsign.Options) (*ocmfsign.Connector, ocmf.PrivateKey) {
	t.Helper()
	cable, err := sim.NewCable(36_000_000, 5_000_123)
	if err != nil {
		t.Fatal(err)
	}
	load, err := sim.NewLoad([]sim.Step{{EnergyMicrojoules: 3_600_000_000_000, PowerMilliwatts: 36_000_000}},
		meter.StateOfChargeUnknown, meter.StateOfChargeUnknown)
	if err != nil {
		t.Fatal(err)
	}
	if err := cable.Plug(load); err != nil {
		t.Fatal(err)
	}
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		t.Fatal(err)
	}
	return ocmfsign.Wrap(sim.NewConnector(cable), key, o), key
}

func sample(t *testing.T, c *ocmfsign.Connector, after time.Duration) meter.Sample {
	t.Helper()
	s, err := c.Sample(noon.Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASessionEndsOnASignedTransaction(t *testing.T) {
	c, key := charging(t, ocmfsign.Options{Serial: "JLP-1", EVSE: "DE*JLP*E1*1"})
	c.Hold("did:joule:car")
	before := sample(t, c, 0)
	if err := c.Start(noon, 36_000_000); err != nil {
		t.Fatal(err)
	}
	if s := sample(t, c, 10*time.Second); s.Evidence != "" || s.State != meter.Charging {
		t.Errorf("in the middle: %+v", s)
	}
	if err := c.Stop(noon.Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	end := sample(t, c, 21*time.Second)
	proved, err := ocmf.CheckEvidence([]byte(end.Evidence), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	energy, err := proved.EnergyMilliwattHours()
	if err != nil || energy != end.Register-before.Register || energy == 0 || end.State != meter.Ended {
		t.Errorf("%d mWh signed of %d, %v", energy, end.Register-before.Register, err)
	}
	if err := c.Stop(noon.Add(22 * time.Second)); err != nil || sample(t, c, 23*time.Second).Evidence != end.Evidence {
		t.Error("the second stop changed what was signed")
	}
	c.Hold("")
	c.Hold("did:joule:van")
	if s := sample(t, c, 30*time.Second); s.Evidence != "" {
		t.Error("the next vehicle is shown the records of the last")
	}
}

// A process that begins in the middle of a session goes on with the transaction: with the register at which it began, so that
// what was delivered while no process was there is signed, too.
func TestATransactionGoesOnAfterARestart(t *testing.T) {
	for _, stopping := range []bool{false, true} {
		open := ocmfsign.Open{Holder: "did:joule:car", RegisterMilliwattHours: 2_000_000, At: noon.Add(-time.Hour), Stopping: stopping}
		c, key := charging(t, ocmfsign.Options{Serial: "JLP-1", Page: 7, Open: &open})
		steps := []error{c.Stop(noon)} // as an outlet is turned off first
		c.Hold("did:joule:car")
		if !stopping {
			if s := sample(t, c, 0); s.Evidence != "" {
				t.Errorf("it is signed before it ends: %+v", s)
			}
			steps = append(steps, c.Start(noon, 36_000_000), c.Stop(noon.Add(time.Second)))
		}
		for _, err := range steps {
			if err != nil {
				t.Fatal(err)
			}
		}
		end := sample(t, c, 2*time.Second)
		proved, err := ocmf.CheckEvidence([]byte(end.Evidence), key.Public())
		if err != nil {
			t.Fatalf("stopping %v: %v", stopping, err)
		}
		energy, err := proved.EnergyMilliwattHours()
		if err != nil || energy != end.Register-2_000_000 || !proved.Begin.Time.Equal(open.At) || proved.First.Number != 8 {
			t.Errorf("stopping %v: %d mWh from %s on page %d, %v", stopping, energy, proved.Begin.Time, proved.First.Number, err)
		}
	}
}

func TestATransactionOfAnotherIsNotSignedForTheNext(t *testing.T) {
	c, _ := charging(t, ocmfsign.Options{Open: &ocmfsign.Open{Holder: "did:joule:car", At: noon, Stopping: true}})
	c.Hold("did:joule:van")
	if s := sample(t, c, 0); s.Evidence != "" {
		t.Errorf("%+v", s)
	}
}

func TestARegisterThatFellWhileNobodyWasThereIsNotSigned(t *testing.T) {
	c, _ := charging(t, ocmfsign.Options{Open: &ocmfsign.Open{Holder: "did:joule:car", RegisterMilliwattHours: 9_000_000, At: noon, Stopping: true}})
	c.Hold("did:joule:car")
	if s, err := c.Sample(noon); !errors.Is(err, meter.ErrRegisterFell) || s.Evidence != "" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTheKeyIsMadeOnceAndReadByItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter.pem")
	made, err := ocmfsign.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ocmfsign.LoadKey(path)
	if err != nil || again.Public().String() != made.Public().String() {
		t.Errorf("another key: %v", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(raw), "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("%v", err)
	}
	for name, content := range map[string]string{
		"nothing": "", "no PEM": "key", "another key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n",
		"more": string(raw) + "more", "two": string(raw) + string(raw),
	} {
		bad := filepath.Join(t.TempDir(), "bad.pem")
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ocmfsign.LoadKey(bad); !errors.Is(err, ocmfsign.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ocmfsign.LoadKey(path); !errors.Is(err, ocmfsign.ErrKey) {
		t.Errorf("readable by all: %v", err)
	}
}
