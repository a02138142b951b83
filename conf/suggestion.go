package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// unknown says that a key is none of the allowed ones: the nearest if one is near, else all.
func unknown(key string, allowed []string) string {
	if near := nearest(key, allowed); near != "" {
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	return "unknown key; allowed: " + strings.Join(allowed, ", ")
}

// notOneOf says that a value is none of the allowed ones, and which of them is near.
func notOneOf(value string, allowed []string) string {
	text := fmt.Sprintf("must be one of %s, not %s", strings.Join(allowed, ", "), described(value))
	if near := nearest(value, allowed); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return text
}

// nearest is the allowed word that was most likely meant, "" if none is near: at most a third of
// the word may be wrong.
func nearest(word string, allowed []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", max(1, utf8.RuneCountInString(word)/3)+1
	for _, a := range allowed {
		if d := distance(strings.ToLower(word), strings.ToLower(a)); d < least {
			best, least = a, d
		}
	}
	return best
}

// distance is the Levenshtein distance: how many letters to insert, delete or change.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			change := diagonal
			if from[i] != to[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
