package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Way is where a path leads.
type Way struct {
	Steps []Step
	End   Step  // its folder is the real path of the end, or "" if that is not there
	Err   error // why nobody could go that way; then there is nothing else
}

// A Step is a folder on the way, by its real path, and the entry of it that decides where the way leads: as it is a
// symlink, or missing, or the path's end. "" = it only passes. A folder that was gone by then has no Info.
type Step struct {
	Folder string
	Info   Info
	Entry  string
	Link   Info // of the entry, if that is a symlink
}

// Walk goes as the kernel does.
func (own) Walk(at, path string) (way Way) {
	steps := split(path)
	for links := 0; len(steps) > 0; {
		step := steps[0]
		steps = steps[1:]
		if step == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, step)
		stat, err := os.Lstat(next)
		switch {
		case err != nil:
			way.add(at, step, Info{})
			return way
		case stat.Mode().Type() == fs.ModeSymlink:
			way.add(at, step, infoOf(stat))
			target, err := os.Readlink(next)
			if links++; err != nil || links > maxLinks {
				return way
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			steps = append(split(target), steps...)
		default:
			if len(steps) == 0 {
				way.add(at, step, Info{})
			} else {
				way.add(next, "", Info{})
			}
			at = next
		}
	}
	way.End = Step{Folder: at, Info: statOf(at).Info}
	return way
}

func (w *Way) add(folder, entry string, link Info) {
	w.Steps = append(w.Steps, Step{folder, statOf(folder).Info, entry, link})
}

// maxLinks is how many symlinks the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
