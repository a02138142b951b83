package spawn

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"purser/conf"
	"purser/spawn/dotenv"
)

// This file is about variables of an app that are in a file of its own (env_file). Purser does not read it: its binary,
// run as the app's user in the release's folder, does, and becomes the program then.

// selfBinary is the binary of whoever forks.
const selfBinary = "/proc/self/exe"

// withEnvFile is what to run so that a program, by its path, gets the variables of the app's env_file, too. Word is how a
// word of the configuration is written there.
func withEnvFile(app conf.App, path string, args []string, word func(string) string) (string, []string) {
	if app.EnvFile == "" {
		return path, args
	}
	var kept []string
	for _, name := range slices.Sorted(maps.Keys(app.Env)) {
		kept = append(kept, word(name))
	}
	return selfBinary, dotenv.Arguments(word(app.EnvFile), kept, path, args)
}

func plain(word string) string { return word }

// CheckEnvFile says why the env_file of an app could not be used, by its user, or what to think of it.
func CheckEnvFile(app conf.App) (warning string, err error) {
	if app.EnvFile == "" {
		return "", nil
	}
	file := app.EnvFile
	if !filepath.IsAbs(file) {
		file = filepath.Join(app.Root, file)
	}
	uid := os.Geteuid()
	if app.RunsAs != nil {
		uid = int(app.RunsAs.UID)
	}
	look := func() {
		if _, err = dotenv.Read(file, uid); err == nil && dotenv.IsOpen(file) {
			warning = fmt.Sprintf("env_file: everybody on this machine may read %s; to keep its secrets, chmod 600 %s", file, file)
		}
	}
	if app.RunsAs == nil {
		look()
	} else if unable := UserOf(app.RunsAs).As(look); unable != nil {
		return "", nil // the app is told when it starts
	}
	return warning, err
}
