package measure

import "time"

// Merge gives curves with a factor fewer points: each the least, the most and the mean of the means of its neighbours that
// are known.
func (c Curves) Merge(factor int) Curves {
	if factor <= 1 {
		return c
	}
	out := Curves{Start: c.Start, Width: c.Width * time.Duration(factor), Points: (c.Points + factor - 1) / factor}
	for _, s := range c.Series {
		merged := Series{Quantity: s.Quantity, Name: s.Name}
		for from := 0; from < c.Points; from += factor {
			var p point
			for i := from; i < min(from+factor, c.Points); i++ {
				if s.Mean[i] != Unknown {
					q := point{min: s.Min[i], max: s.Max[i], known: 1}
					q.sum.add(s.Mean[i], 1)
					p.join(q)
				}
			}
			merged.addPoint(p)
		}
		out.Series = append(out.Series, merged)
	}
	return out
}
