package keeper

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// setName is how lists of processes name this one, which was run by the number of a descriptor.
func setName(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // where there is none, nobody can look either
}

// giveBack gives back the memory that is not needed just now. After the start that is most: all of purser is in this
// program, and a keeper or a main process needs next to nothing of it. Code that is used comes back from the page cache.
func giveBack() {
	debug.SetGCPercent(25)
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		var begin, end uintptr
		var allowed string
		// Of what may be run nothing was ever written, so nothing is lost.
		if n, _ := fmt.Sscanf(string(line), "%x-%x %s", &begin, &end, &allowed); n == 3 && allowed == "r-xp" && bytes.ContainsRune(line, '/') {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_DONTNEED)
		}
	}
}

// rest gives back what the end of a child has taken: all processes are looked at then, and there may be thousands.
func (k *keeping) rest() {
	if k.worked {
		k.worked = false
		giveBack()
	}
}
