package faults_test

import (
	"os"
	"testing"

	"joulepay/internal/powercut"
)

// cutsEach is for how many power cuts of the record, afterwards, one is made under running processes.
const cutsEach = 25

func TestI4_PowerCutsLoseNoAcknowledgedClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{shim: powercut.Build(t)})
	cuts := w.run.Size("cuts", 100)
	d := w.drive("60Wh")
	for range max(cuts/cutsEach, 1) {
		w.progress()
		w.aim()
		for _, name := range [][]string{{"charger"}, {"vehicle"}, {"ledger"}, {"vehicle", "charger"}, {"ledger", "charger"}}[w.pick(5)] {
			w.cutPower(d, name)
		}
		w.audit()
	}
	w.outcome(d)
	for _, name := range []string{"charger", "vehicle"} { // the ledger's promises are its vertices: outcome asks for them
		w.cutAfterwards(w.recorders[name], cuts)
	}
}

// cutPower cuts the power of a party under its running process: it comes back with what its disk kept.
func (w *world) cutPower(d *driver, name string) {
	w.t.Helper()
	hold, release := w.charger.hold, w.charger.release
	switch name {
	case "vehicle":
		hold, release = d.hold, d.release
	case "ledger":
		hold, release = w.ledger.hold, w.ledger.release
	}
	hold()
	w.recorders[name].cut(uint64(w.pick(1000)))
	release()
	w.run.Count("power cuts under the running "+name, 1)
}

// cutAfterwards cuts the power at moments spread over everything that a party ever wrote: its store must open, and hold
// what the party had promised by then. On a disk that ignores syncs some must be lost, or the test would find nothing.
func (w *world) cutAfterwards(r *recorder, cuts int) {
	w.t.Helper()
	lost := 0
	for i := range cuts {
		record := r.records[i%len(r.records)]
		log := r.read(record)
		moment := powercut.Moment{At: w.pick(log.Len() + 1), Seed: uint64(w.pick(1000))}
		for _, loss := range w.rebuild(r, record, log, moment) {
			w.breaks("I4: power cut of the %s at %s: %s", r.name, moment, loss)
		}
		lost += len(w.rebuild(r, record, log.WithoutSyncs(), moment))
	}
	w.check()
	w.run.Count("power cuts in the record of the "+r.name, cuts)
	w.run.Count("losses when its disk ignores syncs", lost)
	if lost == 0 {
		w.fail("a disk that ignores syncs loses nothing: the test shows nothing")
	}
}

// rebuild opens what a disk may hold after a moment, and tells what is missing in it.
func (w *world) rebuild(r *recorder, record *record, log *powercut.Log, moment powercut.Moment) []string {
	w.t.Helper()
	into := w.folder("rebuilt")
	w.noError(os.Mkdir(into, 0o700))
	defer func() { w.noError(os.RemoveAll(into)) }()
	w.noError(log.Rebuild(moment, w.logs, into)) // the logs are no party's files
	held, err := openPage(w.ctx(), into)
	if err != nil {
		return []string{err.Error()}
	}
	return r.broken(log, record, moment.At, held)
}
