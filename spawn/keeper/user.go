package keeper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A User is as whom a program runs: with these groups and no others.
type User struct {
	UID, GID uint32
	Groups   []uint32 // the supplementary ones
}

const (
	mostGroups = 65536     // NGROUPS_MAX
	noID       = 1<<32 - 1 // to setresuid(2) it is "leave it as it is"
)

// text is "UID:GID:GROUP,GROUP", or "" for no user.
func (u *User) text() string {
	if u == nil {
		return ""
	}
	groups := make([]string, len(u.Groups))
	for i, g := range u.Groups {
		groups[i] = strconv.FormatUint(uint64(g), 10)
	}
	return fmt.Sprintf("%d:%d:%s", u.UID, u.GID, strings.Join(groups, ","))
}

// parseUser is the other direction.
func parseUser(text string) (*User, error) {
	if text == "" {
		return nil, nil
	}
	uid, rest, _ := strings.Cut(text, ":")
	gid, groups, found := strings.Cut(rest, ":")
	numbers := []string{uid, gid}
	if groups != "" {
		numbers = append(numbers, strings.Split(groups, ",")...)
	}
	if !found || len(numbers) > 2+mostGroups {
		return nil, syscall.EINVAL
	}
	ids := make([]uint32, len(numbers))
	for i, number := range numbers {
		id, err := strconv.ParseUint(number, 10, 32)
		if err != nil || id == noID {
			return nil, syscall.EINVAL
		}
		ids[i] = uint32(id)
	}
	return &User{UID: ids[0], GID: ids[1], Groups: slices.Clone(ids[2:])}, nil
}

// asText is a user, limits and a group in one text. Without the latter it is what keepers knew before there were any.
func asText(u *User, l Limits, a AppGroup) string { return u.text() + l.text() + a.text() }

// parseAs is the other direction.
func parseAs(text string) (u *User, l Limits, a AppGroup, err error) {
	words := strings.Split(text, " ")
	if u, err = parseUser(words[0]); err == nil {
		a, words, err = parseAppGroup(words[1:])
	}
	if err == nil {
		l, err = parseLimits(words)
	}
	return u, l, a, err
}

func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// own gives the pipes among a program's files to its user. It has them open, but whoever opens /dev/stdout or
// /proc/self/fd/1 by name, as loggers do, is asked whose they are (proc_pid_fd(5)). What has a name in some folder is
// left alone: it is somebody's, and the front may have anybody's open.
func (u *User) own(files []int) error {
	if u == nil {
		return nil
	}
	for _, fd := range files {
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return err
		}
		if stat.Mode&unix.S_IFMT != unix.S_IFIFO || stat.Uid == u.UID || hasName(fd) {
			continue
		}
		if err := unix.Fchown(fd, int(u.UID), int(u.GID)); err != nil {
			return err
		}
	}
	return nil
}

// hasName reports whether a pipe is a file in some folder (mkfifo(3)), and not one of pipe(2).
func hasName(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) != nil || fs.Type != unix.PIPEFS_MAGIC
}
