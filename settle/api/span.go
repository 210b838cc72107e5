package api

import (
	"context"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/store"
)

// heights turns a span of ledger time into heights of the log: from is the first, before the one after the last, or 0 for no
// bound. any is false where the log has nothing of that time. Ledger time never falls from one entry to the next, so they are found by halving.
func heights(ctx context.Context, n *node.Node, span client.Span) (from, before uint64, any bool, err error) {
	if !span.Since.IsZero() {
		if from, err = heightAt(ctx, n, settle.LedgerTimeOf(span.Since)); err != nil {
			return 0, 0, false, err
		}
	}
	if span.Until.IsZero() {
		return from, 0, true, nil
	}
	before, err = heightAt(ctx, n, settle.LedgerTimeOf(span.Until))
	return from, before, before > from, err
}

// heightAt gives a height below which every vertex is earlier than a time, and from which on none is.
func heightAt(ctx context.Context, n *node.Node, at settle.LedgerTime) (uint64, error) {
	low, high := uint64(0), n.Status().Head.Height+1
	for low < high {
		middle := low + (high-low+1)/2
		newest, err := n.Vertices(ctx, store.VertexQuery{Page: store.Page{Before: middle, Limit: 1}})
		switch {
		case err != nil:
			return 0, err
		case len(newest) == 0 || newest[0].Time < at:
			low = middle
		default:
			high = newest[0].Height
		}
	}
	return low, nil
}
