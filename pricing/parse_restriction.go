package pricing

import (
	"fmt"
	"slices"
	"time"
)

// elapsedMax bounds min_duration and max_duration: beyond ten years they are mistakes.
const elapsedMax = 10 * 366 * daySeconds

var weekdayNames = []string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

var restrictionFields = []string{
	"start_time", "end_time", "start_date", "end_date", "min_kwh", "max_kwh", "min_current", "max_current",
	"min_power", "max_power", "min_duration", "max_duration", "day_of_week", "reservation",
}

// restrictionOf reads a TariffRestrictions object.
func restrictionOf(o object) (restriction, error) {
	r := unrestricted()
	if err := o.only(restrictionFields...); err != nil {
		return r, err
	}
	bounds := []struct {
		name string
		into *int64
		read func(object, string) (int64, error)
	}{
		{"start_time", &r.spans[axisSecond].from, timeOfDay},
		{"end_time", &r.spans[axisSecond].until, endOfTime},
		{"start_date", &r.spans[axisDay].from, dayNumber},
		{"end_date", &r.spans[axisDay].until, dayNumber},
		{"min_kwh", &r.spans[axisEnergy].from, energyBound},
		{"max_kwh", &r.spans[axisEnergy].until, energyBound},
		{"min_current", &r.spans[axisCurrent].from, plainBound},
		{"max_current", &r.spans[axisCurrent].until, plainBound},
		{"min_power", &r.spans[axisPower].from, plainBound},
		{"max_power", &r.spans[axisPower].until, plainBound},
		{"min_duration", &r.spans[axisElapsed].from, secondsBound},
		{"max_duration", &r.spans[axisElapsed].until, secondsBound},
	}
	for _, b := range bounds {
		if !o.has(b.name) {
			continue
		}
		value, err := b.read(o, b.name)
		if err != nil {
			return r, err
		}
		*b.into = value
	}
	closeWrap(&r)
	if err := readWeekdays(o, &r); err != nil {
		return r, err
	}
	return r, readReservation(o, &r)
}

// closeWrap gives a wrapping span of the day both its ends: an end without a start begins with the day.
func closeWrap(r *restriction) {
	s := &r.spans[axisSecond]
	if *s == everything {
		return
	}
	s.from = max(s.from, 0)
	s.until = min(s.until, daySeconds)
}

func timeOfDay(o object, name string) (int64, error) {
	text, err := o.text(name, true)
	if err != nil {
		return 0, err
	}
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, o.errorf(name, "%.40q, want hours and minutes such as 09:30", text)
	}
	return int64(at.Hour()*3600 + at.Minute()*60), nil
}

// endOfTime reads an end of day: "00:00" is midnight at its end.
func endOfTime(o object, name string) (int64, error) {
	second, err := timeOfDay(o, name)
	if second == 0 {
		second = daySeconds
	}
	return second, err
}

func dayNumber(o object, name string) (int64, error) {
	text, err := o.text(name, true)
	if err != nil {
		return 0, err
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, o.errorf(name, "%.40q, want a date such as 2026-12-24", text)
	}
	return day.Unix() / daySeconds, nil
}

// energyBound reads kWh; what no session reaches is the same as the most that one may reach.
func energyBound(o object, name string) (int64, error) {
	v, err := o.number(name)
	if err != nil {
		return 0, err
	}
	if v < 0 {
		return 0, o.errorf(name, "%w: %s", ErrNumber, v)
	}
	return int64(min(v, quantityMax/quantityPerFixed)) * quantityPerFixed, nil
}

func plainBound(o object, name string) (int64, error) {
	v, err := o.number(name)
	if err == nil && v < 0 {
		err = o.errorf(name, "%w: %s", ErrNumber, v)
	}
	return int64(v), err
}

func secondsBound(o object, name string) (int64, error) { return o.integer(name, elapsedMax) }

func readWeekdays(o object, r *restriction) error {
	days, err := o.list("day_of_week", len(weekdayNames)*2)
	if err != nil || len(days) == 0 {
		return err
	}
	r.weekdays = 0
	for _, day := range days {
		name, _ := day.(string)
		at := slices.Index(weekdayNames, name)
		if at < 0 {
			return o.errorf("day_of_week", "%s is no DayOfWeek", fmt.Sprintf("%.20q", fmt.Sprint(day)))
		}
		r.weekdays |= 1 << at
	}
	return nil
}

func readReservation(o object, r *restriction) error {
	name, err := o.text("reservation", false)
	if err != nil || name == "" {
		return err
	}
	at := slices.Index(reservationNames[1:], name)
	if at < 0 {
		return o.errorf("reservation", "%.40q, want RESERVATION or RESERVATION_EXPIRES", name)
	}
	r.reservation = Reservation(at + 1)
	return nil
}
