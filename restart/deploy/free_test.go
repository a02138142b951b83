package deploy

import (
	"os"
	"path/filepath"
	"testing"
)

// write makes a file below a folder.
func write(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFreeMemoryIsWhatTheTightestLimitLeaves(t *testing.T) {
	proc, groups := t.TempDir(), t.TempDir()
	write(t, proc, "meminfo", "MemTotal: 8000 kB\nMemAvailable:    4096 kB\n")
	if free := freeMemory(proc, groups); free != 4<<20 {
		t.Errorf("without control groups %d bytes are free", free)
	}
	write(t, proc, "self/cgroup", "0::/system.slice/purser.service\n")
	write(t, groups, "system.slice/purser.service/memory.max", "max\n")
	write(t, groups, "system.slice/memory.max", "3145728\n")
	write(t, groups, "system.slice/memory.current", "2097152\n")
	if free := freeMemory(proc, groups); free != 1<<20 {
		t.Errorf("within a limit of 3 MiB, 2 MiB of them used, %d bytes are free", free)
	}
	write(t, groups, "system.slice/memory.stat", "anon 5\ninactive_file 1048576\n")
	if free := freeMemory(proc, groups); free != 2<<20 {
		t.Errorf("with 1 MiB of that in files, %d bytes are free", free)
	}
	write(t, groups, "system.slice/memory.current", "9999999\n")
	if free := freeMemory(proc, groups); free != 1 {
		t.Errorf("beyond the limit, %d bytes are free; 0 would mean that it is unknown", free)
	}
}

func TestRAMIsThatOfTheMachineOrTheTightestLimit(t *testing.T) {
	proc, groups := t.TempDir(), t.TempDir()
	if ram := allMemory(proc, groups); ram != 1<<30 {
		t.Errorf("where nothing is known it is %d bytes", ram)
	}
	write(t, proc, "meminfo", "MemTotal: 8192 kB\nMemAvailable:    4096 kB\n")
	if ram := allMemory(proc, groups); ram != 8<<20 {
		t.Errorf("of 8 MiB %d bytes are told", ram)
	}
	write(t, proc, "self/cgroup", "0::/system.slice/purser.service\n")
	write(t, groups, "system.slice/purser.service/memory.max", "max\n")
	write(t, groups, "system.slice/memory.max", "3145728\n")
	if ram := allMemory(proc, groups); ram != 3<<20 {
		t.Errorf("within a limit of 3 MiB %d bytes are told", ram)
	}
}

func TestMemoryIsCountedByProcessGroup(t *testing.T) {
	proc := t.TempDir()
	for pid, stat := range map[string]string{
		"10": "10 (ruby (x) y) S 1 10 10 0", "11": "11 (worker) S 10 10 10 0", "12": "12 (other) R 1 12 12 0", "13": "broken",
	} {
		write(t, proc, pid+"/stat", stat)
		write(t, proc, pid+"/status", "Name:\tx\nRssAnon:\t    100 kB\n")
	}
	used := anonymousByGroup(proc)
	if len(used) != 2 || used[10] != 200<<10 || used[12] != 100<<10 {
		t.Errorf("the groups use %v", used)
	}
	if mine := anonymousByGroup("/proc"); len(mine) == 0 {
		t.Error("nothing is found in the real /proc")
	}
}
