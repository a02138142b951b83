package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file is the parts of a note of which there are many, each as a short line.

// A mark is something that a process is or is not, as one letter.
type mark struct {
	letter byte
	is     *bool
}

func (p *notedProcess) marks() [5]mark {
	return [...]mark{{'b', &p.booted}, {'t', &p.told}, {'n', &p.replaces}, {'o', &p.replaced}, {'w', &p.outside}}
}

// The letters of states and stages.
const (
	stateLetters = "srdkx" // spawning, ready, draining, standby (kept), stopping
	stageLetters = "-TK"   // asked, traced, killed
)

// rounding is how exact the times of processes are.
const rounding = time.Millisecond

// MarshalText writes: number, generation, letters, ms since it began, ms from there to its state, ms from there until it
// was let go, lent, limit, failures. What is 0 at the end is left out. Times are rounded so that no deadline comes early,
// and that what is slow to go stays so: others were spawned beside it.
func (p notedProcess) MarshalText() ([]byte, error) {
	letters := []byte{stateLetters[p.state]}
	if p.stage > asked {
		letters = append(letters, stageLetters[p.stage])
	}
	for _, m := range p.marks() {
		if *m.is {
			letters = append(letters, m.letter)
		}
	}
	began := p.began.Milliseconds()
	text := strconv.AppendInt(nil, int64(p.number), 10)
	text = strconv.AppendInt(append(text, ' '), int64(p.generation), 10)
	text = append(append(text, ' '), letters...)
	left := int64(0)
	if p.state > Ready {
		left = began - (p.left + rounding - 1).Milliseconds()
	}
	counts := []int64{began, began - p.since.Milliseconds(), left, int64(p.lent), int64(p.limit), int64(p.failures)}
	for len(counts) > 2 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	for _, n := range counts {
		text = strconv.AppendInt(append(text, ' '), n, 10)
	}
	return text, nil
}

// UnmarshalText reads that.
func (p *notedProcess) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	if len(words) < 5 || len(words) > 9 {
		return fmt.Errorf("%q is no process", text)
	}
	var counts [9]int64
	for i, word := range words {
		var err error
		if counts[i], err = strconv.ParseInt(word, 10, 64); err != nil && i != 2 {
			return fmt.Errorf("%q is no process: %w", text, err)
		}
	}
	*p = notedProcess{number: int(counts[0]), generation: ref(counts[1]), lent: uint64(counts[6]), limit: uint64(counts[7]), failures: int(counts[8])}
	p.began = time.Duration(counts[3]) * time.Millisecond
	p.since = p.began - time.Duration(counts[4])*time.Millisecond
	p.left = p.began - time.Duration(counts[5])*time.Millisecond
	return p.readLetters(words[2])
}

func (p *notedProcess) readLetters(letters string) error {
	state := strings.IndexByte(stateLetters, letters[0])
	if state < 0 {
		return fmt.Errorf("%q is no state", letters)
	}
	p.state = State(state)
	marks := p.marks()
	for _, letter := range []byte(letters[1:]) {
		if i := slices.IndexFunc(marks[:], func(m mark) bool { return m.letter == letter }); i >= 0 {
			*marks[i].is = true
		} else if s := strings.IndexByte(stageLetters, letter); s > 0 {
			p.stage = stage(s)
		} else {
			return fmt.Errorf("%q is no state", letters)
		}
	}
	return nil
}

// Steps are what a restart did, each as a line: ms since the one before (the first since 1970), what, pid,
// generation, note.
type notedSteps []Step

// cut is the first of them and the last, which says how it ended.
func (s notedSteps) cut(most int) notedSteps {
	if len(s) <= most {
		return s
	}
	return append(slices.Clone(s[:most-1]), s[len(s)-1])
}

// MarshalJSON writes those lines.
func (s notedSteps) MarshalJSON() ([]byte, error) {
	lines := make([]string, len(s))
	last := int64(0)
	for i, step := range s {
		at := step.At.UnixMilli()
		line := strconv.AppendInt(nil, at-last, 10)
		line = append(append(line, ' '), step.What...)
		line = strconv.AppendInt(append(line, ' '), int64(step.PID), 10)
		line = strconv.AppendInt(append(line, ' '), int64(step.Generation), 10)
		if step.Note != "" {
			line = append(append(line, ' '), step.Note...)
		}
		lines[i], last = string(line), at
	}
	return json.Marshal(lines)
}

// UnmarshalJSON reads them.
func (s *notedSteps) UnmarshalJSON(text []byte) error {
	var lines []string
	if err := json.Unmarshal(text, &lines); err != nil {
		return err
	}
	at := int64(0)
	for _, line := range lines {
		words := strings.SplitN(line, " ", 5)
		if len(words) < 4 {
			return fmt.Errorf("%q is no step", line)
		}
		ms, err1 := strconv.ParseInt(words[0], 10, 64)
		pid, err2 := strconv.Atoi(words[2])
		generation, err3 := strconv.Atoi(words[3])
		if err := errors.Join(err1, err2, err3); err != nil {
			return fmt.Errorf("%q is no step: %w", line, err)
		}
		at += ms
		step := Step{At: time.UnixMilli(at), What: words[1], PID: pid, Generation: generation}
		if len(words) > 4 {
			step.Note = words[4]
		}
		*s = append(*s, step)
	}
	return nil
}
