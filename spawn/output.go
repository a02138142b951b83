package spawn

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine   = 64 << 10 // bytes of a line; a longer one is logged in pieces of this size
	keptLines = 50       // of a child's output, for the error
	keptBytes = 4 << 10  // of each of them

	// outputGrace is how long after a child's exit its output may go on: a grandchild that left
	// the process group may hold the pipe for ever.
	outputGrace = 500 * time.Millisecond
)

// output is what a child prints, on its way to the log.
type output struct {
	tail    tail
	slate   *slate
	files   []*os.File
	readers sync.WaitGroup

	yielding atomic.Bool // somebody else reads on
}

// A Line is what a child or a hook has printed up to the end of a line, or 64 KiB of a longer one.
type Line struct {
	App        string
	Hook       string // its name; "" = a child printed it
	Worker     string // which worker that is; "" = it serves requests
	PID        int
	Generation int    // of a child
	Stream     string // stdout or stderr
	Raw        []byte // as it was printed, without the line feed; to be copied
	Text       string // for terminals and logs: what is not text is written as \x1b
}

func (l Line) on(stream string) Line {
	l.Stream = stream
	return l
}

// Lines takes what is printed. It must not wait: a reader of a log that does not read is no reason for
// an app to hang in its next print.
type Lines func(Line)

// readOutput reads both streams until they end, or end is called. from says whose they are.
func readOutput(lines Lines, from Line, slate *slate, stdout, stderr *os.File) *output {
	o := &output{slate: slate, files: []*os.File{stdout, stderr}}
	o.readers.Go(func() { o.read(stdout, slate.stream(0), lines, from.on("stdout")) })
	o.readers.Go(func() { o.read(stderr, slate.stream(1), lines, from.on("stderr")) })
	return o
}

func (o *output) read(file *os.File, text *pending, lines Lines, line Line) {
	for ended := false; ; {
		raw, found := text.take(ended)
		switch {
		case found:
			line.Raw = raw
			line.Text = printable(string(bytes.TrimSuffix(raw, []byte{'\r'})))
			o.tail.add(line.Text)
			lines(line)
		case ended:
			return
		default:
			ended = text.fill(file) != nil
			if ended && o.yielding.Load() {
				return
			}
		}
	}
}

// end waits for the readers: until the streams end, or for the grace.
func (o *output) end() {
	for _, file := range o.files {
		file.SetReadDeadline(time.Now().Add(outputGrace))
	}
	o.close()
}

// yield stops the readers and returns once they have stopped: lines that have come are given out, and what has come of
// the next is on the slate, where who reads on finds it.
func (o *output) yield() {
	o.yielding.Store(true)
	for _, file := range o.files {
		file.SetReadDeadline(time.Unix(1, 0))
	}
	o.close()
}

func (o *output) close() {
	o.readers.Wait()
	for _, file := range o.files {
		file.Close()
	}
	o.slate.close()
}

// splitLine finds a line without its line feed, or maxLine bytes of it; advance is what it takes of data, 0 if
// there is none yet.
func splitLine(data []byte, atEnd bool) (advance int, line []byte) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 && i <= maxLine {
		return i + 1, data[:i]
	}
	if len(data) > maxLine {
		return maxLine, data[:maxLine]
	}
	if atEnd && len(data) > 0 {
		return len(data), data
	}
	return 0, nil
}

// printable makes a line safe for a terminal and for a log: what is not text is written as \x1b.
func printable(line string) string {
	if utf8.ValidString(line) && strings.IndexFunc(line, isControl) < 0 {
		return line
	}
	var b strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRuneInString(line)
		if r == utf8.RuneError && size == 1 || isControl(r) {
			for _, c := range []byte(line[:size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(line[:size])
		}
		line = line[size:]
	}
	return b.String()
}

func isControl(r rune) bool { return r != '\t' && unicode.IsControl(r) }

// tail keeps the last lines.
type tail struct {
	mu   sync.Mutex // guards what follows
	ring [keptLines]string
	next int // lines added so far
}

func (t *tail) add(line string) {
	if len(line) > keptBytes {
		line = strings.ToValidUTF8(line[:keptBytes], "") + "…"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring[t.next%keptLines] = line
	t.next++
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := make([]string, 0, min(t.next, keptLines))
	for i := max(0, t.next-keptLines); i < t.next; i++ {
		lines = append(lines, t.ring[i%keptLines])
	}
	return lines
}
