package dataset

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// Unpack gives the content of a file packed with gzip, which shows in its first bytes, and of any other file the file. It
// stops reading where more than FileBytesMax come out: a small file can hold a thousand times as much.
func Unpack(data []byte) ([]byte, error) {
	if len(data) > FileBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), FileBytesMax)
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return bytes.TrimPrefix(data, byteOrderMark), nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: gzip: %w", ErrRow, err)
	}
	whole, err := io.ReadAll(io.LimitReader(packed, FileBytesMax+1))
	switch {
	case len(whole) > FileBytesMax:
		return nil, fmt.Errorf("%w: more than %d bytes when unpacked", ErrLimit, FileBytesMax)
	case err != nil:
		return nil, fmt.Errorf("%w: gzip: %w", ErrRow, err)
	}
	return bytes.TrimPrefix(whole, byteOrderMark), nil
}

// byteOrderMark begins files that spreadsheets write.
var byteOrderMark = []byte("\ufeff")
