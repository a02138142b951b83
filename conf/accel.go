package conf

import "strings"

// accelSection is [apps.NAME.accel]: what an app may name in X-Accel-Redirect, and the folder that each is.
var accelSection = aMap("accel", func(a *App) *map[string]string { return &a.Accel }, checkAccel, placedAccel)

// checkAccel looks at one of them. The app is told of all in one header field, X-Accel-Mapping, as a list with commas
// and "=".
func checkAccel(inner, folder string, t table) {
	if plain := trimFolder(inner); inner == "" || !isPlainPath(plain) || strings.ContainsAny(inner, ",=") {
		t.refuse(`must be a path that begins with "/", as in "/protected/", and is plain: without "%%", "*", "//", "..", "," and "=", not %s`, described(inner))
	}
	if !isSentFolder(folder) {
		t.refuse(`must be the path of a folder, without "," and "=", not %s`, described(folder))
	}
}

func placedAccel(folder, dir string) string { return placedFile(trimFolder(folder), dir) }

func (a *App) checkSendfile(t table) {
	for _, folder := range a.Sendfile {
		t.require(isSentFolder(folder), "sendfile", `must be paths of folders, without "," and "=", not %s`, described(folder))
	}
}

func isSentFolder(s string) bool { return isElsewhere(s) && !strings.ContainsAny(s, ",=") }
