package deploy

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// freeMemory is how much can be used without swapping (proc_meminfo(5), MemAvailable), or what is left
// below the smallest limit of our control group and those above it (cgroup v2).
func freeMemory(proc, cgroups string) int64 {
	free := valueOf(filepath.Join(proc, "meminfo"), "MemAvailable:")
	for folder := filepath.Join(cgroups, controlGroup(proc)); len(folder) >= len(cgroups); folder = filepath.Dir(folder) {
		limit, limited := numberIn(filepath.Join(folder, "memory.max"))
		used, known := numberIn(filepath.Join(folder, "memory.current"))
		if limited && known {
			used -= valueOf(filepath.Join(folder, "memory.stat"), "inactive_file") // given back when it is needed
			free = min(free, max(1, limit-used))
		}
	}
	return free
}

// RAM is how much memory there is for purser, its apps and all beside them.
func RAM() int64 { return allMemory("/proc", "/sys/fs/cgroup") }

// allMemory is the memory of the machine, or the smallest limit of our control group and those above it (cgroup v2).
// It is 1 GiB if it is not to be known.
func allMemory(proc, cgroups string) int64 {
	all := valueOf(filepath.Join(proc, "meminfo"), "MemTotal:")
	if all == 0 {
		all = 1 << 30
	}
	for folder := filepath.Join(cgroups, controlGroup(proc)); len(folder) >= len(cgroups); folder = filepath.Dir(folder) {
		if limit, limited := numberIn(filepath.Join(folder, "memory.max")); limited {
			all = min(all, limit)
		}
	}
	return all
}

// controlGroup is the path of our own one, "/" if it is not to be known.
func controlGroup(proc string) string {
	text, err := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	if err != nil {
		return "/"
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Clean("/" + path)
		}
	}
	return "/"
}

func numberIn(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// valueOf is the number behind a name in a file of lines, in bytes; 0 if it is not there.
func valueOf(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != name {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0
		}
		if len(fields) > 2 && fields[2] == "kB" {
			n <<= 10
		}
		return n
	}
	return 0
}

// anonymousByGroup is the memory of each process group that is not shared with files: what one more of
// its kind would need. A child leads a group of its own.
func anonymousByGroup(proc string) map[int]int64 {
	used := map[int]int64{}
	folders, _ := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	for _, folder := range folders {
		if group := groupOf(filepath.Join(folder, "stat")); group > 0 {
			used[group] += valueOf(filepath.Join(folder, "status"), "RssAnon:")
		}
	}
	return used
}

// groupOf reads the process group from a stat file: the third field after the name, which may contain
// anything and ends with the last bracket (proc_pid_stat(5)).
func groupOf(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(text[max(0, bytes.LastIndexByte(text, ')')):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 3 {
		return 0
	}
	group, err := strconv.Atoi(fields[2])
	if err != nil {
		return 0
	}
	return group
}
