package scenario

// Suggest says which of some names may have been meant by a word that is none of them, and all that there are.
func Suggest(word string, names []string) string { return suggest(word, names) }
