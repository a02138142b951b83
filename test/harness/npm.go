package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// NPMApp copies an application of test/apps/npm into a fresh folder, as a deployment does: what its build has made
// is copied, its packages are a link, as many who deploy share them.
func NPMApp(t testing.TB, name string) App {
	t.Helper()
	built, err := npmBuilt(name)
	if err != nil {
		t.Fatalf("cannot get the application %s: %v", name, err)
	}
	a := EmptyApp(t)
	entries, err := os.ReadDir(built)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "node_modules" {
			err = os.Symlink(filepath.Join(built, "node_modules"), a.Path("node_modules"))
		} else {
			err = copyInto(a.Dir, filepath.Join(built, e.Name()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// npmBuilt is the folder of an application of test/apps/npm with the packages of its lock file, and built if it
// has a build. It is made once for a machine, in $PURSER_TEST_CACHE or the user's cache, and made anew when a file
// of the application has changed.
func npmBuilt(name string) (string, error) {
	source := filepath.Join(ModuleDir(), "test", "apps", "npm", name)
	sum, err := sumOf(source)
	if err != nil {
		return "", err
	}
	cache, err := testCache()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name+"-"+sum)
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isDir(dir) {
		return dir, nil
	}
	if err := npmBuild(source, dir+".new"); err != nil {
		return "", err
	}
	return dir, os.Rename(dir+".new", dir)
}

// npmBuilds: a build takes all cores, so there is no gain in two of them; packages come side by side.
var npmBuilds sync.Mutex

func npmBuild(source, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		return err
	}
	if err := npm(dir, "ci", "--no-audit", "--no-fund", "--prefer-offline"); err != nil {
		return err
	}
	npmBuilds.Lock()
	defer npmBuilds.Unlock()
	return npm(dir, "run", "build", "--if-present")
}

func npm(dir string, args ...string) error {
	cmd := exec.Command("npm", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=1", "NEXT_TELEMETRY_DISABLED=1", "NUXT_TELEMETRY_DISABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// testCache is for what tests get from elsewhere.
func testCache() (string, error) {
	dir := os.Getenv("PURSER_TEST_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "purser-tests")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// sumOf is a short name for what the files of a folder say, and for the Node.js that they are built with.
func sumOf(dir string) (string, error) {
	version, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("cannot run node --version: %w", err)
	}
	sum := sha256.New()
	sum.Write(version)
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", strings.TrimPrefix(path, dir), len(content), content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12], err
}

// lockFile holds off others who make the same, in this process and in another.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// CopyOf is a fresh folder with the files of another one; links stay links, and lead where they led.
func CopyOf(t testing.TB, dir string) App {
	t.Helper()
	a := EmptyApp(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := copyInto(a.Dir, filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := lead(a.Dir, dir); err != nil {
		t.Fatal(err)
	}
	return a
}

// lead has relative links in a copy that lead nowhere, as they led out of the folder, lead where those of it do.
func lead(dir, from string) error {
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Type() != os.ModeSymlink {
			return err
		}
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		target, err := filepath.EvalSymlinks(from + strings.TrimPrefix(path, dir))
		if err != nil {
			return nil // it led nowhere
		}
		return errors.Join(os.Remove(path), os.Symlink(target, path))
	})
}

// copyInto copies files or folders into a folder, as cp -a does.
func copyInto(dir string, names ...string) error {
	out, err := exec.Command("cp", slices.Concat([]string{"-a", "-t", dir, "--"}, names)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot copy %v: %w\n%s", names, err, out)
	}
	return nil
}

func isDir(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir()
}
