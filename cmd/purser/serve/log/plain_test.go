package log

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMessagesHaveNoWordsOfGo(t *testing.T) {
	st := newStage(t, nil)
	log := st.Named("pool").With("app", "blog")
	log.Info("ready", "boot", 1234*time.Millisecond, "retry-at", time.Now().Add(time.Second))
	log.Error("failed", "error", fmt.Errorf("cannot stop: %w", context.Canceled), "reason", context.DeadlineExceeded.Error())
	st.says("reason=")
	said := st.stderr.String()
	for _, want := range []string{`boot="1.2 s"`, `error="cannot stop: it was given up"`, `reason="its time was over"`} {
		if !strings.Contains(said, want) {
			t.Errorf("there is no %s in\n%s", want, said)
		}
	}
	for _, not := range []string{"m=+", "context", "1.234"} {
		if strings.Contains(said, not) {
			t.Errorf("there is %s in\n%s", not, said)
		}
	}
}
