package scenario

import (
	"time"

	"gopkg.in/yaml.v3"
)

func (s *Scenario) readNetwork(r *reader, n *yaml.Node) {
	net := &s.Network
	r.object(n, "network",
		field{"latency", "of every message", r.duration(&net.Latency, 0, 10*time.Second)},
		field{"jitter", "up to so much is added", r.duration(&net.Jitter, 0, 10*time.Second)},
		field{"loss", "of datagrams between vehicles and stations", r.probability(&net.Faults.Loss)},
		field{"duplicate", "of them", r.probability(&net.Faults.Duplicate)},
		field{"reorder", "of them", r.probability(&net.Faults.Reorder)},
		field{"ledger_loss", "of questions to the ledger, and of answers", r.probability(&net.LedgerLoss)},
	)
}

// pointNames are the instants of a crash, as files write them.
var pointNames = map[string]Point{
	"idle": PointIdle, "before-commit": PointBeforeCommit, "after-commit": PointAfterCommit, "while-sending": PointSending,
}

func (s *Scenario) readFaults(r *reader, n *yaml.Node) {
	r.list(n, "faults", "- {at: 10m, crash: north, for: 30s}", func(item *yaml.Node) {
		f := Fault{For: 30 * time.Second, Dies: PointIdle}
		// one notes which kind a fault is, before its value is read.
		one := func(kind FaultKind, read func(*yaml.Node)) func(*yaml.Node) {
			return func(n *yaml.Node) {
				if r.schema == nil && f.Kind != 0 {
					r.fail(n, "write one fault an item", "a fault that is two")
					return
				}
				f.Kind = kind
				read(n)
			}
		}
		r.object(item, "a fault",
			field{"at", "from the start", r.duration(&f.At, 0, DurationMax)},
			field{"for", "how long", r.duration(&f.For, time.Second, 24*time.Hour)},
			field{"crash", "a process that dies, and comes back with what it had stored: a party, ledger, or broker", one(FaultCrash, r.text(&f.Who))},
			field{"cut", "a process that is unreachable", one(FaultCut, r.text(&f.Who))},
			field{"partition", "processes that hear one another, and nobody else", one(FaultPartition, func(n *yaml.Node) {
				r.list(n, "partition", "[north, ledger]", func(n *yaml.Node) {
					name := ""
					r.text(&name)(n)
					f.Part = append(f.Part, name)
				})
			})},
			field{"power", "a place without power: a station, a vehicle, or site for all stations", one(FaultPower, r.text(&f.Who))},
			field{"slow", "added to the time of every message", one(FaultSlow, r.duration(&f.Slow, time.Millisecond, time.Minute))},
			field{"point", "at which instant of a step it dies", func(n *yaml.Node) {
				word := ""
				r.word(&word, "point", "idle", "before-commit", "after-commit", "while-sending")(n)
				f.Dies = pointNames[word]
			}},
		)
		if f.Kind == 0 && r.schema == nil {
			r.fail(item, "write `crash: NAME`, `cut: NAME`, `partition: [NAMES]`, `power: NAME` or `slow: TIME`", "a fault of nothing")
		}
		s.Faults = append(s.Faults, f)
	})
}

func (s *Scenario) readChaos(r *reader, n *yaml.Node) {
	r.object(n, "chaos",
		field{"crashes", "of random processes", r.count(&s.Chaos.Crashes, FaultsMax)},
		field{"cuts", "of random processes", r.count(&s.Chaos.Cuts, FaultsMax)},
		field{"partitions", "of random groups", r.count(&s.Chaos.Partitions, FaultsMax)},
		field{"power_cuts", "of random places", r.count(&s.Chaos.PowerCuts, FaultsMax)},
		field{"bursts", "of delay", r.count(&s.Chaos.Bursts, FaultsMax)},
		field{"longest", "that a fault lasts", r.duration(&s.Chaos.Longest, time.Second, 24*time.Hour)},
	)
}
