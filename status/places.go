package status

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// systemDir is the runtime folder of root, and of services with RuntimeDirectory=purser.
const systemDir = "/run/purser"

// RuntimeDir is where a purser that is started by this user has its sockets: the service's own folder if
// systemd made one ($RUNTIME_DIRECTORY), else /run/purser for root, else $XDG_RUNTIME_DIR/purser, else
// purser-UID in /tmp.
func RuntimeDir() string {
	if dir := systemdsDir(); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return systemDir
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "purser")
	}
	return "/tmp/purser-" + strconv.Itoa(os.Geteuid())
}

// systemdsDir is the first folder of RuntimeDirectory= (systemd.exec(5)), "" if there is none.
func systemdsDir() string {
	dir, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Clean(dir)
}

func isSystemds(dir string) bool { return filepath.Clean(dir) == systemdsDir() }

// RuntimeDirs are all folders in which a purser may have its socket that this user may talk to: his own
// first, that of services, and for root those of every user, also where a service has a /tmp of its own.
func RuntimeDirs() []string {
	dirs := []string{RuntimeDir()}
	patterns := []string{systemDir}
	if os.Geteuid() == 0 {
		patterns = append(patterns, "/run/user/*/purser", "/tmp/purser-*", "/tmp/systemd-private-*/tmp/purser-*")
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // fails only on a malformed pattern
		dirs = append(dirs, found...)
	}
	slices.Sort(dirs[1:])
	first := dirs[0]
	return slices.Concat(dirs[:1], slices.DeleteFunc(slices.Compact(dirs[1:]), func(dir string) bool { return dir == first }))
}

// Running lists the admin sockets in some folders that a purser answers on, in the order of the folders
// and their names. In a folder of which somebody else may have put a socket there are none.
func Running(dirs ...string) []string { return running("*", dirs) }

// RunningAs is Running for pursers of one name. It finds them also in folders that may be entered, but not listed.
func RunningAs(name string, dirs ...string) []string { return running(name, dirs) }

const usualName = "purser" // of one that was given no other

func running(name string, dirs []string) []string {
	var live []string
	for _, dir := range dirs {
		paths, _ := filepath.Glob(filepath.Join(dir, name+".sock"))
		if usual := filepath.Join(dir, usualName+".sock"); name == "*" && !slices.Contains(paths, usual) {
			paths = append(paths, usual) // a member of admin_group may enter the folder of root's purser, but not list it
		}
		for _, path := range paths {
			if isOwners(dir, path) && answers(path) {
				live = append(live, path)
			}
		}
	}
	return live
}

// isOwners reports whether a socket belongs to whom its folder belongs to, or the folder to root, and only he may put
// one there.
func isOwners(dir, path string) bool {
	var folder, socket unix.Stat_t
	if unix.Lstat(dir, &folder) != nil || unix.Lstat(path, &socket) != nil {
		return false
	}
	return folder.Mode&unix.S_IFMT == unix.S_IFDIR && folder.Mode&0o022 == 0 && (folder.Uid == socket.Uid || folder.Uid == 0)
}
