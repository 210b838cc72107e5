package station

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/meter/ocpp"
)

// ocppMemory is an ocpp.Memory of one small file for each connector.
type ocppMemory struct{ dir string }

var _ ocpp.Memory = ocppMemory{}

func openOCPPMemory(dir string) (ocppMemory, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ocppMemory{}, fmt.Errorf("the central system's memory: %w", err)
	}
	return ocppMemory{dir}, nil
}

// path names a file by a hash of the station's identity, which may be any text.
func (m ocppMemory) path(station string, connector int) string {
	sum := sha256.Sum256([]byte(station))
	return filepath.Join(m.dir, fmt.Sprintf("%s-%d.json", hex.EncodeToString(sum[:8]), connector))
}

// Keep implements ocpp.Memory. If we crash here, the file is what it was, or what it is to be.
func (m ocppMemory) Keep(station string, connector int, state []byte) error {
	path := m.path(station, connector)
	temporary, err := os.CreateTemp(m.dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // it is gone once it has its name
	_, err = temporary.Write(state)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(m.dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// kept gives what was kept of a connector; nil for nothing.
func (m ocppMemory) kept(station string, connector int) ([]byte, error) {
	file, err := os.Open(m.path(station, connector))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the central system's memory: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, ocpp.KeptSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("the central system's memory: %w", err)
	}
	return raw, nil // one that is larger is refused where it is read
}

// interrupted gives the sessions that go on at each EVSE.
func interrupted(ctx context.Context, s store.Store) (map[string]ocpp.Unfinished, error) {
	records, err := s.Unfinished(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading unfinished sessions: %w", err)
	}
	out := map[string]ocpp.Unfinished{}
	for _, r := range records {
		evse := evseOf(r)
		if _, first := out[evse]; first || r.Role != session.RolePayee || r.Phase >= session.PhaseSettling {
			continue
		}
		out[evse] = ocpp.Unfinished{Holder: r.Peer.String(), Stopping: r.Phase >= session.PhaseStopping}
	}
	return out, nil
}
