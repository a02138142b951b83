package helper

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"purser/restart/disk"
)

// Grants are what a helper may touch, as its arguments say it. How files are that its user may look at is told of all:
// links of a release may lead anywhere, and who asks for that gets nothing of what is in them. What is read or written
// has to be below a root, or a release that the root leads to or led to; or it is named.
type Grants struct {
	Roots    []string // of apps
	Statuses []string // folders of restart files that are named by absolute paths
	Logs     []string // files that are written to
	Statics  []string // folders of static files, by their paths in a release
	Pages    []string // files that visitors may be shown, by their paths in a release, or absolute
	Folders  []string // further ones of files that are sent. One below a root is one of each release
}

const (
	rootArgument   = "root="
	statusArgument = "status="
	logArgument    = "log="
	staticArgument = "static="
	pageArgument   = "page="
	folderArgument = "folder="
)

// Arguments are those of the command line of a helper to which all that is granted, in their order, without its name.
func Arguments(all ...Grants) (args []string) {
	for _, g := range all {
		for prefix, paths := range map[string][]string{rootArgument: g.Roots, statusArgument: g.Statuses, logArgument: g.Logs, staticArgument: g.Statics, folderArgument: g.Folders, pageArgument: g.Pages} {
			for _, path := range paths {
				args = append(args, prefix+path)
			}
		}
	}
	slices.Sort(args)
	return slices.Compact(args)
}

// parseGrants is the other direction.
func parseGrants(args []string) (g Grants, err error) {
	for _, arg := range args {
		prefix, path, _ := strings.Cut(arg, "=")
		path = filepath.Clean(path)
		switch prefix += "="; {
		case prefix == staticArgument && filepath.IsLocal(path):
			g.Statics = append(g.Statics, path)
			continue
		case prefix == pageArgument && (filepath.IsLocal(path) || filepath.IsAbs(path)):
			g.Pages = append(g.Pages, path)
			continue
		case !filepath.IsAbs(path):
			return g, errors.New("an argument names no path: " + arg)
		}
		switch prefix {
		case rootArgument:
			g.Roots = append(g.Roots, path)
		case statusArgument:
			g.Statuses = append(g.Statuses, path)
		case logArgument:
			g.Logs = append(g.Logs, path)
		case folderArgument:
			g.Folders = append(g.Folders, path)
		default:
			return g, errors.New("an argument grants nothing: " + arg)
		}
	}
	return g, nil
}

// errForeign is why a helper refuses something that its user may do.
const errForeign = syscall.EPERM

// A guard holds what is asked for against the grants.
type guard struct {
	Grants

	mu    sync.Mutex      // guards what follows
	known map[string]bool // releases that roots have led to, and those beside them
}

// mostKnown is how many releases are remembered. Those that lie beside the newest need not be.
const mostKnown = 4096

// release reports whether a folder is a root, what one leads to, has led to, or what lies beside that. Of those that
// have been asked for it is remembered: there may be hundreds of roots.
func (g *guard) release(folder string) bool {
	folder = filepath.Clean(folder)
	if slices.Contains(g.Roots, folder) || g.knows(folder) {
		return true
	}
	for _, root := range g.Roots {
		if real, err := disk.Own.Resolve(root); err == nil && isReleaseOf(root, real, folder) {
			g.learn(real)
			g.learn(folder)
			return true
		}
	}
	return false
}

// isReleaseOf reports whether a folder is what a root leads to, or another release of it: one whose path differs in the
// name of one folder, which is not at the top. Only a root with a link on its way has others.
func isReleaseOf(root, real, folder string) bool {
	if folder == real || root == real {
		return folder == real
	}
	ours, theirs := strings.Split(real, "/"), strings.Split(folder, "/")
	if len(ours) != len(theirs) {
		return false
	}
	differing := 0
	for i := range ours {
		if ours[i] != theirs[i] {
			differing++
			if i < 2 { // the first is what is before the first slash
				return false
			}
		}
	}
	return differing == 1
}

func (g *guard) knows(release string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known[release]
}

func (g *guard) learn(release string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil || len(g.known) >= mostKnown {
		g.known = map[string]bool{}
	}
	g.known[release] = true
}

// status reports whether a restart.status may be written to a folder.
func (g *guard) status(root, folder string) bool {
	if filepath.IsAbs(folder) {
		return slices.Contains(g.Statuses, filepath.Clean(folder))
	}
	return filepath.IsLocal(folder) && g.release(root)
}

// log reports whether a file is one of the logs.
func (g *guard) log(folder, name string) bool {
	path := filepath.Join(folder, name)
	return filepath.IsLocal(name) && slices.ContainsFunc(g.Logs, func(granted string) bool {
		if granted == path {
			return true
		}
		real, err := disk.Own.Resolve(filepath.Dir(granted))
		return err == nil && filepath.Join(real, filepath.Base(granted)) == path
	})
}

// page reports whether a file is one of the pages. One that is named by an absolute path is none of a release.
func (g *guard) page(release, name string) bool {
	return slices.Contains(g.Pages, filepath.Clean(name)) && (filepath.IsAbs(name) || g.release(release))
}

// static reports whether a folder, which is named from another one, is one of static files.
func (g *guard) static(release, folder string) bool {
	return slices.Contains(g.Statics, filepath.Clean(folder)) && g.release(release) || filepath.IsLocal(folder) && g.folder(filepath.Join(release, folder))
}

// folder reports whether a folder is one of files that are sent, or that of a release.
func (g *guard) folder(path string) bool {
	path = filepath.Clean(path)
	return slices.ContainsFunc(g.Folders, func(granted string) bool {
		return granted == path || slices.ContainsFunc(g.Roots, func(root string) bool {
			rest, below := strings.CutPrefix(granted+"/", root+"/")
			release, same := strings.CutSuffix(path+"/", "/"+rest)
			return below && same && g.release(release)
		})
	})
}
