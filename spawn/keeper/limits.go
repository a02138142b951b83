package keeper

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Limits are what a program is held to, beside its user: none of them twice.
type Limits []Limit

// A Limit is one of them. Those of setrlimit(2) are both the soft and the hard one; NoLimit is that there is none.
type Limit struct {
	Name  string
	Value int64
}

// The names of limits, as their keys in the configuration are called.
const (
	NoNewPrivs   = "no_new_privs" // 1
	Nice         = "nice"
	OOMScoreAdj  = "oom_score_adj"
	OpenFiles    = "open_files"
	Core         = "core"
	AddressSpace = "address_space"
	Processes    = "processes"
)

// NoLimit is the value of a limit of setrlimit(2) that does not limit.
const NoLimit = -1

// resources are those that setrlimit(2) limits.
var resources = map[string]int{OpenFiles: unix.RLIMIT_NOFILE, Core: unix.RLIMIT_CORE, AddressSpace: unix.RLIMIT_AS, Processes: unix.RLIMIT_NPROC}

// text is " NAME=VALUE" for each.
func (l Limits) text() string {
	var b strings.Builder
	for _, limit := range l {
		fmt.Fprintf(&b, " %s=%d", limit.Name, limit.Value)
	}
	return b.String()
}

// parseLimits is the other direction.
func parseLimits(words []string) (l Limits, err error) {
	for i, word := range words {
		name, number, _ := strings.Cut(word, "=")
		value, err := strconv.ParseInt(number, 10, 64)
		if err != nil || (Limits{{name, value}}).text() != " "+word || !known(name) || l.has(name) || i > len(resources)+3 {
			return nil, syscall.EINVAL
		}
		l = append(l, Limit{name, value})
	}
	return l, nil
}

func known(name string) bool {
	_, resource := resources[name]
	return resource || name == NoNewPrivs || name == Nice || name == OOMScoreAdj
}

func (l Limits) has(name string) bool {
	for _, limit := range l {
		if limit.Name == name {
			return true
		}
	}
	return false
}

// set has this thread, or all of this process, be held to it.
func (l Limit) set() error {
	switch l.Name {
	case NoNewPrivs:
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	case Nice:
		return unix.Setpriority(unix.PRIO_PROCESS, 0, int(l.Value))
	case OOMScoreAdj:
		return os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, l.Value, 10), 0)
	}
	most := uint64(l.Value)
	if l.Value == NoLimit {
		most = unix.RLIM_INFINITY
	}
	return syscall.Setrlimit(resources[l.Name], &syscall.Rlimit{Cur: most, Max: most})
}

// MaySet says why this process, which is as the keeper, could not hold a program to one of them, nil if it can. What
// it has already nobody needs a right for.
func MaySet(l Limit) error {
	switch l.Name {
	case Nice:
		return niceError(int(l.Value))
	case OOMScoreAdj:
		text, err := os.ReadFile("/proc/self/oom_score_adj")
		if now, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil || l.Value < now && !may(unix.CAP_SYS_RESOURCE) {
			return fmt.Errorf("is %d, and purser has %d: %s may go below that", l.Value, now, whoMay("CAP_SYS_RESOURCE"))
		}
	case OpenFiles, Core, AddressSpace, Processes:
		return resourceError(l)
	}
	return nil
}

func niceError(nice int) error {
	// The system call returns 20 - nice, so that it is never negative.
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if now = 20 - now; err != nil || nice >= now || may(unix.CAP_SYS_NICE) {
		return err
	}
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NICE, &most) == nil && uint64(20-nice) <= most.Cur {
		return nil
	}
	return fmt.Errorf("is %d, and purser has %d: %s may go below that", nice, now, whoMay("CAP_SYS_NICE"))
}

func resourceError(l Limit) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resources[l.Name], &now); err != nil {
		return err
	}
	asked := uint64(l.Value)
	if l.Value == NoLimit {
		asked = unix.RLIM_INFINITY
	}
	if asked > now.Max && !may(unix.CAP_SYS_RESOURCE) {
		return fmt.Errorf("is %s, and purser itself may have at most %d: %s may allow more", limitText(l.Value), now.Max, whoMay("CAP_SYS_RESOURCE"))
	}
	if l.Name != OpenFiles {
		return nil
	}
	text, err := os.ReadFile("/proc/sys/fs/nr_open")
	if most, wrong := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && wrong == nil && asked > most {
		return fmt.Errorf("is %s, and this system allows nobody more than %d (sysctl fs.nr_open)", limitText(l.Value), most)
	}
	return nil
}

// whoMay is who could do what purser may not. Root of a container, or of a unit with CapabilityBoundingSet=, may lack a
// right.
func whoMay(right string) string {
	if os.Geteuid() == 0 {
		return "only root with the capability " + right + ", which this purser is without,"
	}
	return "only root"
}

func limitText(value int64) string {
	if value == NoLimit {
		return "unlimited"
	}
	return strconv.FormatInt(value, 10)
}

// may reports whether what this process runs as its own user has a right: only root's programs get what they may have
// (capabilities(7)).
func may(right uintptr) bool {
	bound, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, right, 0, 0, 0)
	return err == nil && bound == 1 && os.Geteuid() == 0
}
