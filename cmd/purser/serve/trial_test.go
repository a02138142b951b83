package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/status"
)

// asBinary has the test binary be one that is asked whether it can serve.
const asBinary = "TEST_AS_BINARY"

func tryAsBinary(how string) {
	var trial Trial
	if err := json.NewDecoder(os.Stdin).Decode(&trial); err != nil || trial.Args[0] != "serve" || string(trial.Sources[0].Text) != "[server]" {
		fmt.Fprintf(os.Stderr, "it was asked %+v, %v\n", trial, err)
		os.Exit(3)
	}
	switch how {
	case "able":
		fmt.Println(`{"version":"9.9.9","what":"a later version says more"}`)
	case "unable":
		fmt.Println(`{"version":"9.9.9","problem":"/etc/purser.toml:3: max_queue: must be a number"}`)
	case "broken":
		fmt.Fprintln(os.Stderr, "cannot load a library")
		os.Exit(1)
	case "hanging":
		select {}
	case "endless":
		for {
			fmt.Print(strings.Repeat("x", 1<<10))
		}
	}
	os.Exit(0)
}

func TestBinaryIsAskedWhetherItCanServe(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := openBinary(self)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	trial := Trial{Args: []string{"serve", "-c", "/etc/purser.toml"}, Sources: []conf.Source{{Path: "/etc/purser.toml", Text: []byte("[server]")}}}
	const inTime = "it has not said within 500ms whether it can serve"
	for how, c := range map[string]struct{ code, says string }{
		"able":    {"", "9.9.9"},
		"unable":  {status.CodeBadConfig, "version 9.9.9 cannot serve the configuration that runs: /etc/purser.toml:3: max_queue: must be a number"},
		"broken":  {status.CodeBadBinary, "exit status 1: cannot load a library"},
		"silent":  {status.CodeBadBinary, "it is no purser"},
		"hanging": {status.CodeBadBinary, inTime},
		"endless": {status.CodeBadBinary, inTime},
	} {
		t.Setenv(asBinary, how)
		patience := trialTime
		if c.says == inTime {
			patience = 500 * time.Millisecond
		}
		verdict, err := try("/opt/purser", file, trial, patience)
		refused, is := errors.AsType[*status.Error](err)
		switch {
		case c.code == "" && (err != nil || verdict.Version != c.says):
			t.Errorf("a binary that is %s was answered with %+v, %v", how, verdict, err)
		case c.code != "" && (!is || refused.Code != c.code || !strings.Contains(refused.Message, c.says) || !strings.Contains(refused.Message, "nothing is changed")):
			t.Errorf("a binary that is %s was answered with %v", how, err)
		}
	}
}

func TestWhatIsNoBinaryIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none"):      "no such file or directory",
		dir:                             "it is no regular file",
		pipe:                            "it is no regular file",
		write("data", "\x7fELF", 0o600): "it is not executable",
		write("script", "#!/bin/sh\nexit\n", 0o700): "it is a script",
	} {
		file, err := openBinary(path)
		if err == nil {
			file.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}
