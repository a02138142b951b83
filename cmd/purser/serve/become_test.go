package serve

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRootThatMayNeitherGiveFilesNorEndOthersServesItself(t *testing.T) {
	for _, c := range []struct {
		effective uint32
		want      []string
	}{
		{1<<unix.CAP_CHOWN | 1<<unix.CAP_KILL | 1<<unix.CAP_SETUID, nil},
		{1 << unix.CAP_KILL, []string{"CAP_CHOWN"}},
		{1 << unix.CAP_SETUID, []string{"CAP_CHOWN", "CAP_KILL"}},
	} {
		if got := lacked(c.effective); !slices.Equal(got, c.want) {
			t.Errorf("of the rights %x, %v are said to be lacked, want %v", c.effective, got, c.want)
		}
	}
}
