package disk

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func (own) Resolve(path string) (string, error) { return filepath.EvalSymlinks(path) }

func (own) Stat(folder string, names ...string) []Stat {
	found := make([]Stat, 0, len(names))
	for _, name := range names {
		found = append(found, statOf(Within(folder, name)))
	}
	return found
}

func statOf(path string) Stat {
	stat, err := os.Stat(path)
	if err != nil {
		return Stat{Err: err}
	}
	return Stat{Info: infoOf(stat)}
}

// Within is the path of a file that is named relative to a folder, or absolute.
func Within(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

// The kernel gives each program other random bytes, at another place (AT_RANDOM of getauxval(3)), which is nobody
// else's to know.
func (own) Image(pid int) string {
	if pid <= 0 {
		return ""
	}
	auxv, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(auxv)
	return string(sum[:])
}
