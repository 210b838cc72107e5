package share

// Remembered gives how many exchanges a receiver remembers.
func Remembered(r *Receiver) int { return len(r.exchanges) }
