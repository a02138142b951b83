package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// NextVersion is the version of NextBinary.
const NextVersion = "9.9.9"

// NextBinary is a purser of another version: $PURSER_NEXT_BIN if it is set, else built from this checkout.
var NextBinary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("PURSER_NEXT_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	flags := []string{"-ldflags", "-X main.release=" + NextVersion}
	if os.Getenv("PURSER_RACE") != "" {
		flags = append(flags, "-race")
	}
	return build("purser-next", "./cmd/purser", flags...)
})

// MustNextBinary is NextBinary, or the end of the test.
func MustNextBinary(t testing.TB) string {
	t.Helper()
	bin, err := NextBinary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// An OldFront is a process of purser that served before an upgrade, as status shows it.
type OldFront struct {
	PID         int    `json:"pid"`
	Version     string `json:"version"`
	Requests    int    `json:"requests"`
	Connections int    `json:"connections"`
}

// Versions is what status shows of purser's own processes.
type Versions struct {
	Version   string     `json:"version"`
	Started   time.Time  `json:"started"` // when purser was
	OldFronts []OldFront `json:"old_fronts"`
}

// Versions asks which version serves, and which fronts finish what they have.
func (p *Purser) Versions(t testing.TB) (v Versions) {
	t.Helper()
	p.AdminJSON(t, "/v1/status", &v)
	return v
}

// AwaitNoOldFronts waits until all that served before upgrades have finished.
func (p *Purser) AwaitNoOldFronts(t *testing.T) {
	t.Helper()
	Eventually(t, 2*Patience, "no old front is left", func() bool { return len(p.Fronts()) == 1 && len(p.Versions(t).OldFronts) == 0 })
}

// OwnMemory is what a process has in memory that no file has, in bytes; 0 if it cannot be told.
func OwnMemory(pid int) int64 {
	return kibibytes(pid, "status", "RssAnon")
}

// Descriptors is how many files a process has open; 0 if it cannot be told.
func Descriptors(pid int) int {
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(open)
}
