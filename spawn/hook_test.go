package spawn

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/spawn/keeper"
)

// A hookStage is one hook with its app's folder and its log.
type hookStage struct {
	stage
	hook      Hook
	variables map[string]string
	facts     any
}

func newHookStage(t *testing.T, command conf.Command) *hookStage {
	t.Helper()
	st := &hookStage{stage: stage{t: t, log: &logBuffer{}}}
	k := &keeper.Keeper{}
	t.Cleanup(k.Close)
	st.hook = Hook{
		Keeper:  k,
		App:     conf.App{Name: "blog", Root: t.TempDir(), Environment: "staging", Kind: kindRuby},
		Name:    "before_restart",
		Command: command,
		Timeout: 30 * time.Second,
		Lines:   st.log.take,
	}
	return st
}

func shell(command string) conf.Command { return conf.Command{Shell: command} }

// fails runs the hook and checks its error.
func (st *hookStage) fails(want string) *HookError {
	st.t.Helper()
	err := st.hook.Run(st.t.Context(), st.variables, st.facts)
	failure, ok := errors.AsType[*HookError](err)
	if !ok || failure.Error() != want {
		st.t.Fatalf("the hook's error is %T %q, want %q", err, err, want)
	}
	return failure
}

func TestHookIsToldByVariablesAndJSON(t *testing.T) {
	t.Setenv("SECRET", "1")
	t.Setenv("NOTIFY_SOCKET", "1")
	t.Setenv("LANG", "de_DE.UTF-8")
	st := newHookStage(t, shell(`env | sort | sed 's/^/env /'; pwd | sed 's/^/cwd /'; cat > "$OUT"; echo done >&2`))
	out := filepath.Join(t.TempDir(), "facts.json")
	st.hook.App.Env = map[string]string{"OUT": out, "APP_ENV": "blue", "PATH": "/usr/bin:/bin"}
	st.variables = map[string]string{"PURSER_GENERATION": "8", "PURSER_REASON": "deploy\nof two lines"}
	st.facts = map[string]any{"generation": 8, "text": strings.Repeat("x", 1<<20)} // more than a pipe holds
	check(t, st.hook.Run(t.Context(), st.variables, st.facts))
	for _, want := range []string{
		"env APP_ENV=blue", "env HOME=" + account()["HOME"], "env LANG=de_DE.UTF-8", "env PATH=/usr/bin:/bin",
		"env PURSER_APP=blog", "env PURSER_GENERATION=8", "env PURSER_HOOK=before_restart",
		"env PURSER_REASON=deploy", "env of two lines", "env RAILS_ENV=staging", "env USER=" + account()["USER"],
		"env PWD=" + st.hook.App.Root, "cwd " + st.hook.App.Root, "done",
	} {
		if !slices.Contains(st.messages(), want) {
			t.Errorf("%q is missing in\n%s", want, strings.Join(st.messages(), "\n"))
		}
	}
	for _, message := range st.messages() {
		if strings.Contains(message, "SECRET") || strings.Contains(message, "NOTIFY_SOCKET") {
			t.Errorf("the hook inherited %s", message)
		}
	}
	document, err := os.ReadFile(out)
	check(t, err)
	var facts struct {
		Generation int
		Text       string
	}
	check(t, json.Unmarshal(document, &facts))
	if facts.Generation != 8 || len(facts.Text) != 1<<20 {
		t.Errorf("it read generation %d and %d bytes", facts.Generation, len(facts.Text))
	}
}

func TestHookLogsUnderItsName(t *testing.T) {
	st := newHookStage(t, conf.Command{Args: []string{"echo", "one  two", "$HOME"}})
	check(t, st.hook.Run(t.Context(), nil, nil))
	lines := st.log.lines()
	if len(lines) != 1 || lines[0].Text != "one  two $HOME" || lines[0].App != "blog" ||
		lines[0].Hook != "before_restart" || lines[0].Stream != "stdout" || lines[0].PID == 0 {
		t.Errorf("the log is %+v", lines)
	}
}

func TestHookThatFailsShowsItsLastLines(t *testing.T) {
	st := newHookStage(t, shell("echo migrating; echo 'no database' >&2; exit 3"))
	failure := st.fails("before_restart hook exited with status 3")
	contains(t, failure.LastLines(), "migrating")
	contains(t, failure.LastLines(), "no database")
}

func TestHookOfSeveralStepsRunsThemAll(t *testing.T) {
	st := newHookStage(t, shell("cd / && echo in $(pwd) && exit 4"))
	failure := st.fails("before_restart hook exited with status 4")
	contains(t, failure.LastLines(), "in /")
}

func TestHookRunsInTheFolderThatIsNamed(t *testing.T) {
	st := newHookStage(t, conf.Command{Args: []string{"bin/migrate"}})
	st.hook.Dir = writeFiles(t, map[string]string{"bin/migrate": "#!/bin/sh\necho in $(pwd)\n"})
	check(t, st.hook.Run(t.Context(), nil, nil))
	st.said("in " + st.hook.Dir)
}

func TestHookNeedNotReadItsStdin(t *testing.T) {
	st := newHookStage(t, conf.Command{Args: []string{"true"}})
	st.facts = strings.Repeat("x", 1<<20)
	check(t, st.hook.Run(t.Context(), nil, st.facts))
}

// A step that reads stdin after the facts would wait for ever if the pipe stayed open.
func TestHookSeesTheEndOfItsStdin(t *testing.T) {
	st := newHookStage(t, shell("cat; cat; echo end"))
	st.facts = map[string]int{"a": 1}
	check(t, st.hook.Run(t.Context(), nil, st.facts))
	if got := st.messages(); !slices.Equal(got, []string{`{"a":1}`, "end"}) {
		t.Errorf("it printed %q", got)
	}
}

func TestHookIsKilledWithItsGrandchildren(t *testing.T) {
	const command = `sh -c 'trap "" TERM; echo grandchild $$; while :; do sleep 1; done' & wait`
	t.Run("at its timeout", func(t *testing.T) {
		st := newHookStage(t, shell(command))
		st.hook.Timeout = time.Second
		failure := st.fails("before_restart hook was killed: it took longer than its timeout (1s)")
		contains(t, failure.LastLines(), "grandchild ")
		st.grandchildIsGone()
	})
	t.Run("at the end of its context", func(t *testing.T) {
		st := newHookStage(t, shell(command))
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error)
		go func() { result <- st.hook.Run(ctx, nil, nil) }()
		st.said("grandchild ")
		cancel(errors.New("purser stops"))
		want := "before_restart hook was killed: purser stops"
		if err := <-result; err == nil || err.Error() != want {
			t.Errorf("the hook's error is %v, want %s", err, want)
		}
		st.grandchildIsGone()
	})
	t.Run("when it has ended itself", func(t *testing.T) {
		st := newHookStage(t, shell("sleep 1000 & echo grandchild $!"))
		check(t, st.hook.Run(t.Context(), nil, nil))
		st.grandchildIsGone()
	})
}

func TestGrandchildOutsideTheGroupEndsWithTheHook(t *testing.T) {
	st := newHookStage(t, conf.Command{Args: []string{executable(t)}})
	st.hook.App.Env = map[string]string{roleVariable: "leaves a pipe"}
	st.facts = strings.Repeat("x", 1<<20)
	st.fails("before_restart hook exited with status 1")
	st.grandchildIsGone()
}

func TestHookThatCannotRun(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*hookStage)
		want   string
	}{
		"no program":  {func(st *hookStage) { st.hook.Command.Args = []string{"bin/none"} }, "cannot run: there is no program bin/none"},
		"no folder":   {func(st *hookStage) { st.hook.Dir = "/nowhere" }, "cannot run: the folder /nowhere does not exist"},
		"no command":  {func(st *hookStage) { st.hook.Command = conf.Command{} }, "cannot run: no command is set"},
		"no program*": {func(st *hookStage) { st.hook.Command = shell("exec no-such-program") }, "exited with status 127"},
		"no JSON":     {func(st *hookStage) { st.facts = func() {} }, "cannot be told the facts: json: unsupported type: func()"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newHookStage(t, conf.Command{Args: []string{"true"}})
			test.change(st)
			st.fails("before_restart hook " + test.want)
		})
	}
}
