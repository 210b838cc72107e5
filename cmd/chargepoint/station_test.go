package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocpp/ocpptest"
)

// chargingStation is a charging station that speaks OCPP 1.6, as a process: it goes on when its central system is killed.
func chargingStation(app *cli.App) *cobra.Command {
	var s ocpptest.Simulated
	var vehicle, password string
	var signs bool
	command := &cobra.Command{Use: "charging-station URL", Args: cobra.ExactArgs(1)}
	f := command.Flags()
	f.IntVar(&s.Connector, "connector", 1, "")
	f.IntVar(&s.TickWh, "tick-wh", 1, "")
	f.DurationVar(&s.Tick, "tick", 100*time.Millisecond, "")
	f.IntVar(&s.ResetAtWh, "reset-at", 0, "")
	f.BoolVar(&s.HoldsStop, "hold-stop", false, "")
	f.BoolVar(&signs, "sign", false, "")
	f.StringVar(&password, "password", "", "")
	f.StringVar(&vehicle, "vehicle", "", "file of what the vehicle measures")
	command.RunE = func(command *cobra.Command, args []string) error {
		s.URL, s.Password, s.RegisterWh, s.Says = args[0], password, 5000, command.OutOrStdout()
		s.ID = s.URL[strings.LastIndexByte(s.URL, '/')+1:]
		if signs {
			key, err := ocmf.GeneratePrivateKey(ocmf.P256)
			if err != nil {
				return err
			}
			s.Key = &key
			if _, err := fmt.Fprintf(s.Says, "key %s\n", hex.EncodeToString(key.Public().DER())); err != nil {
				return err
			}
		}
		if vehicle != "" {
			file, err := os.OpenFile(vehicle, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }() // the vehicle reads what was written
			s.Vehicle = file
		}
		return s.Run(app.Stopping())
	}
	return command
}
