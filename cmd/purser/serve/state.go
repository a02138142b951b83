package serve

import (
	"os"
	"path/filepath"
	"strings"
)

// stateFile is where a purser keeps what is to be known after its own restart: in the folder of systemd's
// StateDirectory=, else /var/lib/purser for root, else below $XDG_STATE_HOME or ~/.local/state. Without any of
// them it is "".
func stateFile(name string) string {
	dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	switch home := os.Getenv("HOME"); {
	case filepath.IsAbs(dir):
	case os.Geteuid() == 0:
		dir = "/var/lib/purser"
	case filepath.IsAbs(os.Getenv("XDG_STATE_HOME")):
		dir = filepath.Join(os.Getenv("XDG_STATE_HOME"), "purser")
	case filepath.IsAbs(home):
		dir = filepath.Join(home, ".local/state/purser")
	default:
		return ""
	}
	return filepath.Join(dir, name+".json")
}

// historyFile is where a purser keeps what has happened, beside its state file.
func historyFile(name string) string {
	state, is := strings.CutSuffix(stateFile(name), ".json")
	if !is {
		return ""
	}
	return state + ".history"
}
