package ocmf

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes foreign text safe to log and to show: what cannot be printed, what turns the direction of writing, and
// what a logger might expand (${…}) is replaced by a dot, and the text is clipped.
func Printable(text string) string {
	const shown = 80
	var b strings.Builder
	letters := 0
	for i, r := range text {
		if letters++; letters > shown {
			b.WriteRune('…')
			break
		}
		switch {
		case r == utf8.RuneError, !unicode.IsPrint(r),
			r == '$' && strings.HasPrefix(text[i+1:], "{"):
			b.WriteRune('·')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quoted shows foreign text in an error.
func quoted(text string) string { return strconv.Quote(Printable(text)) }
