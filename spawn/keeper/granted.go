package keeper

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// granted is what the front may have done, in the keeper, as readers have said.
type granted struct {
	confined bool  // the front has another user than this process, and only what grants name is done for it
	front    *User // that user
	env      []string
	binary   string // the path that purser was started from
	runtime  string
	all      map[uint32]Grant
	newest   uint32 // the first of the newest reading
	former   uint32 // that of the one before it: those before that are of what goes on with them, and forgotten after it
	last     uint32 // the highest number that was given
	remnants map[string]remnant
	releases map[release]bool // that were once

	folders    map[uint32]folder
	lastFolder uint32
}

// A release is what a root leads to, or has led to.
type release struct{ root, path string }

// A remnant is a path that is removed at the end, if it is still the same file.
type remnant struct {
	path     string
	dev, ino uint64
}

// mostGranted is how many grants there may be, with those of readings before.
const mostGranted = 2 * mostGrants

// mostReleases is how many former releases are remembered.
const mostReleases = 1 << 14

// adopt goes by another reading. What was granted before stays, for the processes that go on and are started again.
func (g *granted) adopt(from Grants) error {
	if from.First <= g.last {
		return errMalformed(fmt.Sprintf("the grant %d was given before", from.First))
	}
	if g.all == nil {
		g.make()
		g.confined, g.front = from.Front != nil, from.Front // for as long as purser runs
	}
	g.env, g.binary, g.runtime = from.Env, from.Binary, from.Runtime
	for _, left := range from.Left {
		var stat unix.Stat_t
		if unix.Lstat(left.Path, &stat) == nil {
			g.remnants[left.Name] = remnant{left.Path, uint64(stat.Dev), stat.Ino}
		}
	}
	for i, one := range from.All {
		g.all[from.First+uint32(i)] = one
		if one.Root != "" {
			g.note(one.Root)
		}
	}
	g.former, g.newest, g.last = g.newest, from.First, from.First+uint32(len(from.All))-1
	for _, number := range slices.Sorted(maps.Keys(g.all)) {
		if len(g.all) <= mostGranted || number >= g.newest {
			break
		}
		delete(g.all, number)
	}
	return nil
}

// use forgets what a front does not use of the readings before the last two.
func (g *granted) use(text string) error {
	r := readFields(text)
	used := map[uint32]bool{}
	for range r.count() {
		used[r.number()] = true
	}
	if err := r.end(); err != nil {
		return err
	}
	maps.DeleteFunc(g.all, func(number uint32, _ Grant) bool { return number < g.former && !used[number] })
	return nil
}

func (g *granted) make() {
	g.all, g.remnants, g.releases, g.folders = map[uint32]Grant{}, map[string]remnant{}, map[release]bool{}, map[uint32]folder{}
}

// remove removes what was left for a name that is dropped.
func (g *granted) remove(name string) {
	left, known := g.remnants[name]
	delete(g.remnants, name)
	var stat unix.Stat_t
	if !known || unix.Lstat(left.path, &stat) != nil || uint64(stat.Dev) != left.dev || stat.Ino != left.ino {
		return
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		_ = RemoveTree(left.path)
	} else {
		_ = os.Remove(left.path)
	}
}

// removeAll removes what is left at the end.
func (g *granted) removeAll() {
	for name := range g.remnants {
		g.remove(name)
	}
}

// note remembers where a root leads to by now: that is a release of it for good.
func (g *granted) note(root string) (real string) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return ""
	}
	if len(g.releases) >= mostReleases {
		clear(g.releases) // those of now come back, and those beside them need not
	}
	g.releases[release{root, real}] = true
	return real
}

// isRelease says why a folder is no release of a root: it has to be what that leads to, or has led to, or a folder
// beside that which belongs to the same user, and into which the front may put nothing. Whether the user of the program
// may enter it is for the kernel to say.
func (g *granted) isRelease(root, path string) error {
	if g.releases[release{root, path}] {
		return nil
	}
	now := g.note(root)
	if path == now {
		return nil
	}
	if real, err := filepath.EvalSymlinks(path); err != nil || real != path || now == "" || now == filepath.Clean(root) || !alike(path, now) || g.front.writes(path) {
		return refused("%q as a release of %q", path, root)
	}
	return nil
}

// alike reports whether two folders differ in one part of their paths, as releases do, and belong to the same user.
func alike(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false
	}
	differ := 0
	for i := range as {
		if as[i] != bs[i] {
			differ++
		}
	}
	var one, other unix.Stat_t
	return differ == 1 && as[1] == bs[1] && unix.Stat(a, &one) == nil && unix.Stat(b, &other) == nil && one.Uid == other.Uid
}

// program is what a front's request to fork asks for.
func (g *granted) program(number uint32, text []byte) (p Program, folder uint32, err error) {
	grant, known := g.all[number]
	if !known {
		return p, 0, refused("the grant %d", number)
	}
	f, err := parseFilling(string(text))
	if err != nil {
		return p, 0, err
	}
	if len(f.Env) == 0 || !strings.HasPrefix(f.Env[len(f.Env)-1], MarkVariable+"=") {
		return p, 0, refused("a program without its mark")
	}
	path := ""
	if f.Folder != 0 {
		if path, err = g.mayUse(f.Folder, grant); err != nil {
			return p, 0, err
		}
	}
	if p, err = grant.Fill(f, path); err == nil && grant.Root != "" && f.Release != "" {
		err = g.isRelease(grant.Root, f.Release)
	}
	p.Group = g.groupNow(p.Group)
	return p, f.Folder, err
}

// groupNow is a control group as the newest reading has it: a process of older code is held with all others of its app,
// to what is configured now.
func (g *granted) groupNow(of AppGroup) AppGroup {
	for number, one := range g.all {
		if of.Name != "" && number >= g.newest && one.Group.Name == of.Name {
			return one.Group
		}
	}
	return of
}

// writes reports whether a user could put something into a folder.
func (u *User) writes(path string) bool {
	var stat unix.Stat_t
	switch err := unix.Stat(path, &stat); {
	case u == nil:
		return false
	case err != nil || stat.Uid == u.UID:
		return true
	case stat.Gid == u.GID || slices.Contains(u.Groups, stat.Gid):
		return stat.Mode&0o020 != 0
	}
	return stat.Mode&0o002 != 0
}
