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
