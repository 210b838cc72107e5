package control

// equalShare raises all vehicles together until a limit holds one back, then the others without it.
type equalShare struct {
	sharing
	held []bool // of places in the queue
}

func (c *equalShare) Decide(view *View, plan *Plan) {
	c.begin(view, plan)
	c.lineUp(view, byArrival)
	c.admit(view)
	c.held = flags(c.held, len(c.queue))
	for first := 0; first < len(c.queue); {
		last := first
		for last < len(c.queue) && c.queue[last].priority == c.queue[first].priority {
			last++
		}
		c.fill(view, first, last)
		first = last
	}
	c.finish(view, plan)
}

func flags(list []bool, n int) []bool {
	if cap(list) < n {
		return make([]bool, n)
	}
	list = list[:n]
	clear(list)
	return list
}

// fill shares what there is among the places of one priority.
func (c *equalShare) fill(view *View, first, last int) {
	for level, free := int64(0), true; free; {
		level = c.rise(view, first, last, level)
		free = false
		held := false
		for i := first; i < last; i++ {
			if c.held[i] {
				continue
			}
			p := &c.queue[i]
			station := view.Vehicles[p.vehicle].Station
			next := max(level+1, p.floor+1)
			if next > p.most || c.load.Headroom(station, next) < next {
				c.held[i], held = true, true
			} else {
				free = true
			}
		}
		free = free && held
	}
	for i := first; i < last; i++ {
		p := &c.queue[i]
		station := view.Vehicles[p.vehicle].Station
		c.load.Set(station, max(c.load.Headroom(station, p.most), p.floor))
	}
}

// rise finds the greatest level to which all that are not held fit together, and sets them to it.
func (c *equalShare) rise(view *View, first, last int, level int64) int64 {
	high := level
	for i := first; i < last; i++ {
		if !c.held[i] {
			high = max(high, c.queue[i].most)
		}
	}
	for high > level {
		middle := level + (high-level+1)/2
		c.set(view, first, last, middle)
		if c.load.Fits() {
			level = middle
		} else {
			high = middle - 1
		}
	}
	c.set(view, first, last, level)
	return level
}

func (c *equalShare) set(view *View, first, last int, level int64) {
	for i := first; i < last; i++ {
		if p := &c.queue[i]; !c.held[i] {
			c.load.Set(view.Vehicles[p.vehicle].Station, max(min(level, p.most), p.floor))
		}
	}
}
