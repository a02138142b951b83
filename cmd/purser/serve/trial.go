package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/status"
)

// A Trial is what a binary is asked that is to serve in the place of another: purser upgrade --try reads it on stdin.
type Trial struct {
	Args    []string      `json:"args"`              // of the command that serves
	Sources []conf.Source `json:"sources,omitempty"` // of the configuration that runs; none = it has no file
}

// A Verdict is what the binary answers, on stdout.
type Verdict struct {
	Version string `json:"version"`
	Problem string `json:"problem,omitempty"` // why it could not serve; none = it could
}

const (
	trialTime   = 20 * time.Second // that a binary has to answer
	mostVerdict = 64 << 10         // bytes that it may answer, and print
)

// openBinary opens the file that is to serve.
func openBinary(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a pipe is not waited for
	if err != nil {
		return nil, badBinary(path, "%v", errors.Unwrap(err))
	}
	stat, err := file.Stat()
	switch {
	case err != nil:
	case !stat.Mode().IsRegular():
		err = badBinary(path, "it is no regular file")
	case stat.Mode()&0o111 == 0 || unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) != nil:
		err = badBinary(path, "it is not executable; run chmod +x, or look whether its file system is mounted noexec")
	case isScript(file):
		err = badBinary(path, "it is a script; name the binary that it runs")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// isScript reports whether a file is for an interpreter, which could not open it again.
func isScript(file *os.File) bool {
	var first [2]byte
	_, err := file.ReadAt(first[:], 0)
	return err == nil && string(first[:]) == "#!"
}

// badBinary is why a binary cannot serve, as the admin API tells it.
func badBinary(path, format string, args ...any) error {
	return &status.Error{Status: 400, Code: status.CodeBadBinary,
		Message: fmt.Sprintf("cannot upgrade to %s: %s; nothing is changed", path, fmt.Sprintf(format, args...))}
}

// try asks a binary which version it is, and whether it could serve what is served. One that hangs is killed, with
// what it has started in its process group.
func try(path string, binary *os.File, trial Trial, patience time.Duration) (Verdict, error) {
	var verdict Verdict
	question, err := json.Marshal(trial)
	if err != nil {
		return verdict, err
	}
	limit, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var answer, complaint bounded
	c := exec.CommandContext(limit, fmt.Sprintf("/proc/self/fd/%d", binary.Fd()), "upgrade", "--try")
	c.Args[0] = "purser"
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(question), &answer, &complaint
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return unix.Kill(-c.Process.Pid, unix.SIGKILL) }
	c.WaitDelay = time.Second
	err = c.Run()
	if wrong, is := errors.AsType[*os.PathError](err); is {
		err = wrong.Err // it names our descriptor, which says nothing to anybody
	}
	switch wrong := json.Unmarshal(answer.Bytes(), &verdict); {
	case limit.Err() != nil:
		return verdict, badBinary(path, "it has not said within %s whether it can serve", patience)
	case err != nil:
		return verdict, badBinary(path, "it cannot be asked whether it can serve: %v%s", err, said(complaint.String()))
	case wrong != nil || verdict.Version == "":
		return verdict, badBinary(path, "it is no purser, or one that knows no upgrade")
	case verdict.Problem != "":
		return verdict, badConfig(fmt.Errorf("cannot upgrade to %s: version %s cannot serve the configuration that runs: %s; nothing is changed", path, verdict.Version, verdict.Problem))
	}
	return verdict, nil
}

// said is what a program has printed, for the end of a sentence.
func said(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return ": " + status.Printable(text[:min(len(text), 400)])
}

// A bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, mostVerdict-b.Len()))])
	return len(p), nil
}
