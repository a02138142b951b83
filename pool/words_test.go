package pool

import (
	"context"
	"fmt"
	"testing"
)

func TestReasonsHaveNoWordsOfGo(t *testing.T) {
	g := &roster{}
	g.app.Name = "blog"
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "exited with status 0"},
		{fmt.Errorf("not ready: %w", context.Canceled), "its start was given up"},
		{fmt.Errorf(`cannot start app "blog": exited with status 1`), "exited with status 1"},
	} {
		if got := g.reason(c.err); got != c.want {
			t.Errorf("the reason of %v is %q, want %q", c.err, got, c.want)
		}
	}
	for n, want := range map[int]string{0: "0 processes", 1: "1 process", 2: "2 processes"} {
		if got := counted(n, "process", "processes"); got != want {
			t.Errorf("%d are %q, want %q", n, got, want)
		}
	}
}
