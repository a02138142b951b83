package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// frame is one frame with a payload of n bytes, masked or not.
func frame(first byte, n int, masked bool) []byte {
	b := []byte{first}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	switch {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if masked {
		b = append(b, 1, 2, 3, 4)
	}
	return append(b, bytes.Repeat([]byte{0x88}, n)...) // a payload that looks like Close frames
}

func TestFramesAreFollowedToEachBoundary(t *testing.T) {
	for _, masked := range []bool{false, true} {
		for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
			one, two := frame(0x82, n, masked), frame(0x01, 3, masked)
			var f Frames
			if got := f.Next(append(bytes.Clone(one), two...)); got != len(one) || !f.Between() || f.Closed() {
				t.Errorf("payload of %d, masked %v: took %d bytes, want %d and the boundary", n, masked, got, len(one))
			}
			f.Follow(one[:len(one)-1])
			if n > 0 && f.Between() {
				t.Errorf("payload of %d: a boundary one byte too early", n)
			}
		}
	}
}

func TestCloseFrameIsNoticedOnceItsHeaderIsThere(t *testing.T) {
	var f Frames
	f.Follow(frame(0x81, 5, false))
	c := AppendClose(nil, CloseRestart, "service restart", false, 0)
	f.Follow(c[:1])
	if f.Closed() || f.Between() {
		t.Error("the frame's first byte is a Close, or a boundary")
	}
	f.Follow(c[1:2])
	if !f.Closed() || f.Between() {
		t.Error("the frame's header is no Close, or a boundary")
	}
	f.Follow(c[2:])
	if !f.Closed() || !f.Between() {
		t.Error("the frame is no Close, or its end no boundary")
	}
}

func TestCloseFrameIsWrittenForEitherSide(t *testing.T) {
	want := "\x88\x11\x03\xf4service restart"
	if got := AppendClose(nil, CloseRestart, "service restart", false, 0); string(got) != want {
		t.Errorf("for a client: %q, want %q", got, want)
	}
	got := AppendClose([]byte("x"), CloseRestart, "service restart", true, 0xa1b2c3d4)
	if len(got) != 1+2+4+17 || got[0] != 'x' || got[1] != 0x88 || got[2] != 0x80|17 {
		t.Fatalf("for an app: %q", got)
	}
	for i, c := range got[7:] {
		got[7+i] = c ^ got[3+i%4]
	}
	if string(got[7:]) != want[2:] {
		t.Errorf("for an app: unmasked %q, want %q", got[7:], want[2:])
	}
}

// FuzzFrames: however a stream is cut into pieces, its boundaries are where a reader that sees all of
// it finds them.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	f.Add([]byte("no WebSocket at all"), uint64(2))
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5}, uint64(3))
	f.Add(bytes.Join([][]byte{frame(0x82, 300, true), frame(0x89, 0, false), frame(0x88, 2, true)}, nil), uint64(4))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		ends, closed := referenceFrames(in)
		var whole, pieces Frames
		var got []int
		for at := 0; at < len(in); {
			n := whole.Next(in[at:])
			if n < 1 || n > len(in)-at {
				t.Fatalf("took %d of %d bytes", n, len(in)-at)
			}
			if at += n; whole.Between() {
				got = append(got, at)
			}
		}
		if !slices.Equal(got, ends) || whole.Closed() != closed {
			t.Errorf("boundaries %v, closed %v; want %v, %v", got, whole.Closed(), ends, closed)
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		for rest := in; len(rest) > 0; {
			n := 1 + rng.IntN(min(len(rest), 20))
			pieces.Follow(rest[:n])
			rest = rest[n:]
		}
		if pieces.Between() != whole.Between() || pieces.Closed() != whole.Closed() {
			t.Error("in pieces it ends elsewhere than whole")
		}
	})
}

// referenceFrames finds the ends of the frames in a stream, and whether one is a Close. It is written
// for the eye.
func referenceFrames(in []byte) (ends []int, closed bool) {
	for at := 0; ; {
		rest := in[at:]
		if len(rest) < 2 {
			return ends, closed
		}
		header, length := 2, uint64(rest[1]&0x7f)
		switch length {
		case 126:
			header = 4
		case 127:
			header = 10
		}
		masked := rest[1] > 0x7f
		wide := header
		if masked {
			header += 4
		}
		if len(rest) < header {
			return ends, closed
		}
		if wide > 2 {
			length = binary.BigEndian.Uint64([]byte(strings.Repeat("\x00", 10-wide) + string(rest[2:wide])))
		}
		closed = closed || rest[0]&0x0f == 8
		if length > uint64(len(rest)-header) {
			return ends, closed
		}
		at += header + int(length)
		ends = append(ends, at)
	}
}
