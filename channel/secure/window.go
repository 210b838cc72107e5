package secure

// windowSize is how far behind the newest a datagram may come. A link queues some thousand datagrams at most; what comes
// later was held back.
const windowSize = 2048

const wordBits = 64

// window remembers which counters were received, as in RFC 6479. Only counters of authentic datagrams enter it.
type window struct {
	next uint64 // one above the newest; 0 before the first
	bits [windowSize/wordBits + 1]uint64
}

// take enters a counter. It returns ErrReplayed or ErrStale, or nil for the first time.
func (w *window) take(counter uint64) error {
	if counter+windowSize < w.next {
		return ErrStale
	}
	word := counter / wordBits
	if counter >= w.next {
		w.advance(word)
		w.next = counter + 1
	}
	at := &w.bits[word%uint64(len(w.bits))]
	bit := uint64(1) << (counter % wordBits)
	if *at&bit != 0 {
		return ErrReplayed
	}
	*at |= bit
	return nil
}

// advance clears the words between the newest and a newer one. There is one word more than the window needs, so that none
// that is cleared is still in it.
func (w *window) advance(word uint64) {
	newest := uint64(0)
	if w.next > 0 {
		newest = (w.next - 1) / wordBits
	}
	for i := range min(word-newest, uint64(len(w.bits))) {
		w.bits[(word-i)%uint64(len(w.bits))] = 0
	}
}
