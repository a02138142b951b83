package dotenv

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAFileIsReadAsDotenvReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"# nothing\n\n  \t\n":             "",
		"A=1":                             "A=1",
		"A=1\nB=2\n":                      "A=1|B=2",
		"A=1\r\nB=2\r\n":                  "A=1|B=2",
		"\ufeffA=1":                       "A=1",
		"export A=1\n  export\tB = 2":     "A=1|B=2",
		"A=1\nexport A":                   "A=1",
		"A=1\nA=2":                        "A=2",
		"A=":                              "A=",
		"A= \nB=1":                        "A=|B=1",
		"A=a b  # why":                    "A=a b",
		"A=a#b":                           "A=a#b",
		"A=#b":                            "A=",
		"A=\"a # b\" # why":               "A=a # b",
		"A='a # b'":                       "A=a # b",
		"A=`it's \"so\"`":                 "A=it's \"so\"",
		`A="a\nb\t\"c\" \\ \$D \q"`:       "A=a\nb\t\"c\" \\ $D \\q",
		`A='a\nb'`:                        `A=a\nb`,
		"A=\"a\nb\"\nB=1":                 "A=a\nb|B=1",
		"A=\"a\r\nb\"\r\nB=1":             "A=a\nb|B=1",
		"A=$B ${C}":                       "A=$B ${C}",
		"DATABASE_URL=postgres://a:b@c/d": "DATABASE_URL=postgres://a:b@c/d",
		"a.b-c=1":                         "a.b-c=1",
		"A=x=y":                           "A=x=y",
		"A=it's":                          "A=it's",
		"A=''":                            "A=",
	} {
		all, err := Parse(text)
		var got []string
		for _, v := range all {
			got = append(got, v.Name+"="+v.Value)
		}
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q is read as %q (%v), want %q", text, strings.Join(got, "|"), err, want)
		}
	}
}

func TestWhatIsNoVariableIsRefusedWithItsLineAndWithoutItsValue(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\nsecret":          "line 2: it is not NAME=VALUE",
		"A=1\n\n1B=secret":     "line 3: it is not NAME=VALUE",
		"A='1\n2'\nB='secret":  "line 3: a value begins with ', and no such quote closes it",
		"A=\"secret\\":         `line 1: a value begins with "`,
		"A='1'secret":          "line 1: something follows the closing quote of A",
		"export secret":        "line 1: it is not NAME=VALUE",
		"A=secret\x00":         "it is no text in UTF-8",
		"A=secret\xff":         "it is no text in UTF-8",
		"A: secret":            "line 1: it is not NAME=VALUE",
		"A=1\nB=\"x\" secret#": "line 2: something follows the closing quote of B",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is refused with %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("export A=\"b\\n\" # c\nB='\n'\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(text)
		if err != nil {
			return
		}
		for _, v := range all {
			if v.Name == "" || strings.ContainsAny(v.Name, "=\x00\n") || strings.ContainsRune(v.Value, 0) {
				t.Errorf("%q sets %q to %q", text, v.Name, v.Value)
			}
		}
	})
}

func TestAFileThatOthersMayHaveWrittenIsNotRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, ".env")
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{{0o600, ""}, {0o640, ""}, {0o644, ""}, {0o646, "everybody may write to " + file}} {
		if err := os.WriteFile(file, []byte("A=1"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file, os.Geteuid()); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("with mode %o: %v", c.mode, err)
		}
	}
	if _, err := Read(dir, os.Geteuid()); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(file, 5, 5); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file, 0); err == nil {
			t.Error("another's file is read")
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file, 5); err != nil {
			t.Errorf("the file of whom it is read for is not read: %v", err)
		}
	}
}

func TestTheFileWinsOverWhatIsThereButForWhatPurserAndEnvSay(t *testing.T) {
	env := []string{"A=old", "PORT=1", "RAILS_ENV=production", "RUBYOPT=-Iguard", "KEPT=env"}
	all := []Variable{{"A", "new"}, {"B", "2"}, {"PORT", "3000"}, {"PURSER_SOCKET", "/x"}, {"RAILS_ENV", "test"}, {"NODE_ENV", "test"}, {"RUBYOPT", "-W0"}, {"KEPT", "file"}}
	joined, told := join(env, all, []string{"KEPT"})
	if want := []string{"A=new", "PORT=1", "RAILS_ENV=production", "RUBYOPT=-Iguard -W0", "KEPT=env", "B=2"}; !slices.Equal(joined, want) {
		t.Errorf("the program gets %q, want %q", joined, want)
	}
	if said := fmt.Sprint(told); len(told) != 4 || !strings.Contains(said, "PORT is not taken") || !strings.Contains(said, "RAILS_ENV is not taken; set environment") || strings.Contains(said, "3000") {
		t.Errorf("it is told %q", told)
	}
	if joined, told = join([]string{"RAILS_ENV=production"}, []Variable{{"RAILS_ENV", "production"}}, nil); len(told) != 0 || len(joined) != 1 {
		t.Errorf("what is the same is told: %q", told)
	}
}

func TestOptionsOfNodeComeBehindTheLoaderThatPurserHasItRequire(t *testing.T) {
	file := []Variable{{"NODE_OPTIONS", "--max-old-space-size=512"}}
	for before, want := range map[string]string{
		"NODE_OPTIONS=--require=/run/node.cjs": "NODE_OPTIONS=--require=/run/node.cjs --max-old-space-size=512",
		"NODE_OPTIONS=--no-warnings":           "NODE_OPTIONS=--max-old-space-size=512",
	} {
		if joined, _ := join([]string{before}, file, nil); !slices.Equal(joined, []string{want}) {
			t.Errorf("beside %s the program gets %q", before, joined)
		}
	}
}
