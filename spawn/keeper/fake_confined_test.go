package keeper

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// doConfined is what the fake front can do that is about grants; its own words, such as a taken-over front might say.
func (f *fakeFront) doConfined(word, name, text string) string {
	number, _ := strconv.Atoi(name)
	switch word {
	case "granted": // NAME GRANT RELEASE MORE
		grant, rest, _ := strings.Cut(text, " ")
		release, more, _ := strings.Cut(rest, " ")
		return f.granted(name, grant, Filling{Release: release, Env: []string{"MORE=" + more}})
	case "variable-of":
		return f.granted(name, "1", Filling{Release: os.Args[1] + "/app", Env: []string{text}})
	case "granted-folder": // NAME GRANT FOLDER
		grant, folder, _ := strings.Cut(text, " ")
		n, _ := strconv.Atoi(folder)
		return f.granted(name, grant, Filling{Folder: uint32(n)})
	case "folder":
		n, path, err := f.keeper.MakeFolder(uint32(number))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(n, " ", path)
	case "socket":
		return fmt.Sprint(f.keeper.OpenSocket(uint32(number)))
	case "connect":
		conn, err := net.Dial("unix", name)
		if err == nil {
			conn.Close()
		}
		return inner(err)
	case "open":
		_, err := os.Open(name)
		return inner(err)
	case "follow":
		pid, _ := strconv.Atoi(text)
		f.kids[name].Follow(pid)
	case "last": // so that the next child has the id after that
		last, _ := strconv.ParseUint(name, 10, 32)
		f.keeper.link.mu.Lock()
		f.keeper.link.last = uint32(last)
		f.keeper.link.mu.Unlock()
	case "notify":
		return fmt.Sprint(f.keeper.Notify(name))
	case "say": // a verb, and a number
		n, _ := strconv.Atoi(text)
		return f.say(verb(name[0]), uint32(n))
	case "read-config":
		return f.readConfig()
	case "held":
		held, err := io.ReadAll(io.NewSectionReader(f.left.Held[name], 0, 1000))
		return string(held) + strings.TrimSuffix(inner(err), "<nil>")
	case "variable":
		return os.Getenv(name)
	case "dumpable":
		is, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		return fmt.Sprint(is) + strings.TrimSuffix(inner(err), "<nil>")
	}
	return "done"
}

func inner(err error) string {
	if number, is := errors.AsType[syscall.Errno](err); is {
		return number.Error()
	}
	if err == nil {
		return "<nil>"
	}
	return err.Error()
}

func (f *fakeFront) granted(name, grant string, filling Filling) string {
	number, _ := strconv.Atoi(grant)
	return f.start(Program{Name: name, Grant: uint32(number), Fill: filling})
}

// say says something with as many descriptors as it takes.
func (f *fakeFront) say(v verb, number uint32) string {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err.Error()
	}
	defer null.Close()
	var files []*os.File
	for range orders[v].min {
		files = append(files, null)
	}
	return fmt.Sprint(f.keeper.tell(message{verb: v, number: number}, files...))
}

func (f *fakeFront) readConfig() string {
	held, err := f.keeper.Read()
	if err != nil {
		return err.Error()
	}
	var names []string
	for name, file := range held {
		f.left.Held[name] = file
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ",") + " <nil>"
}

// changeNote tells systemd a text, and changes it once it was said.
