package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"joulepay/settle/client"
)

// Snapshots gives the ledger at its last final checkpoint as a file, which the API closes.
type Snapshots interface {
	Snapshot(context.Context) (SnapshotFile, error)
}

// SnapshotFile is a snapshot that is ready to be sent.
type SnapshotFile struct {
	io.ReadSeekCloser
	Checkpoint uint64 // number of the final checkpoint
	ID         client.ID
}

// Limits of snapshots. Each costs the node a look at every slot and a file of that size.
const (
	snapshotsMax    = 2
	snapshotTimeout = 30 * time.Minute // a gigabyte at 5 Mbit/s
)

// snapshot sends the file. Parts of it cannot be asked for: the next request gets another one.
func (s *server) snapshot(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	select {
	case s.snapshotsInHand <- struct{}{}:
		defer func() { <-s.snapshotsInHand }()
	default:
		w.Header().Set("Retry-After", "60")
		return client.NewProblem(client.ErrRateLimited, fmt.Sprintf("%d snapshots are being sent", snapshotsMax), "try again in a minute")
	}
	file, err := s.Snapshots.Snapshot(r.Context())
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(snapshotTimeout)) // else the server's own holds
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", fmt.Sprint(size))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=\"checkpoint-%d.snapshot\"", file.Checkpoint))
	h.Set("ETag", `"`+file.ID.String()+`"`)
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, file) // a reader who is gone needs no answer
	}
	return nil
}
