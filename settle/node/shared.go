package node

import (
	"context"
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/gossip"
	"joulepay/settle/store"
)

// Peers exchange entries with their verdicts, so that a log hash can be checked before anything is applied.

// encodeShared gives the verdict (1) and the canonical entry.
func encodeShared(e store.Entry) []byte {
	out := []byte{byte(e.Verdict)}
	if e.Kind == dag.EntryVertex {
		out = append(out, byte(dag.EntryVertex))
	}
	return append(out, e.Raw...)
}

func decodeShared(raw []byte) (settle.Verdict, dag.Entry, error) {
	if len(raw) == 0 {
		return 0, dag.Entry{}, fmt.Errorf("%w: an empty entry", ErrPeer)
	}
	e, err := dag.DecodeEntry(raw[1:])
	if err != nil {
		return 0, dag.Entry{}, fmt.Errorf("%w: %w", ErrPeer, err)
	}
	return settle.Verdict(raw[0]), e, nil
}

// errEnough ends a page.
var errEnough = errors.New("node: enough")

// SharedEntries gives a page of a store's log as gossip.Source has it.
func SharedEntries(ctx context.Context, from store.Store, after, upTo uint64) ([][]byte, error) {
	var page [][]byte
	size := 0
	err := from.Entries(ctx, after, func(e store.Entry) error {
		raw := encodeShared(e)
		if size += len(raw) + 4; e.Height > upTo || size > gossip.PageSizeMax && len(page) > 0 {
			return errEnough
		}
		page = append(page, raw)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if len(page) == 0 {
		return nil, gossip.ErrNothing
	}
	return page, nil
}
