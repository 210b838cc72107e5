package api

import (
	"context"
	"strconv"

	"joulepay/settle/client"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// checkpointScansMax bounds how many pages of the store one request reads where its filter leaves checkpoints out.
const checkpointScansMax = 4

// checkpoint gives the resource of a checkpoint.
func (l NodeLedger) checkpoint(c proof.Checkpoint, justified bool) client.Checkpoint {
	final := c.Number <= l.node.LatestFinal().Checkpoint.Number
	return client.Checkpoint{
		ID: client.ID(c.Hash()), Number: c.Number, Previous: client.ID(c.Previous), Height: c.Height, LogHash: client.ID(c.Log),
		StateRoot: client.ID(c.State), ReceiptsRoot: client.ID(c.Receipts), Time: c.Time.Time(), WitnessSet: client.ID(c.Witnesses),
		Justified: justified || final, Final: final,
	}
}

// Checkpoints implements Ledger. The cursor is one above the number of the next one.
func (l NodeLedger) Checkpoints(ctx context.Context, q client.CheckpointQuery) (client.Page[client.Checkpoint], error) {
	var page client.Page[client.Checkpoint]
	before, err := number(q.Cursor)
	if err != nil {
		return page, err
	}
	if before, err = l.checkpointsBefore(ctx, q, before); err != nil {
		return page, err
	}
	for range checkpointScansMax {
		rows, err := l.node.Checkpoints(ctx, store.Page{Before: before, Limit: limit(q.PageQuery) + 1})
		if err != nil {
			return page, err
		}
		for _, row := range rows {
			shown := l.checkpoint(row.Checkpoint, row.Certificate != nil)
			if shown.Time.Before(q.Since) {
				return page, nil // so are all that follow
			}
			if q.State == client.CheckpointJustified && !shown.Justified {
				continue
			}
			if len(page.Items) == limit(q.PageQuery) {
				page.Next = strconv.FormatUint(shown.Number+2, 10)
				return page, nil
			}
			page.Items = append(page.Items, shown)
		}
		if len(rows) <= limit(q.PageQuery) {
			return page, nil
		}
		before = rows[len(rows)-1].Checkpoint.Number + 1
	}
	page.Next = strconv.FormatUint(before, 10)
	return page, nil
}

// checkpointsBefore gives the store's cursor below which a query's checkpoints are; 0 is no bound.
func (l NodeLedger) checkpointsBefore(ctx context.Context, q client.CheckpointQuery, before uint64) (uint64, error) {
	if q.State == client.CheckpointFinal {
		before = lowest(before, l.node.LatestFinal().Checkpoint.Number+2)
	}
	if q.Until.IsZero() {
		return before, nil
	}
	newest, err := l.node.Checkpoints(ctx, store.Page{Limit: 1})
	if err != nil || len(newest) == 0 {
		return before, err
	}
	// Their times rise: the first at or after the end is found by halving.
	low, high := uint64(0), newest[0].Checkpoint.Number+1
	for low < high {
		middle := low + (high-low)/2
		rows, err := l.node.Checkpoints(ctx, store.Page{Before: middle + 2, Limit: 1}) // the newest up to the middle
		if err != nil {
			return 0, err
		}
		if len(rows) == 0 || rows[0].Checkpoint.Time.Time().Before(q.Until) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return lowest(before, low+1), nil
}
