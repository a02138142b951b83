package conf

import "time"

// Clients is how long clients may take, and how many may come. They are keys of [server].
type Clients struct {
	HeadTimeout              time.Duration // from the first byte of a request's head to its last; default 15s
	BodyTimeout              time.Duration // without a byte of a request's body; default 30s
	BodyMinRate              int64         // bytes per second of a body on average, after RateGrace; default 500; 0 = any
	SendTimeout              time.Duration // without a byte of an answer that waits for its client; default 30s
	SendMinRate              int64         // as BodyMinRate, for each 32 KiB of an answer that waits; default 500; 0 = any
	KeepaliveTimeout         time.Duration // between two requests; default 75s
	KeepaliveRequests        int           // on one connection; default 0 = any number
	MaxConnections           int           // default 0 = as many as there are descriptors for
	MaxConnectionsPerAddress int           // of IPv6 for each /64; who is in trusted_proxies, or has no address, does not count; default 0 = any number
}

func defaultClients() Clients {
	return Clients{
		HeadTimeout:      15 * time.Second,
		BodyTimeout:      30 * time.Second,
		BodyMinRate:      500,
		SendTimeout:      30 * time.Second,
		SendMinRate:      500,
		KeepaliveTimeout: 75 * time.Second,
	}
}

// DefaultClients is what holds of clients of whom nothing is written.
func DefaultClients() Clients { return defaultClients() }

// clientFields are the keys of Clients.
var clientFields = []field[Server]{
	at("head_timeout", func(s *Server) *time.Duration { return &s.Clients.HeadTimeout }, durationForm),
	at("body_timeout", func(s *Server) *time.Duration { return &s.Clients.BodyTimeout }, durationForm),
	at("body_min_rate", func(s *Server) *int64 { return &s.Clients.BodyMinRate }, sizeForm),
	at("send_timeout", func(s *Server) *time.Duration { return &s.Clients.SendTimeout }, durationForm),
	at("send_min_rate", func(s *Server) *int64 { return &s.Clients.SendMinRate }, sizeForm),
	at("keepalive_timeout", func(s *Server) *time.Duration { return &s.Clients.KeepaliveTimeout }, durationForm),
	at("keepalive_requests", func(s *Server) *int { return &s.Clients.KeepaliveRequests }, countForm),
	at("max_connections", func(s *Server) *int { return &s.Clients.MaxConnections }, countForm),
	at("max_connections_per_address", func(s *Server) *int { return &s.Clients.MaxConnectionsPerAddress }, countForm),
}

// maxMinRate is far above what a client may be asked for: beyond it every one of them would be cut off.
const maxMinRate = 1 << 30

func (c *Clients) check(t table) {
	t.positive("head_timeout", c.HeadTimeout)
	t.positive("body_timeout", c.BodyTimeout)
	t.positive("send_timeout", c.SendTimeout)
	t.positive("keepalive_timeout", c.KeepaliveTimeout)
	t.require(0 <= c.BodyMinRate && c.BodyMinRate <= maxMinRate, "body_min_rate", `must be bytes per second from "0" (any) to "1GiB"`)
	t.require(0 <= c.SendMinRate && c.SendMinRate <= maxMinRate, "send_min_rate", `must be bytes per second from "0" (any) to "1GiB"`)
	t.count("keepalive_requests", c.KeepaliveRequests, 0)
	t.count("max_connections", c.MaxConnections, 0)
	t.count("max_connections_per_address", c.MaxConnectionsPerAddress, 0)
}
