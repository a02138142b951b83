package main

import (
	"crypto/tls"
	"fmt"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// A mode is one kind of request.
type mode struct {
	name        string
	what        string
	path        string
	size        int        // of the answer's body
	upload      int        // size of the request's body; 0 = it is a GET
	stored      bool       // the front has kept an answer of the app, for which HAProxy is not set up
	static      bool       // the front has the file itself, which HAProxy cannot
	unchanged   bool       // the client has it already, and is told that it has not changed
	tls         bool       // over TLS, which HAProxy is not set up for
	handshake   *handshake // what the client wants of TLS; nil = as it comes
	http2       bool       // over HTTP/2, through h2load
	streams     int        // of each of its connections
	closes      bool       // the client asks for it, and takes a new connection for the next request
	websocket   bool       // the requests are the messages of WebSockets
	gzip        bool       // the front compresses the answers, which HAProxy is not set up for; size is without that
	connections []int      // that it is measured with
}

var modes = []mode{
	{name: "get", what: "small keep-alive GET", path: "/", size: 12, connections: []int{64, 512}},
	{name: "16k", what: "answers of 16 KiB", path: "/16k", size: 16 * kib, connections: []int{64}},
	{name: "100k", what: "answers of 100 KiB", path: "/100k", size: 100 * kib, connections: []int{64}},
	{name: "1m", what: "answers of 1 MiB", path: "/1m", size: mib, connections: []int{16}},
	{name: "10m", what: "answers of 10 MiB", path: "/10m", size: 10 * mib, connections: []int{4}},
	upload("post", "small POST", 64, 64),
	upload("up1k", "uploads of 1 KiB", kib, 64),
	upload("up64k", "uploads of 64 KiB", 64*kib, 64),
	upload("up1m", "uploads of 1 MiB", mib, 16),
	upload("up100m", "uploads of 100 MiB", 100*mib, 2),
	static("static1k", "files of 1 KiB", kib, 64),
	static("static100k", "files of 100 KiB", 100*kib, 64),
	unchanged(static("static304", "files of 1 KiB that the client has, which is a 304", kib, 64)),
	static("static10m", "files of 10 MiB", 10*mib, 1),
	{name: "cachehit", what: "answers of 4 KiB that the front has stored", path: storedPath, size: 4 * kib, stored: true, connections: []int{64}},
	{name: "tls", what: "small keep-alive GET over TLS", path: "/", size: 12, tls: true, connections: []int{64, 512}},
	{name: "tls1m", what: "answers of 1 MiB over TLS", path: "/1m", size: mib, tls: true, connections: []int{16}},
	overTLS(upload("tlsup1m", "uploads of 1 MiB over TLS", mib, 16)),
	shakes("tlsclose", "small GET over TLS 1.3, each with a whole handshake", handshake{version: tls.VersionTLS13}),
	shakes("tlsresume", "small GET over TLS 1.3, each with a resumed handshake", handshake{version: tls.VersionTLS13, resumes: true}),
	shakes("tls12close", "small GET over TLS 1.2, each with a whole handshake", handshake{version: tls.VersionTLS12}),
	shakes("tls12resume", "small GET over TLS 1.2, each with a resumed handshake", handshake{version: tls.VersionTLS12, resumes: true}),
	shakes("tlspq", "small GET over TLS 1.3, each with a whole handshake, with ML-KEM where the front has that", handshake{version: tls.VersionTLS13, postQuantum: true}),
	{name: "h2", what: "small GET over HTTP/2, 16 streams each", path: "/", size: 12, tls: true, http2: true, streams: 16, connections: []int{16}},
	{name: "h21m", what: "answers of 1 MiB over HTTP/2, 4 streams each", path: "/1m", size: mib, tls: true, http2: true, streams: 4, connections: []int{16}},
	{name: "websocket", what: "messages of 100 bytes, sent back, over WebSockets", path: "/ws", websocket: true, connections: []int{500}},
	{name: "gzip", what: "pages of 20 KiB, compressed with gzip", path: pagePath, size: 20 * kib, gzip: true, connections: []int{64}},
	{name: "close", what: "small GET, each on a new connection", path: "/", size: 12, closes: true, connections: []int{64}},
	{name: "appclose", what: "small keep-alive GET, the app closes after each answer", path: "/close", size: 12, connections: []int{64}},
}

func upload(name, what string, size, connections int) mode {
	m := mode{name: name, what: what, path: "/", upload: size, connections: []int{connections}}
	m.size = len(m.said())
	return m
}

func static(name, what string, size, connections int) mode {
	return mode{name: name, what: what, path: staticPrefix + name, size: size, static: true, connections: []int{connections}}
}

func unchanged(m mode) mode {
	m.unchanged, m.size = true, 0
	return m
}

func overTLS(m mode) mode {
	m.tls = true
	return m
}

// shakes is a mode that measures handshakes.
func shakes(name, what string, h handshake) mode {
	return mode{name: name, what: what, path: "/", size: 12, tls: true, handshake: &h, closes: true, connections: []int{64}}
}

func (m mode) scheme() string {
	if m.tls {
		return "https"
	}
	return "http"
}

// fileDate is when the files were written, as the client of a mode that is told of no change says.
const fileDate = "Sat, 03 Feb 2024 04:05:06 GMT"

// storedPath tells nginx what is kept, and the app what may be.
const storedPath = "/stored"

// staticPrefix tells nginx what is a file. The files lie directly in the public folder.
const staticPrefix = "/static"

func modesNamed(names string) ([]mode, error) {
	if names == "all" {
		return modes, nil
	}
	var found []mode
	for name := range strings.SplitSeq(names, ",") {
		m, err := modeNamed(name)
		if err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}

func modeNamed(name string) (mode, error) {
	for _, m := range modes {
		if m.name == name {
			return m, nil
		}
	}
	return mode{}, fmt.Errorf("-mode %q: want all, or some of %s", name, modeNames())
}

func modeNames() string {
	names := make([]string, len(modes))
	for i, m := range modes {
		names[i] = m.name
	}
	return strings.Join(names, ",")
}

// fits reports whether f can do it, and we can.
func (m mode) fits(f front) bool {
	return (!m.static && !m.gzip && !m.stored || f.name != "haproxy") && f.at(m) != "" && (!m.http2 || h2load() != "")
}

// suitsWrk reports whether wrk can do it well. It counts whole answers only, so a large one that is
// under way at the end would be paid for and not counted. Handshakes it resumes as it likes.
func (m mode) suitsWrk() bool {
	return !m.websocket && m.handshake == nil && m.size <= 100*kib && m.upload <= 100*kib
}

// said is what the app says about an upload, "" if only the size of the answer is known.
func (m mode) said() string {
	if m.upload == 0 {
		return ""
	}
	return fmt.Sprintln(m.upload)
}

// head is the head of the request to addr.
func (m mode) head(addr string) string {
	method, fields := "GET", ""
	if m.upload > 0 {
		method, fields = "POST", fmt.Sprintf("Content-Length: %d\r\n", m.upload)
	}
	if m.unchanged {
		fields += "If-Modified-Since: " + fileDate + "\r\n"
	}
	if m.closes {
		fields += "Connection: close\r\n"
	}
	if m.gzip {
		fields += "Accept-Encoding: gzip\r\n"
	}
	return method + " " + m.path + " HTTP/1.1\r\nHost: " + addr + "\r\n" + fields + "\r\n"
}
