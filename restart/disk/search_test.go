package disk

import (
	"strings"
	"testing"
)

// What is left to be matched must not multiply on the way down.
func TestGlobsStayFew(t *testing.T) {
	globs := []Glob{strings.Split("**/a/**/a/**/a/**/a/**/a/**/b", "/")}
	most := len(globs[0])
	for range MostDepth {
		if _, globs = step(globs, "a", false); len(globs) > most {
			t.Fatalf("there are %d of them, want no more than %d", len(globs), most)
		}
	}
}
