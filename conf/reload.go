package conf

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A reloader is a program that starts new code by itself when files change, with one of the flags, or
// always if there is none.
type reloader struct {
	program string // name, without folders and version
	flags   []string
}

var reloaders = []reloader{
	{"uvicorn", []string{"--reload"}},
	{"gunicorn", []string{"--reload"}},
	{"hypercorn", []string{"--reload"}},
	{"granian", []string{"--reload"}},
	{"flask", []string{"--reload", "--debug"}},
	{"fastapi", []string{"dev", "--reload"}},
	{"uwsgi", []string{"--touch-reload", "--touch-chain-reload", "--py-autoreload", "--python-autoreload", "--fs-reload"}},
	{"node", []string{"--watch", "--watch-path"}},
	{"bun", []string{"--watch", "--hot"}},
	{"deno", []string{"--watch", "--watch-hmr"}},
	{"tsx", []string{"watch"}},
	{"ts-node-dev", nil}, {"tsnd", nil}, {"nodemon", nil}, {"node-dev", nil},
	{"watchexec", nil}, {"watchmedo", nil}, {"watchfiles", nil}, {"entr", nil}, {"shotgun", nil},
	{"pm2", []string{"--watch"}}, {"pm2-runtime", []string{"--watch"}},
}

// ReloadWarning says which part of the app's command makes its server start new code by itself, "" if
// nothing is known to, or if reload_guard is false, as then it is wanted.
func (a *App) ReloadWarning() string {
	if !a.ReloadGuard {
		return ""
	}
	part := a.Command.reloading()
	if part == "" {
		return ""
	}
	return fmt.Sprintf("%s in the command starts new code by itself, also broken code, and in old processes; "+
		"leave it out, as purser restarts the app, or set reload_guard = false", quoted(part))
}

// reloading is what of the command reloads, such as "uvicorn --reload".
func (c Command) reloading() string {
	words := c.words()
	if at := slices.Index(words, "manage.py"); at >= 0 && slices.Contains(words[at:], "runserver") && !slices.Contains(words, "--noreload") {
		return "manage.py runserver"
	}
	for i, word := range words {
		for _, r := range reloaders {
			if programName(word) == r.program {
				if part, found := r.in(words[i+1:]); found {
					return part
				}
			}
		}
	}
	return ""
}

func (r reloader) in(words []string) (part string, found bool) {
	if r.flags == nil {
		return r.program, true
	}
	for _, word := range words {
		if flag, _, _ := strings.Cut(word, "="); slices.Contains(r.flags, flag) {
			return r.program + " " + flag, true
		}
	}
	return "", false
}

// words are those of the command: of what a shell is given, as far as blanks and quotes tell.
func (c Command) words() []string {
	if c.Shell == "" {
		return c.Args
	}
	return strings.FieldsFunc(c.Shell, func(r rune) bool { return strings.ContainsRune(" \t\n\"'`;&|()", r) })
}

// programName is "python3.11" as "python".
func programName(word string) string {
	return strings.TrimRight(path.Base(word), "0123456789.")
}
