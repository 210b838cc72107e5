package measure

import (
	"fmt"
	"time"
)

// Recorder gathers figures while a run goes on. It is made by New and used by one goroutine.
type Recorder struct {
	site   Site
	until  time.Time // end of the last step
	grid   grid
	visits visits
	pay    payments
	curves curves
}

// New makes a recorder. It panics on a site without a circuit: a site has a connection.
func New(site Site) *Recorder {
	if len(site.Circuits) == 0 {
		panic("measure: a site without a circuit")
	}
	return &Recorder{
		site: site, until: site.Start, grid: newGrid(site), visits: newVisits(), curves: newCurves(site),
	}
}

// Add records a step. Steps come in the order of time and do not overlap; between them nothing flowed. A step of no
// length is passed over. It panics on a step that breaks these rules or has lists of other lengths than the site's: the
// engine is wrong then.
func (r *Recorder) Add(s Step) {
	if s.Length == 0 {
		return
	}
	if s.Length < 0 || s.At.Before(r.until) || len(s.Circuits) != len(r.site.Circuits) || len(s.StateOfCharge) != len(r.site.Watched) {
		panic(fmt.Sprintf("measure: step at %s of %s, %d circuits and %d vehicles does not follow %s of %d circuits and %d vehicles",
			s.At, s.Length, len(s.Circuits), len(s.StateOfCharge), r.until, len(r.site.Circuits), len(r.site.Watched)))
	}
	r.until = s.At.Add(s.Length)
	r.grid.add(&s)
	r.pay.risk(&s)
	r.curves.add(&s)
}

// AddVisit records a visit that is over.
func (r *Recorder) AddVisit(v Visit) { r.visits.add(v) }

// AddChannels counts channels that opened.
func (r *Recorder) AddChannels(n int) { r.pay.channels += int64(n) }

// AddClaims counts claims that a payee accepted at a time.
func (r *Recorder) AddClaims(at time.Time, n int) {
	r.pay.claims += int64(n)
	r.curves.count(&r.curves.claims, at, int64(n))
}

// AddVertices counts vertices that the ledger accepted at a time.
func (r *Recorder) AddVertices(at time.Time, n int) {
	r.pay.vertices += int64(n)
	r.curves.count(&r.curves.vertices, at, int64(n))
}

// AddFinal records how long a vertex took from its submission to the certificate that makes it final.
func (r *Recorder) AddFinal(took time.Duration) { r.pay.final.add(took) }

// Figures gives what all that was recorded comes to. More may be recorded after it.
func (r *Recorder) Figures() Figures {
	f := Figures{Grid: r.grid.figures(), Service: r.visits.figures(r.site.Currency)}
	f.Money = r.visits.money(r.site.Currency)
	r.grid.bill(&f.Money, r.site.Currency)
	f.Payments = r.pay.figures(r.site.Currency, f.Service.Delivered)
	return f
}

// Visits gives the first VisitsMax visits in the order in which they were added.
func (r *Recorder) Visits() []Visit { return r.visits.kept }

// Curves gives what was recorded over time.
func (r *Recorder) Curves() Curves { return r.curves.result() }
