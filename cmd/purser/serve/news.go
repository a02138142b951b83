package serve

import (
	"maps"
	"slices"
)

// News are what is wrong as it was found last, by what it is about. What is looked at again and again is logged once.
type news struct{ last map[string]string }

// of returns what is about, in order, of which something else was said the last time, or nothing.
func (n *news) of(wrong map[string]string) (about []string) {
	for _, one := range slices.Sorted(maps.Keys(wrong)) {
		if before, known := n.last[one]; !known || before != wrong[one] {
			about = append(about, one)
		}
	}
	n.last = maps.Clone(wrong)
	return about
}
