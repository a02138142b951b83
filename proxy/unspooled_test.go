package proxy

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/sock"
)

func TestManyAnswersThatCannotBeSpooledDoNotFillTheLog(t *testing.T) {
	const many, mostSeconds = 10_000, 20 // that this may take
	var out bytes.Buffer
	l := unspooledLog{log: hclog.New(&hclog.LoggerOptions{Output: &out}), ration: ration{clock: sock.NewSweeper().Clock}}
	for range many {
		l.note(errors.New("no space left on device"))
	}
	if lines := strings.Count(out.String(), "cannot spool an answer"); lines == 0 || lines > mostSeconds*linesPerSecond {
		t.Errorf("%d lines for %d answers", lines, many)
	}
}
