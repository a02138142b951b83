package status

import (
	"fmt"
	"net/http"
	"os/user"
	"strconv"
)

// asker says who calls.
func asker(r *http.Request) string {
	uid, local := r.Context().Value(uidKey{}).(int)
	if !local {
		return "the admin API, from " + r.RemoteAddr
	}
	if who, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return who.Username
	}
	return fmt.Sprintf("uid %d", uid)
}
