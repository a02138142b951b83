package spawn

import (
	"os"
	"strings"
	"testing"

	"purser/conf"
)

func TestAProgramThatIsMissingIsTold(t *testing.T) {
	root := writeFiles(t, map[string]string{"bin/run": "#!/bin/sh\n", "bin/plain": "text"})
	check(t, os.Chmod(root+"/bin/run", 0o755))
	check(t, os.Chmod(root+"/bin/plain", 0o644))
	app := conf.App{Root: root, Env: map[string]string{"PATH": "/usr/bin:/bin"}}
	for shell, want := range map[string]string{
		"bin/run --fast":               "",
		"{root}/bin/run":               "",
		"RACK_ENV=x exec bin/run":      "",
		"sh -c 'x'":                    "",
		"cd lib && nothing":            "", // only a shell can tell
		"$PROGRAM now":                 "",
		"if true; then nothing; fi":    "",
		"bin/plain":                    "is not executable: chmod +x",
		"bin/missing && bin/run":       "there is no program bin/missing",
		"A=1 B=2 no-such-thing --flag": "there is no no-such-thing in PATH",
	} {
		err := CheckProgram(app, conf.Command{Shell: shell})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", shell, err)
		}
	}
	if err := CheckProgram(app, conf.Command{Args: []string{"bin/missing", "x"}}); err == nil {
		t.Error("a list with a missing program passes")
	}
	if err := CheckProgram(app, conf.Command{}); err != nil {
		t.Errorf("no command: %v", err)
	}
}
