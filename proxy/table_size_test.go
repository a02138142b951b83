package proxy

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"purser/proxy/sock"
)

// The kernel's table of descriptors need not grow while clients come.
func TestTableOfDescriptorsIsMadeAtOnce(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	newDescriptors(sock.NewSweeper())
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`FDSize:\s*(\d+)`).FindSubmatch(status)
	if m == nil {
		t.Skip("the kernel does not tell how large the table is")
	}
	if size, _ := strconv.ParseUint(string(m[1]), 10, 64); size < min(limit.Cur, tableSize) {
		t.Errorf("there is room for %d descriptors, want %d", size, min(limit.Cur, tableSize))
	}
}
