package grid

// Connection says between which conductors a load lies. Its current has the angle of the voltage between them.
type Connection uint8

// Connections. The phases follow one another by 120 degrees: A at 0, B at -120, C at 120; AB is at 30, BC at -90, CA at 150.
const (
	Balanced Connection = iota // three equal loads, from each phase to neutral
	A                          // from one phase to neutral
	B
	C
	AB // between two phases
	BC
	CA
)

// connectionLast bounds what a file may say.
const connectionLast = CA

// phasor is a current with its angle, in amperes. Angles are multiples of 30 degrees, so sines are constants: what
// math.Sin gives differs between machines in its last bit.
type phasor struct{ re, im float64 }

// Sines that occur.
const (
	half       = 0.5
	halfRoot3  = 0.86602540378443864676 // sin 60°
	conductors = 3
)

// angle gives the direction of a connection's current.
func (c Connection) angle() phasor {
	switch c {
	case B:
		return phasor{-half, -halfRoot3}
	case C:
		return phasor{-half, halfRoot3}
	case AB:
		return phasor{halfRoot3, half}
	case BC:
		return phasor{0, -1}
	case CA:
		return phasor{-halfRoot3, half}
	default:
		return phasor{1, 0}
	}
}

// in gives what one ampere of the connection is in each of the three conductors.
func (c Connection) in() [conductors]phasor {
	u := c.angle()
	back := phasor{-u.re, -u.im}
	switch c {
	case A:
		return [conductors]phasor{0: u}
	case B:
		return [conductors]phasor{1: u}
	case C:
		return [conductors]phasor{2: u}
	case AB:
		return [conductors]phasor{0: u, 1: back}
	case BC:
		return [conductors]phasor{1: u, 2: back}
	case CA:
		return [conductors]phasor{2: u, 0: back}
	default:
		return [conductors]phasor{A.angle(), B.angle(), C.angle()}
	}
}

// Loads gives in how many equal parts a power is split.
func (c Connection) Loads() int64 {
	if c == Balanced {
		return conductors
	}
	return 1
}

// pair tells whether the connection is between two phases.
func (c Connection) pair() bool { return c >= AB }

func (p phasor) times(x float64) phasor { return phasor{float64(p.re * x), float64(p.im * x)} }

func (p phasor) plus(q phasor) phasor { return phasor{p.re + q.re, p.im + q.im} }

// square gives the square of the magnitude.
func (p phasor) square() float64 { return p.dot(p) }

// dot gives the product of two magnitudes and the cosine between them. Products are rounded before they are added.
func (p phasor) dot(q phasor) float64 { return float64(p.re*q.re) + float64(p.im*q.im) }
