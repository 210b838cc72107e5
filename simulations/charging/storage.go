package charging

import (
	"time"

	"joulepay/simulations/control"
)

// storage is a stationary battery under way.
type storage struct {
	*Storage
	stored int64
	power  int64 // milliwatts in the present step
}

func (s *storage) shown() control.Storage {
	return control.Storage{Circuit: s.Circuit, MaxMilliwatts: s.MaxMilliwatts, ReturnMilliwatts: s.ReturnMilliwatts, StoredMillijoules: s.stored,
		CapacityMillijoules: s.CapacityMillijoules, ChargePermille: s.ChargePermille, FloorMillijoules: s.FloorMillijoules,
		ReturnPermille: s.ReturnPermille, Value: s.Value}
}

// use draws or gives for a step, never more than fits or is there.
func (s *storage) use(planned int64, step time.Duration) {
	s.power = 0
	if planned > 0 {
		s.power = min(planned, s.MaxMilliwatts, control.Power(control.BeforeLoss(s.CapacityMillijoules-s.stored, s.ChargePermille), step))
		s.stored += control.AfterLoss(control.Energy(s.power, step), s.ChargePermille)
	}
	if planned < 0 {
		power := min(-planned, s.ReturnMilliwatts, control.Power(control.AfterLoss(max(s.stored-s.FloorMillijoules, 0), s.ReturnPermille), step))
		s.stored -= beforeLossUp(control.Energy(power, step), s.ReturnPermille)
		s.power = -power
	}
}
