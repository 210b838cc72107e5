package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
)

// A cursor that callers see is the place at which a list goes on, behind a sum over it and over the list that it belongs
// to: its path and filters. What was not given for just that list is refused, not guessed at. The place itself is a height,
// a number or an id below which the list goes on, so that what is added meanwhile moves nothing.

// cursorSumSize is enough that no mistake passes. It is no secret: whoever computes one gets a page that they may read.
const cursorSumSize = 6

// listOf names the list that a request asks for, whatever the page.
func listOf(r *http.Request, values url.Values) string {
	filters := maps.Clone(values)
	delete(filters, "cursor")
	delete(filters, "limit")
	return r.URL.Path + "?" + filters.Encode()
}

func cursorSum(list, place string) []byte {
	sum := sha256.Sum256([]byte("joulepay cursor\x00" + list + "\x00" + place))
	return sum[:cursorSumSize]
}

// sealCursor gives the cursor of a place; that of the end is empty.
func sealCursor(list, place string) string {
	if place == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(list, place), place...))
}

// openCursor gives the place of a cursor.
func openCursor(list, cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorSumSize {
		return "", errCursor
	}
	place := string(raw[cursorSumSize:])
	if subtle.ConstantTimeCompare(raw[:cursorSumSize], cursorSum(list, place)) != 1 {
		return "", errCursor
	}
	return place, nil
}
