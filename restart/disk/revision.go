package disk

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"
	"unicode"
)

// maxRevision is how many bytes of a REVISION file are its revision.
const maxRevision = 100

// Revision opens nothing outside the folder: what is in it may not be trusted.
func (own) Revision(folder string) string {
	root, err := openFolder(folder)
	if err != nil {
		return ""
	}
	defer root.Close()
	if revision := firstLine(root, "REVISION", maxRevision); revision != "" {
		return revision
	}
	head := firstLine(root, ".git/HEAD", maxRevision)
	ref, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return head
	}
	if commit := firstLine(root, path.Join(".git", ref), maxRevision); commit != "" {
		return commit
	}
	return packedRef(root, ref)
}

// firstLine is the printable part of a file's first line, "" if there is no such file. No more than
// the file's first limit bytes are looked at.
func firstLine(root *os.Root, name string, limit int64) string {
	f, err := openFile(root, name)
	if err != nil {
		return ""
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(start)), "\n")
	return strings.TrimSpace(Printable(line))
}

// Printable is what a log or a terminal may be shown of a text.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// packedRef finds a branch that has no file of its own (git-pack-refs(1)).
func packedRef(root *os.Root, ref string) string {
	f, err := openFile(root, ".git/packed-refs")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if commit, name, _ := strings.Cut(lines.Text(), " "); name == ref {
			return commit
		}
	}
	return ""
}

// openFolder makes the kernel refuse what is no folder, by the slash at the end: without it, a pipe of
// that name would block.
func openFolder(path string) (*os.Root, error) { return os.OpenRoot(path + "/") }

// openFile opens a regular file only, and without waiting: a pipe of that name would block.
func openFile(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
