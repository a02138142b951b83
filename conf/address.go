package conf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// maxUnixPath is what fits into sun_path with its closing NUL (unix(7)).
const maxUnixPath = 107

// ParseListen reads "host:port", ":port" (all addresses), "unix:/absolute/path" or "systemd:NAME", all of which
// may have "http://" or "https://" before them. Port 0 is any free port.
func ParseListen(s string) (Listen, error) {
	place, secure := strings.CutPrefix(s, "https://")
	if !secure {
		place, _ = strings.CutPrefix(s, "http://")
	}
	if path, ok := strings.CutPrefix(place, "unix:"); ok {
		return Listen{"unix", path, secure}, checkSocketPath(path)
	}
	if name, ok := strings.CutPrefix(place, "systemd:"); ok {
		return Listen{"systemd", name, secure}, checkSocketName(name)
	}
	return Listen{"tcp", place, secure}, checkHostPort(place)
}

// String is what ParseListen reads.
func (l Listen) String() string {
	place := l.Address
	if l.Network != "tcp" {
		place = l.Network + ":" + place
	}
	if l.TLS {
		return "https://" + place
	}
	return place
}

func checkSocketPath(path string) error {
	switch {
	case !filepath.IsAbs(path) || !printable(path):
		return fmt.Errorf(`must be "unix:" and an absolute path, not %s`, described("unix:"+path))
	case len(path) > maxUnixPath:
		return fmt.Errorf("%s is too long: a socket's path has at most %d bytes", described("unix:"+path), maxUnixPath)
	}
	return nil
}

// checkSocketName obeys FileDescriptorName= of systemd.socket(5).
func checkSocketName(name string) error {
	if name == "" || len(name) > 255 || strings.Contains(name, ":") || !printable(name) {
		return fmt.Errorf(`must be "systemd:" and the socket's FileDescriptorName, not %s`, described("systemd:"+name))
	}
	return nil
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf(`must be "host:port", ":port", "unix:/path" or "systemd:NAME", not %s`, described(s))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("the port must be a number from 0 to 65535 in %s", described(s))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHostName(strings.ToLower(host)) {
		return fmt.Errorf("the host must be an address or a name in %s", described(s))
	}
	return nil
}

// checkAdmin accepts only what other machines cannot reach.
func checkAdmin(s string) error {
	if s == "" {
		return nil
	}
	if err := checkHostPort(s); err != nil {
		return fmt.Errorf(`must be "" or a loopback address such as "127.0.0.1:9000", not %s`, described(s))
	}
	host, _, _ := net.SplitHostPort(s)
	if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return fmt.Errorf(`must be on loopback, such as "127.0.0.1:9000", not %s`, described(s))
	}
	return nil
}

// checkMetrics accepts any address, as nothing can be done there but read.
func checkMetrics(s string) error {
	if s == "" {
		return nil
	}
	if err := checkHostPort(s); err != nil {
		return fmt.Errorf(`must be "" or an address such as "127.0.0.1:9100", not %s`, described(s))
	}
	return nil
}

// parseHost lower-cases: names are compared without regard to case (RFC 9110 section 4.2.3).
func parseHost(s string) (string, error) { return strings.ToLower(s), nil }

// checkHost accepts a host name, or a wildcard for everything below one.
func checkHost(s string) error {
	name, _ := strings.CutPrefix(s, "*.")
	switch host := bareHost(s); {
	case host != s && !strings.Contains(s, "/"):
		return fmt.Errorf("a host has no port: write %s", described(host))
	case host != s:
		return fmt.Errorf("a host has no scheme and no path: write %s, not %s", described(host), described(s))
	case strings.Contains(name, "*"):
		return fmt.Errorf(`"*" is allowed only as a leading "*.", not in %s`, described(s))
	case !isHostName(name):
		return fmt.Errorf(`must be host names such as "blog.example.org" or "*.example.org" (punycode for other letters), not %s`, described(s))
	}
	return nil
}

// bareHost is the host of what may be a URL or have a port, if there is one in it.
func bareHost(s string) string {
	_, rest, withScheme := strings.Cut(s, "://")
	if !withScheme {
		rest = s
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	if name, _ := strings.CutPrefix(host, "*."); !isHostName(name) {
		return s
	}
	return host
}

// isHostName accepts what RFC 1123 section 2.1 does, and "_", which is met in practice.
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !isHostLetter(r) }) {
			return false
		}
	}
	return true
}

func isHostLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// checkPath accepts a path as clients send it, so that the router can compare it octet by octet.
func checkPath(s string) error {
	switch {
	case !strings.HasPrefix(s, "/"):
		return fmt.Errorf(`must begin with "/", not %s`, described(s))
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`%?#\`, r) }):
		return fmt.Errorf(`must be printable ASCII without space, "%%", "?", "#" and "\", not %s`, described(s))
	case s != "/" && strings.HasSuffix(s, "/"):
		return errors.New("must not end with \"/\"")
	case strings.Contains(s, "*"):
		return fmt.Errorf(`must not have "*" in it, as %s does: what is below a path is meant, too`, described(s))
	}
	for segment := range strings.SplitSeq(s[1:], "/") {
		if s != "/" && (segment == "" || segment == "." || segment == "..") {
			return fmt.Errorf(`must not contain "//", "." or "..", as %s does`, described(s))
		}
	}
	return nil
}
