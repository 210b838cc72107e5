package ocpp_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"

	"joulepay/meter/ocpp"
	"joulepay/meter/ocpp/ocpptest"
)

func jsonInt(n int64) string { return strconv.FormatInt(n, 10) }

func basic(user, password string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
}

func TestOnlyStationsThatAreKnownComeIn(t *testing.T) {
	stations := oneStation(1)
	stations[0].Password = "open sesame"
	for _, c := range []struct {
		name, path, subprotocol string
		header                  http.Header
		status                  int
		want                    error
	}{
		{"the station with its password", "S001", "ocpp1.6", basic("S001", "open sesame"), 101, nil},
		{"its password with another case", "S001", "ocpp1.6", basic("S001", "Open sesame"), 401, ocpp.ErrPassword},
		{"another user", "S001", "ocpp1.6", basic("S002", "open sesame"), 401, ocpp.ErrPassword},
		{"no password", "S001", "ocpp1.6", nil, 401, ocpp.ErrPassword},
		{"another station", "S002", "ocpp1.6", basic("S002", "open sesame"), 404, ocpp.ErrUnknownStation},
		{"no station", "", "ocpp1.6", nil, 404, ocpp.ErrUnknownStation},
		{"its name in another case", "s001", "ocpp1.6", basic("s001", "open sesame"), 404, ocpp.ErrUnknownStation},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(t, ocpp.Config{Stations: stations})
			s, response, err := ocpptest.Dial(t, w.url+c.path, c.subprotocol, c.header)
			if response == nil || response.StatusCode != c.status {
				t.Fatalf("%v, %v", response, err)
			}
			if c.want == nil {
				s.Ask("1", "Heartbeat", `{}`)
				return
			}
			if e := w.awaits(ocpp.EventRefused); !errors.Is(e.Err, c.want) || c.path != "" && e.Station != c.path {
				t.Fatalf("%+v", e)
			}
		})
	}
}

func TestAStationWithoutAVersionIsTurnedAway(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: oneStation(1)})
	for _, subprotocol := range []string{"", "ocpp1.5", "soap"} {
		s, _, err := ocpptest.Dial(t, w.url+"S001", subprotocol, nil)
		if err == nil {
			<-s.Gone()
		}
	}
	if n := len(w.of(ocpp.EventRefused)); n != 3 {
		t.Errorf("%d were told of", n)
	}
	if len(w.of(ocpp.EventConnected)) != 0 {
		t.Error("one was served")
	}
}

func TestAPageInABrowserIsNoStation(t *testing.T) {
	w := serve(t, ocpp.Config{Stations: oneStation(1)})
	page := http.Header{"Origin": {"https://example.com"}}
	if _, response, _ := ocpptest.Dial(t, w.url+"S001", "ocpp1.6", page); response.StatusCode != http.StatusForbidden {
		t.Fatal(response.Status)
	}
	if e := w.awaits(ocpp.EventRefused); !errors.Is(e.Err, ocpp.ErrHandshake) {
		t.Fatal(e.Err)
	}
	stations := oneStation(1)
	stations[0].Password = "open sesame"
	w = serve(t, ocpp.Config{Stations: stations})
	header := basic("S001", "open sesame")
	header.Set("Origin", "https://station.example")
	ocpptest.MustDial(t, w.url+"S001", "ocpp1.6", header).Ask("1", "Heartbeat", `{}`)
}

func TestAPlaceWithoutANameIsForTheFirstStation(t *testing.T) {
	stations := oneStation(1)
	stations[0].ID, stations[0].Password = "", "open sesame"
	w := serve(t, ocpp.Config{Stations: stations})
	if _, response, _ := ocpptest.Dial(t, w.url+"FIRST", "ocpp1.6", basic("FIRST", "wrong")); response.StatusCode != 401 {
		t.Fatal(response.Status)
	}
	s := ocpptest.MustDial(t, w.url+"SECOND", "ocpp1.6", basic("SECOND", "open sesame"))
	s.Ask("1", "Heartbeat", `{}`)
	if _, response, _ := ocpptest.Dial(t, w.url+"FIRST", "ocpp1.6", basic("FIRST", "open sesame")); response.StatusCode != 404 {
		t.Fatal(response.Status)
	}
	if id := w.system.Station(0).ID(); id != "SECOND" {
		t.Fatal(id)
	}
}

func TestI9_AFrameThatIsTooLargeEndsTheConnectionAlone(t *testing.T) {
	w := world16(t)
	s, o, transaction := charging(t, w)
	s.WriteRaw(make([]byte, ocpp.FrameSizeMax+1))
	<-s.Gone()
	w.awaits(ocpp.EventDisconnected)
	back := connect16(t, w)
	w.pass(time.Second)
	back.meters(1, transaction, "1001")
	if got := sampled(t, w, o); got.Register != 7_001_000 {
		t.Fatalf("%+v", got)
	}
}

func TestAClosedCentralSystemTakesNobody(t *testing.T) {
	w := world16(t)
	s, _, _ := charging(t, w)
	if err := w.system.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Gone()
	if _, response, _ := ocpptest.Dial(t, w.url+"S001", "ocpp1.6", nil); response.StatusCode != http.StatusServiceUnavailable {
		t.Fatal(response.Status)
	}
	if e := w.awaits(ocpp.EventRefused); !errors.Is(e.Err, ocpp.ErrTooMany) {
		t.Fatal(e.Err)
	}
}

func TestBinaryMessagesAreNotFrames(t *testing.T) {
	w := world16(t)
	ws, _, err := websocket.Dial(t.Context(), w.url+"S001", &websocket.DialOptions{Subprotocols: []string{"ocpp1.6"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := ws.Write(t.Context(), websocket.MessageBinary, []byte(`[2,"1","Heartbeat",{}]`)); err != nil {
		t.Fatal(err)
	}
	if e := w.awaits(ocpp.EventProtocol); !errors.Is(e.Err, ocpp.ErrFrame) {
		t.Fatal(e.Err)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := func() ocpp.Config { return ocpp.Config{Now: time.Now, Stations: oneStation(1)} }
	for name, change := range map[string]func(*ocpp.Config){
		"no clock":                func(c *ocpp.Config) { c.Now = nil },
		"no station":              func(c *ocpp.Config) { c.Stations = nil },
		"no connector":            func(c *ocpp.Config) { c.Stations[0].Connectors = nil },
		"connector 0":             func(c *ocpp.Config) { c.Stations[0].Connectors[0].Number = 0 },
		"a connector twice":       func(c *ocpp.Config) { c.Stations = oneStation(1, 1) },
		"no power":                func(c *ocpp.Config) { c.Stations[0].Connectors[0].MaxPowerMw = 0 },
		"meters read too often":   func(c *ocpp.Config) { c.MeterEvery = time.Millisecond },
		"an empty contract id":    func(c *ocpp.Config) { c.Contracts = map[string]string{"did": ""} },
		"a contract id too long":  func(c *ocpp.Config) { c.Contracts = map[string]string{"did": "123456789012345678901"} },
		"an identity too long":    func(c *ocpp.Config) { c.Stations[0].ID = string(make([]byte, 49)) },
		"a step of a kWh":         func(c *ocpp.Config) { c.Stations[0].Connectors[0].StepMwh = 1_000_000 },
		"a register below zero":   func(c *ocpp.Config) { c.Stations[0].Connectors[0].RegisterMwh = -1 },
		"stations without number": func(c *ocpp.Config) { c.Stations = make([]ocpp.StationConfig, ocpp.StationsMax+1) },
	} {
		c := good()
		change(&c)
		if _, err := ocpp.New(c); !errors.Is(err, ocpp.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ocpp.New(good()); err != nil {
		t.Fatal(err)
	}
}

func TestATokenFitsBothVersions(t *testing.T) {
	a, b := ocpp.Token("did:joule:z6MkfirstVehicle"), ocpp.Token("did:joule:z6MksecondVehicle")
	if len(a) != 20 || a == b || a != ocpp.Token("did:joule:z6MkfirstVehicle") {
		t.Fatal(a, b)
	}
}
