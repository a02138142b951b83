package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, with a scratch folder that is removed afterwards, and returns the exit
// code. A goroutine that is left is a failure.
func Main(m *testing.M) int {
	defer os.RemoveAll(Scratch())
	defer os.RemoveAll(Scratch() + stateSuffix)
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
			code = 1
		}
	}
	return code
}

// Scratch is the folder of this run: short, because unix sockets go below it.
var Scratch = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "pt")
	if err != nil {
		panic(fmt.Sprintf("cannot make a scratch folder: %v", err))
	}
	return dir
})

// Binary is the purser under test: $PURSER_BIN if it is set, else built from this checkout, with
// the race detector if $PURSER_RACE is set.
var Binary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("PURSER_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	if os.Getenv("PURSER_RACE") != "" {
		return build("purser", "./cmd/purser", "-race")
	}
	return build("purser", "./cmd/purser")
})

// GoApp is the small Go app of test/apps/goapp, built.
var GoApp = sync.OnceValues(func() (string, error) { return sample("goapp") })

// SiteProgram is the Go app of test/apps/site, built.
var SiteProgram = sync.OnceValues(func() (string, error) { return sample("site") })

// sample is a Go app of test/apps: from the folder $PURSER_TEST_APPS if that is set, else built now. Each folder
// of tests is a process of its own, so whoever runs several builds the apps once and sets it.
func sample(name string) (string, error) {
	if dir := os.Getenv("PURSER_TEST_APPS"); dir != "" {
		return filepath.Abs(filepath.Join(dir, name))
	}
	return build(name, "./test/apps/"+name)
}

// ModuleDir is the root of the checkout.
func ModuleDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

func build(name, pkg string, flags ...string) (string, error) {
	bin := filepath.Join(Scratch(), name)
	args := append([]string{"build", "-o", bin}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = ModuleDir()
	if !slices.Contains(flags, "-race") { // which needs cgo
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the manual says: with cgo a request costs 4 % more
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}
