package spawn

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestOrphansAreReaped(t *testing.T) {
	process := exec.Command(executable(t))
	process.Env = append(os.Environ(), roleVariable+"=init")
	output, err := process.CombinedOutput()
	check(t, err)
	if got := string(output); !strings.Contains(got, "inherited 1\n") || !strings.Contains(got, "left 0\n") {
		t.Errorf("the orphan was not reaped:\n%s", got)
	}
}
