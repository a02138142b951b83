package proxy

import "purser/proxy/wire"

// allowed are the methods that are served.
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// options answers what asks about the server itself: OPTIONS of "*", or one that may go no further (RFC
// 9110 section 7.6.2).
func options(x *exchange) *reply {
	if x.req.Target[0] != '*' && !(string(x.req.Method) == "OPTIONS" && string(x.req.Get(wire.MaxForwards)) == "0") {
		return nil
	}
	x.reply.begin(204)
	x.reply.add("Allow", allowed)
	return &x.reply
}
