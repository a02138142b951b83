package spawn

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// logBuffer keeps the lines of children, to be read while they come.
type logBuffer struct {
	mu    sync.Mutex
	taken []Line
}

// take is a Lines.
func (b *logBuffer) take(line Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line.Raw = bytes.Clone(line.Raw)
	b.taken = append(b.taken, line)
}

func (b *logBuffer) lines() []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken)
}

// messages are the texts of all lines.
func (st *stage) messages() (messages []string) {
	st.t.Helper()
	for _, line := range st.log.lines() {
		messages = append(messages, line.Text)
	}
	return messages
}

// said returns the first logged line that begins with prefix, without it, and waits for it.
func (st *stage) said(prefix string) string {
	st.t.Helper()
	var rest string
	st.eventually("the child says "+prefix, func() bool {
		for _, line := range st.log.lines() {
			if text, ok := strings.CutPrefix(line.Text, prefix); ok {
				rest = text
				return true
			}
		}
		return false
	})
	return rest
}
