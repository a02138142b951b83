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
// program, and a keeper or a main process needs next to nothing of it. What is used of the program comes back from the page cache.
func giveBack() {
	debug.SetGCPercent(25)
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var begin, end uintptr
	var constant bool // it is of a file, and may not be written
	for line := range bytes.Lines(maps) {
		var allowed string
		switch c := line[0]; {
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f': // the range of addresses, before what is told of it
			_, _ = fmt.Sscanf(string(line), "%x-%x %s", &begin, &end, &allowed)
			constant = (allowed == "r-xp" || allowed == "r--p") && bytes.ContainsRune(line, '/')
		case constant && bytes.HasPrefix(line, anonymous) && bytes.HasSuffix(line, none):
			// Nothing was ever written there, as a linker may before that is forbidden: so nothing is lost.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_DONTNEED)
		}
	}
}

// anonymous begins the line that tells how much is no longer as it is in the file, none ends it if that is nothing.
var anonymous, none = []byte("Anonymous:"), []byte(" 0 kB\n")

// rest gives back what the end of a child has taken: all processes are looked at then, and there may be thousands.
func (k *keeping) rest() {
	if k.worked {
		k.worked = false
		giveBack()
	}
}
