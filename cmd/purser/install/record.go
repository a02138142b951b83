package install

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// A record is what install did, so that uninstall takes back no more than that. It lies in a folder of root's:
// the user that purser runs as cannot have uninstall remove anything.
type record struct {
	files   map[string]string // path: digest of the text that was written
	folders map[string]bool   // that install made
	user    bool              // purser was made
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// readRecord returns an empty record if there is none.
func (o Options) readRecord() (record, error) {
	r := record{files: map[string]string{}, folders: map[string]bool{}}
	content, err := os.ReadFile(o.at(recordPath))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("cannot read what was installed: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		switch words := strings.Fields(line); {
		case len(words) == 3 && words[0] == "file":
			r.files[words[2]] = words[1]
		case len(words) == 2 && words[0] == "folder":
			r.folders[words[1]] = true
		case len(words) == 2 && words[0] == "user" && words[1] == ownUser:
			r.user = true
		}
	}
	return r, nil
}

func (r record) empty() bool { return len(r.files)+len(r.folders) == 0 && !r.user }

func (r record) text() string {
	var b strings.Builder
	b.WriteString("# What purser install wrote, for purser uninstall.\n")
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		fmt.Fprintf(&b, "file %s %s\n", r.files[path], path)
	}
	for _, path := range slices.Sorted(maps.Keys(r.folders)) {
		fmt.Fprintf(&b, "folder %s\n", path)
	}
	if r.user {
		fmt.Fprintf(&b, "user %s\n", ownUser)
	}
	return b.String()
}
