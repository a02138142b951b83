package keeper

import (
	"strings"
	"testing"
)

// The name becomes part of the environment of a process of root's.
func TestAReaderIsToldOnlyWhatMayBeTheNameOfAnApp(t *testing.T) {
	for name, may := range map[string]bool{"": true, "blog": true, "blog.example-1_a": true, "a/b": false, "a=b": false, "a b": false, "a\nLD_PRELOAD=x": false, "a\x00": false, strings.Repeat("a", 65): false} {
		k := &keeping{granted: granted{confined: true}, program: []int{0}}
		if err := k.mayRead(name); (err == nil) != may {
			t.Errorf("%q: %v", name, err)
		}
	}
}
