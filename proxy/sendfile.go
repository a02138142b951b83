package proxy

import (
	"errors"

	"purser/proxy/wire"
)

// errSendfile refuses what an app must not be left to believe was done.
var errSendfile = errors.New("the app answers with X-Accel-Redirect, X-Sendfile, X-Lighttpd-Send-File or X-Reproxy-URL, " +
	"which purser does not do yet; have the app send the file itself, or a trusted proxy that does it offer so with X-Sendfile-Type")

// checkForFront looks at what an app says to the server in front of it. An answer that wants something else
// sent in its place is refused, unless a trusted proxy before us has offered to do so: then it is passed
// on. That an answer should not be gathered (X-Accel-Buffering) is done here and hidden from clients, but a
// proxy before us has to know it, too. The other X-Accel-* mean nothing to us, and are fields like any.
func (o *origin) checkForFront(head *wire.Response) error {
	if !head.ForFront || head.Status == 101 { // which has no content
		return nil
	}
	for i := range head.Fields {
		switch f := &head.Fields[i]; {
		case f.SendsFile():
			if o.believed(wire.XSendfileType) == nil && o.believed(wire.XAccelMapping) == nil {
				return errSendfile
			}
			f.Drop = false
		case f.ID == wire.XAccelBuffering && o.peer.Trusted:
			f.Drop = false
		}
	}
	return nil
}
