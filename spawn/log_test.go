package spawn

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// logBuffer is a log sink that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

type logLine struct {
	Message string `json:"@message"`
	App     string
	PID     int
	Gen     int
	Hook    string
	Stream  string
}

func (b *logBuffer) lines(t *testing.T) (lines []logLine) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for text := range strings.Lines(b.buf.String()) {
		var line logLine
		check(t, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	return lines
}

// messages are the texts of all lines.
func (st *stage) messages() (messages []string) {
	st.t.Helper()
	for _, line := range st.log.lines(st.t) {
		messages = append(messages, line.Message)
	}
	return messages
}

// said returns the first logged line that begins with prefix, without it, and waits for it.
func (st *stage) said(prefix string) string {
	st.t.Helper()
	var rest string
	st.eventually("the child says "+prefix, func() bool {
		for _, line := range st.log.lines(st.t) {
			if text, ok := strings.CutPrefix(line.Message, prefix); ok {
				rest = text
				return true
			}
		}
		return false
	})
	return rest
}
