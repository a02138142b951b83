package keeper

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// forgetStart gives back the memory that the start of this program took: all of purser is in it, and a keeper or a
// main process needs next to nothing of that. Code that is used comes back from the page cache.
func forgetStart() {
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
