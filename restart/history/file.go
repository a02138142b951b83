package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"purser/restart"
)

// A file has a line of JSON for each entry, and another one for each time that an entry changed: the last of one Seq
// counts. A line is written at once, so that only the last one can be cut off when purser is killed. What is no
// longer needed goes when the file is written anew, in another that takes its place.
type file struct {
	path string // "" = there is none

	size  int64 // as we left it; -1 = it has to be written anew
	lines int
}

const (
	mostLines = 3 * most // of the file
	longLine  = 64 << 10 // bytes; a longer one is none of ours
)

// read hands out the entries of the file in their order. What cannot be understood is counted, and left out.
func (f *file) read(put func(Entry)) (damaged int, err error) {
	f.size = -1
	if f.path == "" {
		return 0, nil
	}
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, longLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch e := (Entry{}); {
		case errors.Is(err, bufio.ErrBufferFull):
			damaged++
			if err := skipLine(lines); err != nil {
				return damaged, endless(err)
			}
			continue
		case len(bytes.TrimSpace(line)) == 0:
		case json.Unmarshal(line, &e) != nil || e.Seq == 0 || e.Kind == "":
			if err == nil { // else it was cut off as purser was killed
				damaged++
			}
		default:
			put(e)
		}
		if err != nil {
			return damaged, endless(err)
		}
	}
}

// endless is nil at the end of a file.
func endless(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func skipLine(lines *bufio.Reader) error {
	for {
		if _, err := lines.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// append adds the line of an entry, which is one of all. If the file is not as we left it, or has grown long, it is
// written anew.
func (f *file) append(e Entry, all []Entry) error {
	if f.path == "" {
		return nil
	}
	if f.size < 0 || f.lines >= mostLines {
		return f.rewrite(all)
	}
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f.rewrite(all)
	} else if err != nil {
		return err
	}
	defer out.Close()
	if found, err := out.Stat(); err != nil || found.Size() != f.size {
		return f.rewrite(all)
	}
	line := lineOf(e)
	if _, err := out.Write(line); err != nil {
		f.size = -1 // some of it may be there
		return err
	}
	f.size += int64(len(line))
	f.lines++
	return nil
}

// rewrite puts a new file in the place of the old.
func (f *file) rewrite(all []Entry) error {
	if f.path == "" {
		return nil
	}
	f.size = -1
	var text bytes.Buffer
	for _, e := range all {
		text.Write(lineOf(e))
	}
	if err := restart.WriteState(f.path, text.Bytes()); err != nil {
		return err
	}
	f.size, f.lines = int64(text.Len()), len(all)
	return nil
}

func lineOf(e Entry) []byte {
	line, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("BUG: an entry is no JSON: %v", err))
	}
	return append(line, '\n')
}
