package spawn

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
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
	files   []*os.File
	readers sync.WaitGroup
}

// readOutput reads both streams until they end, or end is called.
func readOutput(log hclog.Logger, stdout, stderr *os.File) *output {
	o := &output{files: []*os.File{stdout, stderr}}
	o.readers.Go(func() { o.read(stdout, log.With("stream", "stdout")) })
	o.readers.Go(func() { o.read(stderr, log.With("stream", "stderr")) })
	return o
}

func (o *output) read(file *os.File, log hclog.Logger) {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxLine+2)
	scanner.Split(splitLine)
	for scanner.Scan() {
		line := printable(scanner.Text())
		o.tail.add(line)
		log.Info(line)
	}
}

// end waits for the readers: until the streams end, or for the grace.
func (o *output) end() {
	for _, file := range o.files {
		file.SetReadDeadline(time.Now().Add(outputGrace))
	}
	o.readers.Wait()
	for _, file := range o.files {
		file.Close()
	}
}

// splitLine is a bufio.SplitFunc: a line without its end (LF or CRLF), or maxLine bytes of it.
func splitLine(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 && i <= maxLine {
		return i + 1, bytes.TrimSuffix(data[:i], []byte{'\r'}), nil
	}
	if len(data) > maxLine {
		return maxLine, data[:maxLine], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
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
