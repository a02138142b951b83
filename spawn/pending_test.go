package spawn

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// read returns the lines that are complete, after one read.
func (p *pending) read(t *testing.T, from *os.File) (lines []string) {
	t.Helper()
	check(t, p.fill(from))
	for {
		line, found := p.take(false)
		if !found {
			return lines
		}
		lines = append(lines, string(line))
	}
}

func TestAHalfLineIsGoneOnWithByTheNextFront(t *testing.T) {
	out, in, err := os.Pipe()
	check(t, err)
	defer out.Close()
	defer in.Close()
	first := newSlate()
	defer first.close()
	in.WriteString("whole\nhalf")
	if lines := first.stream(1).read(t, out); !slices.Equal(lines, []string{"whole"}) {
		t.Errorf("the first front has %q", lines)
	}
	handedOn, err := unix.Dup(int(first.file.Fd()))
	check(t, err)
	next := openSlate(os.NewFile(uintptr(handedOn), "output"))
	defer next.close()
	in.WriteString(" a line\n" + strings.Repeat("x", maxLine/2) + "\n")
	var lines []string
	for len(lines) < 2 {
		lines = append(lines, next.stream(1).read(t, out)...)
	}
	if want := []string{"half a line", strings.Repeat("x", maxLine/2)}; !slices.Equal(lines, want) {
		t.Errorf("the next front has %.100q", lines)
	}
}

func TestMemoryThatHoldsNonsenseHoldsNoText(t *testing.T) {
	for _, head := range []string{"\xff\xff\xff\xff\x00\x00\x00\x00", "\x00\x00\x00\x00\xff\xff\xff\xff", "\x02\x00\x00\x00\x01\x00\x00\x00"} {
		p := newPending(append([]byte(head), make([]byte, pendingSize)...))
		if line, found := p.take(true); found {
			t.Errorf("it holds %q", line)
		}
	}
}
