package wire

import "fmt"

// PieceMax bounds the payload of a piece, in bytes: sealed, it fits one datagram twice over.
const PieceMax = 8 << 10

// Piece is one of those that the session sells, where they are messages themselves (station to vehicle). It is given out once it
// is counted, and again while the vehicle lacks it.
type Piece struct {
	Number  int64  `cbor:"1,keyasint"` // from 1, in the session
	Payload []byte `cbor:"2,keyasint"`
}

// Missing asks for pieces that did not arrive (vehicle to station).
type Missing struct {
	From int64 `cbor:"1,keyasint"` // number of the first one that the vehicle lacks
}

// Kind implements Message.
func (Piece) Kind() Kind { return KindPiece }

// Kind implements Message.
func (Missing) Kind() Kind { return KindMissing }

func (p Piece) check() error {
	if p.Number < 0 || len(p.Payload) > PieceMax {
		return fmt.Errorf("piece %d of %d bytes, at most %d", p.Number, len(p.Payload), PieceMax)
	}
	return nil
}

func (m Missing) check() error {
	if m.From < 0 {
		return fmt.Errorf("pieces are missing from %d on", m.From)
	}
	return nil
}
