//go:build unix

package charging_test

import (
	"syscall"
	"testing"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/measure"
)

// BenchmarkEDF runs ACN-Sim's month of 954 sessions under EDF, bare and with all its figures.
func BenchmarkEDF(b *testing.B) {
	network := readNetwork(b)
	sessions := readSessions(b, network)
	site := network.site(b, "three_phase", 50)
	config := acnConfig(b, site, "EDF", sessions)
	recorders := map[string]func() charging.Recorder{
		"bare": func() charging.Recorder { return nil },
		"figures": func() charging.Recorder {
			return measure.New(measure.Site{Start: config.Start, Circuits: []string{"garage"}})
		},
	}
	for _, name := range []string{"bare", "figures"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				if _, err := charging.Run(config, recorders[name]()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(sessions))/(processorTime(b)-before).Seconds(), "sessions/CPU-s")
		})
	}
}

// processorTime gives what this process has used of processors: other programs on the machine do not count.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
