package proxy

import (
	"strconv"

	"purser/proxy/wire"
)

// allowed are the methods that are served.
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// options answers what asks about the server itself: OPTIONS of "*", or one that may go no further (RFC
// 9110 section 7.6.2).
func options(x *exchange) *reply {
	if x.req.Target[0] != '*' && (string(x.req.Method) != "OPTIONS" || mayForward(x.req)) {
		return nil
	}
	x.reply.begin(204)
	x.reply.add("Allow", allowed)
	return &x.reply
}

// mayForward takes one off the Max-Forwards of an OPTIONS, and reports false if it is 0. One that is no
// number says nothing.
func mayForward(r *wire.Request) bool {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID != wire.MaxForwards {
			continue
		}
		n, err := strconv.ParseUint(string(f.Value), 10, 63)
		if err != nil {
			return true
		}
		if n == 0 {
			return false
		}
		f.Value = strconv.AppendUint(nil, n-1, 10)
	}
	return true
}
