package conf

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// placeLog says where what the app prints goes, if the app does not: where the server says. Relative
// paths begin at the folder for logs, or at log below the app's root.
func (a *App) placeLog(s Server) {
	if a.Log == "" && !isLogTemplate(s.LogApps) {
		return // it is said of log_apps
	}
	where := strings.ReplaceAll(cmp.Or(a.Log, s.LogApps), "{app}", a.Name)
	a.Log = placedLog(where, filepath.Join(a.Root, "log"))
}

// placedLog leaves the words and makes a path absolute: it begins at $LOGS_DIRECTORY, which systemd sets
// for LogsDirectory=, else at folder.
func placedLog(where, folder string) string {
	if where == "" || where == "stderr" || where == "stdout" || filepath.IsAbs(where) {
		return where
	}
	logs, _, _ := strings.Cut(os.Getenv("LOGS_DIRECTORY"), ":") // a unit may have several (systemd.exec(5))
	return filepath.Join(cmp.Or(logs, folder), where)
}

// isLog reports whether where is a word for a stream, or the path of a file.
func isLog(where string) bool {
	return where == "stderr" || where == "stdout" || filepath.IsAbs(where) && isLogTemplate(where)
}

// isLogTemplate reports whether a log may be called so, in which {app} is replaced and no other word in
// braces.
func isLogTemplate(where string) bool {
	rest := strings.ReplaceAll(where, "{app}", "")
	return where != "" && printable(where) && !strings.HasSuffix(where, "/") && !strings.ContainsAny(rest, "{}")
}

func (s *Server) checkLogs(t table) {
	t.oneOf("log_level", s.LogLevel, logLevels)
	t.oneOf("log_format", s.LogFormat, logFormats)
	t.require(isLogTemplate(s.LogApps), "log_apps", `must be "stderr", "stdout" or the path of a file, in which {app} is the app's name`)
	t.oneOf("log_apps_format", s.LogAppsFormat, appsFormats)
	t.require(s.LogMaxSize == 0 || s.LogMaxSize >= minLogSize, "log_max_size", `must be "0" (off) or a size of at least "64KiB"`)
	t.count("log_keep", s.LogKeep, 0)
	s.checkAccessLog(t)
}
