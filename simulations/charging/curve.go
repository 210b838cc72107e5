package charging

import (
	"slices"
	"time"

	"joulepay/simulations/control"
)

// curveStep is the time for which a battery that follows a curve takes the same power. Over a taper of half an hour the energy is
// within a thousandth of what an exact integral gives.
const curveStep = 15 * time.Second

// curved tells whether the battery takes less than its most at some state of charge.
func (s *seat) curved() bool {
	return s.session.Battery.TaperFromPermille > 0 || len(s.session.Battery.Curve) > 0
}

// intake gives the millijoules that the battery draws at most in a time from its state of charge on.
func (s *seat) intake(over time.Duration) int64 {
	total, stored := int64(0), s.stored
	for over > 0 && stored < s.capacity {
		part := min(over, curveStep)
		energy := control.Energy(s.taken(stored), part)
		energy = min(energy, control.BeforeLoss(s.capacity-stored, s.session.Battery.ChargePermille))
		if energy == 0 {
			break
		}
		total += energy
		stored += control.AfterLoss(energy, s.session.Battery.ChargePermille)
		over -= part
	}
	return total
}

// taken gives the power that the battery draws when it holds so much.
func (s *seat) taken(stored int64) int64 {
	b := &s.session.Battery
	most := s.most
	if bend := s.capacity / 1000 * b.TaperFromPermille; b.TaperFromPermille > 0 && stored > bend {
		most = scale(most, s.capacity-stored, s.capacity-bend)
	}
	if len(b.Curve) > 0 {
		most = min(most, along(b.Curve, stored, s.capacity))
	}
	return most
}

// along gives a curve's power where a battery of a capacity holds so much.
func along(curve []Point, stored, capacity int64) int64 {
	i := slices.IndexFunc(curve, func(p Point) bool { return capacity/1000*p.Permille >= stored })
	switch {
	case i < 0:
		return curve[len(curve)-1].Milliwatts
	case i == 0:
		return curve[0].Milliwatts
	}
	from, to := curve[i-1], curve[i]
	begin, end := capacity/1000*from.Permille, capacity/1000*to.Permille
	if to.Milliwatts >= from.Milliwatts {
		return from.Milliwatts + scale(to.Milliwatts-from.Milliwatts, stored-begin, end-begin)
	}
	return from.Milliwatts - scale(from.Milliwatts-to.Milliwatts, stored-begin, end-begin)
}
