package dotenv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// name is what a process is called that is about to run a program with the variables of a file.
const name = "purser-env"

// end is between the variables that are not the file's to set, and the program.
const end = "--"

// Arguments are those of purser's own binary that has it run a program, by its path, with these arguments of its own
// (the first is its name), with the variables of a file. What is in kept, and what purser alone may set, is not taken
// from the file.
func Arguments(file string, kept []string, path string, args []string) []string {
	return slices.Concat([]string{name, file}, kept, []string{end, path}, args)
}

// Wanted reports whether a command line is one of Arguments.
func Wanted(args []string) bool { return len(args) > 0 && args[0] == name }

// Exit codes are those of a shell that cannot run a program, and sysexits(3) for the file.
const (
	exitNotRun   = 126
	exitNotFound = 127
	exitConfig   = 78
)

// Run becomes the program that Arguments has named, or returns an exit code and says why on stderr.
func Run(args []string, stderr io.Writer) int {
	at := slices.Index(args, end)
	if at < 2 || len(args) < at+3 {
		fmt.Fprintln(stderr, "purser: internal error: a program with variables is run without one")
		return exitNotRun
	}
	file, kept, path := args[1], args[2:at], args[at+1]
	all, err := Read(file, os.Geteuid())
	if err != nil {
		fmt.Fprintf(stderr, "purser: cannot use env_file: %v\n", err)
		return exitConfig
	}
	env, told := join(os.Environ(), all, kept)
	for _, line := range told {
		fmt.Fprintf(stderr, "purser: env_file %s: %s\n", file, line)
	}
	err = syscall.Exec(path, args[at+2:], env)
	fmt.Fprintf(stderr, "purser: cannot run %s: %v\n", path, err)
	if errors.Is(err, os.ErrNotExist) {
		return exitNotFound
	}
	return exitNotRun
}

// most is how long a file may be.
const most = 1 << 20

// Read reads a file of variables for programs of a user: a regular one that only this user and root can have written.
func Read(file string, uid int) ([]Variable, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	of := stat.Sys().(*syscall.Stat_t)
	switch {
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", file)
	case stat.Size() > most:
		return nil, fmt.Errorf("%s is larger than 1 MiB", file)
	case of.Uid != 0 && int(of.Uid) != uid:
		return nil, fmt.Errorf("%s belongs to another user than the app runs as: give it to that user, or to root", file)
	case of.Mode&0o002 != 0:
		return nil, fmt.Errorf("everybody may write to %s: chmod 600 %s", file, file)
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, err
	}
	all, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// IsOpen reports whether everybody on the machine may read a file.
func IsOpen(file string) bool {
	stat, err := os.Stat(file)
	return err == nil && stat.Mode()&0o004 != 0
}

// kinds are the variables that `environment` stands for.
var kinds = []string{"RAILS_ENV", "RACK_ENV", "NODE_ENV", "WSGI_ENV", "APP_ENV"}

// besideOwn reports whether a variable has options of purser's own in it, without which it does not run the app: the
// guard of Ruby, and the loader of what a script of package.json runs. What the file says comes after them.
func besideOwn(variable string) bool {
	return strings.HasPrefix(variable, "RUBYOPT=") || strings.HasPrefix(variable, "NODE_OPTIONS=--require=")
}

// join is an environment with variables of a file in it, but for those that are kept. It tells which others it has not
// taken, and why.
func join(env []string, all []Variable, kept []string) (joined, told []string) {
	joined = slices.Clone(env)
	for _, v := range all {
		at := slices.IndexFunc(joined, func(s string) bool { return strings.HasPrefix(s, v.Name+"=") })
		switch {
		case slices.Contains(kept, v.Name), at >= 0 && joined[at] == v.Name+"="+v.Value:
		case conf.OwnVariable(v.Name):
			told = append(told, v.Name+" is not taken, as purser sets it; to set it all the same, write it into env")
		case slices.Contains(kinds, v.Name):
			told = append(told, v.Name+" is not taken; set environment")
		case at < 0:
			joined = append(joined, v.Name+"="+v.Value)
		case besideOwn(joined[at]):
			joined[at] += " " + v.Value
		default:
			joined[at] = v.Name + "=" + v.Value
		}
	}
	return joined, told
}
