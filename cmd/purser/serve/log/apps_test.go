package log

import (
	"encoding/json"
	"strings"
	"testing"

	"purser/spawn"
)

// control is what an app may print to do something to a terminal, as it is and as spawn writes it.
var control = spawn.Line{App: "app", PID: 12, Generation: 3, Stream: "stderr", Raw: []byte("a\x1b[31mb\xffc"), Text: `a\x1b[31mb\xffc`}

func TestRawIsWhatWasPrinted(t *testing.T) {
	path := inFolder(t, "app.log")
	st := newStage(t, withApp("/srv/app", path))
	app := st.app()
	app(control)
	app(printed(`{"a":1}`))
	st.fileIs(path, string(control.Raw)+"\n{\"a\":1}\n")
}

func TestTextSaysWhereALineIsFromAndHasNoControlCharacter(t *testing.T) {
	st := newStage(t, withApp("/srv/app", "stderr"))
	app := st.app()
	app(control)
	st.says(` [INFO]  purser.app: a\x1b[31mb\xffc: app=app gen=3 pid=12 stream=stderr` + "\n")
	app(spawn.Line{App: "app", Hook: "before_restart", PID: 13, Stream: "stdout", Text: "migrated"})
	st.says(` [INFO]  purser.hook: migrated: app=app hook=before_restart pid=13 stream=stdout` + "\n")
}

func TestJSONKeepsAnAppsOwnJSONAsAnObject(t *testing.T) {
	st := newStage(t, func(c *Config) { withApp("/srv/app", "stderr")(c); c.Server.LogFormat = "json" })
	app := st.app()
	for _, c := range []struct{ line, message, object string }{
		{`{"level":30,"msg":"<hi>","n":12345678901234567890}`, "", `{"level":30,"msg":"<hi>","n":12345678901234567890}`},
		{` {"a":{}} `, "", `{"a":{}}`},
		{"{\"c1\":\"\u009b31m\u007f\",\"bad\":\"\xff\"}", "", "{\"c1\":\"\\u009b31m\\u007f\",\"bad\":\"\ufffd\"}"},
		{`{"half":`, `{"half":`, ""},
		{`{"a":1} {"b":2}`, `{"a":1} {"b":2}`, ""},
		{`[1]`, `[1]`, ""},
		{`"text"`, `"text"`, ""},
		{``, ``, ""},
	} {
		before := len(st.stderr.String())
		app(printed(c.line))
		st.await("the line is there", func() bool { return strings.HasSuffix(st.stderr.String()[before:], "\n") })
		var got struct {
			Message string          `json:"@message"`
			JSON    json.RawMessage `json:"json"`
			App     string
			PID     int
			Gen     int
		}
		if err := json.Unmarshal([]byte(st.stderr.String()[before:]), &got); err != nil {
			t.Fatal(err)
		}
		if got.Message != c.message || string(got.JSON) != c.object || got.App != "app" || got.PID != 12 || got.Gen != 3 {
			t.Errorf("%q became %+v, %s", c.line, got, got.JSON)
		}
	}
}

func TestNoLevelDropsLinesOfApps(t *testing.T) {
	st := newStage(t, func(c *Config) { withApp("/srv/app", "stderr")(c); c.Server.LogLevel = "error" })
	st.Log.Warn("of purser")
	st.app()(printed("of the app"))
	st.says("of the app")
	if strings.Contains(st.stderr.String(), "of purser") {
		t.Errorf("stderr has %s", st.stderr)
	}
}

func TestFormatMayBeChosenForAllPlaces(t *testing.T) {
	st := newStage(t, func(c *Config) { withApp("/srv/app", "stderr")(c); c.Server.LogAppsFormat = "raw" })
	st.app()(printed("as it is"))
	st.await("it is as it is", func() bool { return st.stderr.String() == "as it is\n" })

	path := inFolder(t, "app.log")
	st = newStage(t, func(c *Config) { withApp("/srv/app", path)(c); c.Server.LogAppsFormat = "text" })
	st.app()(printed("wrapped"))
	st.await("it is wrapped", func() bool { return strings.Contains(content(path), "purser.app: wrapped: app=app") })
}

func TestLogsOfOneNameAreOneFile(t *testing.T) {
	path := inFolder(t, "all.log")
	st := newStage(t, func(c *Config) { withApp("/srv/app", path)(c); c.Server.AccessLog = path + "/../all.log" })
	st.app()(printed("one"))
	st.access()([]byte("two\n"))
	if n := len(st.all()); n != 2 {
		t.Errorf("there are %d logs, want stderr and the file", n)
	}
	st.fileIs(path, "one\ntwo\n")
}
