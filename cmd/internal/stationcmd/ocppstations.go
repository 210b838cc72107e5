package stationcmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/station"
	"joulepay/meter/ocmf"
)

// stationsFile is what --ocpp-stations reads.
type stationsFile struct {
	Stations []stationEntry `yaml:"stations"`
}

type stationEntry struct {
	ID           string           `yaml:"id"`
	PasswordFile string           `yaml:"password_file"` // beside this file, unless absolute; that of --ocpp-password-file when empty
	Connectors   []connectorEntry `yaml:"connectors"`
}

type connectorEntry struct {
	EVSE          string `yaml:"evse"`
	Number        int    `yaml:"number"`     // 1 when left out
	Power         string `yaml:"power"`      // that of --power when left out
	MeterKey      string `yaml:"meter_key"`  // hexadecimal
	MeterStep     string `yaml:"meter_step"` // 1Wh when left out
	RequireSigned bool   `yaml:"require_signed"`
}

const stationsHint = "docs/ocpp.md shows such a file"

// onlyFlags are those of the only connector, which a file of several has for each.
var onlyFlags = []string{"ocpp-station", "ocpp-connector", "ocpp-meter-key", "ocpp-meter-step", "ocpp-require-signed", "evse"}

// several reads the file of several stations.
func (o *ocppFlags) several(powerMw int64, password string) ([]station.OCPPStation, error) {
	for _, name := range onlyFlags {
		if o.command.Flags().Changed(name) {
			return nil, cli.Usage("write it into the file, for each connector", "--ocpp-stations and --%s: the file says it", name)
		}
	}
	raw, err := readSmall(o.stations)
	if err != nil {
		return nil, fmt.Errorf("--ocpp-stations: %w", err)
	}
	var file stationsFile
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, cli.Usage(stationsHint, "--ocpp-stations: %s: %w", o.stations, err)
	}
	if len(file.Stations) == 0 {
		return nil, cli.Usage(stationsHint, "--ocpp-stations: %s names no station", o.stations)
	}
	var out []station.OCPPStation
	for _, entry := range file.Stations {
		st, err := entry.read(filepath.Dir(o.stations), powerMw, password)
		if err != nil {
			return nil, cli.Usage(stationsHint, "--ocpp-stations: station %.60q: %w", entry.ID, err)
		}
		out = append(out, st)
	}
	return out, checkStations(out)
}

func (e stationEntry) read(dir string, powerMw int64, password string) (station.OCPPStation, error) {
	out := station.OCPPStation{ID: e.ID, Password: password}
	if e.ID == "" {
		return out, errors.New("it has no id")
	}
	if e.PasswordFile != "" {
		path := e.PasswordFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		var err error
		if out.Password, err = readOCPPPassword(path); err != nil {
			return out, err
		}
	}
	if len(e.Connectors) == 0 {
		return out, errors.New("it has no connectors")
	}
	for _, entry := range e.Connectors {
		connector, err := entry.read(powerMw)
		if err != nil {
			return out, fmt.Errorf("connector %.64q: %w", entry.EVSE, err)
		}
		out.Connectors = append(out.Connectors, connector)
	}
	return out, nil
}

func (e connectorEntry) read(powerMw int64) (station.OCPPConnector, error) {
	out := station.OCPPConnector{EVSE: e.EVSE, Number: max(e.Number, 1), MaxPowerMw: powerMw, SignedRequired: e.RequireSigned}
	var err error
	switch {
	case e.EVSE == "":
		return out, errors.New("it has no evse, by which vehicles name it")
	case e.Number < 0:
		return out, fmt.Errorf("number %d", e.Number)
	case e.RequireSigned && e.MeterKey == "":
		return out, errors.New("require_signed: the vehicle must know the meter's public key, meter_key")
	}
	if e.Power != "" {
		if out.MaxPowerMw, err = parsePower(e.Power); err != nil {
			return out, err
		}
	}
	if e.MeterKey != "" {
		if out.MeterKey, err = ocmf.DecodePublicKey(e.MeterKey, ocmf.Quirks{}, 0); err != nil {
			return out, fmt.Errorf("meter_key: %w", err)
		}
	}
	if e.MeterStep != "" {
		if out.StepMwh, err = parseStep(e.MeterStep); err != nil {
			return out, fmt.Errorf("meter_step %w", err)
		}
	}
	return out, nil
}

// checkStations refuses stations and outlets that nobody could tell apart.
func checkStations(stations []station.OCPPStation) error {
	ids, evses := map[string]bool{}, map[string]bool{}
	for _, st := range stations {
		if ids[st.ID] {
			return cli.Usage("each station has an id of its own", "--ocpp-stations: station %.60q is named twice", st.ID)
		}
		ids[st.ID] = true
		for _, c := range st.Connectors {
			if evses[c.EVSE] {
				return cli.Usage("each connector has an EVSE id of its own", "--ocpp-stations: EVSE %.64q is named twice", c.EVSE)
			}
			evses[c.EVSE] = true
		}
	}
	return nil
}
