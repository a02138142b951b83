package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Account is the user that an app runs as, and its groups, as the system knows them.
type Account struct {
	User   string   // its name; its number if it has none
	Group  string   // likewise
	UID    uint32   // of that user
	GID    uint32   // of that group
	Groups []uint32 // the supplementary ones
	Home   string   // "/" of a user without a name
	Shell  string
	By     string // what says so: user, owner (of the app's files) or default_user
}

// What says as whom an app runs, as Account.By.
const (
	ByUser    = "user"
	ByOwner   = "owner"
	ByDefault = "default_user"
)

// StartupFileGroup as App.Group is the group that the startup file belongs to, as Passenger writes it.
const StartupFileGroup = "!STARTUP_FILE!"

// Nobody is the default of Server.DefaultUser, a user that a system may lack unless it is needed.
const Nobody = "nobody"

// is reports whether processes of two accounts are started alike.
func (a *Account) is(b *Account) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UID == b.UID && a.GID == b.GID && slices.Equal(a.Groups, b.Groups) && a.User == b.User && a.Home == b.Home && a.Shell == b.Shell
}

// compareAccounts adds the keys that say as whom an app runs, if that is another user or group now: also where the
// file says the same, as the owner of the app's files may be another.
func (d *AppDiff) compareAccounts(older, newer *Account) {
	if older.is(newer) {
		return
	}
	if slices.Contains(d.Restart, "user") || slices.Contains(d.Restart, "group") {
		return
	}
	key := "user"
	if older != nil && newer != nil && older.UID == newer.UID && older.GID != newer.GID {
		key = "group"
	}
	d.Restart = append(d.Restart, key)
}

// maxID is the highest number of a user or a group: (uid_t) -1 means "leave it as it is" (chown(2), setresuid(2)).
const maxID = 1<<32 - 2

// account reads the name of a user or a group, or its number.
func account(v any) (string, error) {
	if n, ok := v.(int64); ok {
		v = strconv.FormatInt(n, 10)
	}
	return text(v)
}

// checkAccount says why a text is neither a name nor a number of a user or a group. "" is none.
func checkAccount(s string) error {
	const want = `must be a name or a number`
	if s == "" {
		return nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		if n > maxID {
			return fmt.Errorf(want+" from 0 to %d, not %s", uint32(maxID), s)
		}
		return nil
	}
	if s[0] == '-' || s[0] == '+' || !printable(s) || strings.ContainsAny(s, " \t:/,") {
		return fmt.Errorf(want+", not %s", described(s))
	}
	return nil
}
