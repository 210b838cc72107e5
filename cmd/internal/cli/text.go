package cli

import (
	"strings"
	"unicode"
)

// clipAt bounds foreign text in messages.
const clipAt = 60

func clip(text string) string {
	if runes := []rune(text); len(runes) > clipAt {
		return string(runes[:clipAt]) + "…"
	}
	return text
}

// clean makes text safe for a terminal: what a peer sent must not move the cursor, hide or fake lines.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return '·'
		default:
			return r
		}
	}, text)
}

// oneLine joins the lines of a message, as errors.Join makes them, and cleans it.
func oneLine(text string) string {
	return clean(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// nearest gives the candidate that a mistyped word most likely means, or "".
func nearest(word string, candidates []string) string {
	const letters = 3 // more wrong letters than these are another word
	best, bestDistance := "", min(max(1, len(word)/2), letters)+1
	for _, candidate := range candidates {
		d := distance(word, candidate)
		if len(word) >= 3 && strings.HasPrefix(candidate, word) {
			d = 1
		}
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace between two words (Levenshtein).
func distance(a, b string) int {
	a, b = clip(a), clip(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
