package conf

import (
	"fmt"
	"path"
	"strings"
)

// A pattern of env_pass is the name of a variable, or a glob such as RAILS_*.

func parsePass(s string) (string, error) { return s, checkPass(s) }

func checkPass(s string) error {
	if s == "" || strings.ContainsAny(s, "=\x00/") || !printable(s) {
		return fmt.Errorf("must be names of variables, not %s", described(s))
	}
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Errorf(`must be names such as "DATABASE_URL" or globs such as "RAILS_*", not %s`, described(s))
	}
	if !strings.ContainsAny(s, `*?[\`) && OwnVariable(s) {
		return fmt.Errorf("must not have %s, which is meant for purser itself; to set it for the app, write it into env", described(s))
	}
	return nil
}

// OwnVariable reports whether a variable is between purser and who started it, and never handed on:
// what systemd and Docker tell purser is wrong for an app, and so is purser's own token.
func OwnVariable(name string) bool {
	return name == "PORT" || name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "LISTEN_") ||
		strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "PURSER_")
}

// Passes reports whether env_pass hands a variable on, and whether it names it in full.
func (a *App) Passes(name string) (passes, named bool) {
	if OwnVariable(name) {
		return false, false
	}
	for _, pattern := range a.EnvPass {
		if pattern == name {
			return true, true
		}
		if match, err := path.Match(pattern, name); err == nil && match {
			passes = true
		}
	}
	return passes, false
}
