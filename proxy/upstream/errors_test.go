package upstream

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyWhatWasNotSentAtAllMayBeSentAgain(t *testing.T) {
	for _, c := range []struct {
		sent int
		err  error
		want error
	}{
		{0, unix.EPIPE, ErrUnsent},
		{0, unix.ECONNRESET, ErrUnsent}, // of an app on TCP that closed its listener
		{1, unix.EPIPE, ErrNoAnswer},
		{1, unix.ECONNRESET, ErrUnread},
	} {
		if got := unanswered(c.sent, c.err); !errors.Is(got, c.want) {
			t.Errorf("%v after %d bytes: %v, want %v", c.err, c.sent, got, c.want)
		}
	}
}
