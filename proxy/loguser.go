package proxy

import (
	"bytes"
	"encoding/base64"

	"purser/proxy/wire"
)

// user is the name that a request tells with its password, right or wrong, as nginx's $remote_user; nil = it has none.
func (x *exchange) user() []byte {
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.ID == wire.Authorization {
			return userIn(f.Value)
		}
	}
	return nil
}

// userIn returns the name in an Authorization that is a Basic one (RFC 7617 section 2). A text that has no password in
// it may be one, and is nobody's name.
func userIn(authorization []byte) []byte {
	credentials, ok := basic(authorization)
	if !ok {
		return nil
	}
	text := make([]byte, base64.StdEncoding.DecodedLen(len(credentials)))
	n, err := base64.StdEncoding.Decode(text, credentials)
	name, _, ok := bytes.Cut(text[:n], []byte(":"))
	if err != nil || !ok || len(name) == 0 {
		return nil
	}
	return name
}

// betweenSpaces are the bytes that a value must not have which ends at a space.
var betweenSpaces = escapedBefore(" ")
