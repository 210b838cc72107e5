// Package layout owns the reading and writing of fixed binary layouts: big-endian integers, fixed arrays and
// length-prefixed bytes. It leaves meaning, versions and hashes to the packages whose formats these are.
// It keeps invariant I9 for all of them: a reader never panics, never allocates more than its caller allows,
// and refuses what is short, long or left over.
package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Errors of a Reader.
var (
	ErrShort    = errors.New("layout: input ends too early")
	ErrTrailing = errors.New("layout: bytes left over")
	ErrTooLong  = errors.New("layout: field longer than allowed")
	ErrVersion  = errors.New("layout: unknown version")
)

// Reader takes fields from the front of its input. After the first error every method returns zero values;
// Close reports that error.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads from b, which it never changes.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if len(r.rest) < n {
		r.err = fmt.Errorf("%w: %d bytes, want %d", ErrShort, len(r.rest), n)
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// Fail records an error that the caller found, unless one is recorded already.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Err gives the first error so far.
func (r *Reader) Err() error { return r.err }

// Len gives the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.rest) }

// Version reads one byte that must be want.
func (r *Reader) Version(want byte) {
	if got := r.Uint8(); r.err == nil && got != want {
		r.err = fmt.Errorf("%w: %d, want %d", ErrVersion, got, want)
	}
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads two bytes.
func (r *Reader) Uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads four bytes.
func (r *Reader) Uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads eight bytes.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Int64 reads eight bytes as two's complement.
func (r *Reader) Int64() int64 { return int64(r.Uint64()) }

// Fixed fills dst.
func (r *Reader) Fixed(dst []byte) { copy(dst, r.take(len(dst))) }

// Bytes reads a four-byte length and that many bytes, at most limit. The result is a copy.
func (r *Reader) Bytes(limit int) []byte {
	n := r.Uint32()
	if r.err == nil && uint64(n) > uint64(limit) {
		r.err = fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, n, limit)
	}
	if r.err != nil || n == 0 {
		return nil
	}
	return append([]byte(nil), r.take(int(n))...)
}

// UnixMilli reads a time of millisecond precision, UTC. Zero stands for the zero time.
func (r *Reader) UnixMilli() time.Time {
	ms := r.Int64()
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Close reports the first error, or ErrTrailing when input is left.
func (r *Reader) Close() error {
	if r.err == nil && len(r.rest) != 0 {
		r.err = fmt.Errorf("%w: %d", ErrTrailing, len(r.rest))
	}
	return r.err
}

// AppendBytes appends a four-byte length and v.
func AppendBytes(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// AppendInt64 appends eight bytes of two's complement.
func AppendInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// AppendUnixMilli appends a time of millisecond precision; the zero time is zero.
func AppendUnixMilli(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return AppendInt64(b, 0)
	}
	return AppendInt64(b, t.UnixMilli())
}
