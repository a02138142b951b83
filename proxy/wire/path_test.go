package wire

import (
	"strings"
	"testing"
)

func TestNormalPath(t *testing.T) {
	const refused = "refused"
	for _, c := range []struct{ row, path, want string }{
		{"111 bad escape", "/%zz", refused},
		{"111 bad second digit", "/%4g", refused},
		{"111 lone percent", "/%", refused},
		{"111 one digit", "/%4", refused},
		{"111 bad escape inside", "/a%z1/b", refused},
		{"111 NUL", "/%00", refused},
		{"111 NUL inside", "/a%00.png", refused},
		{"111 dot", "/a/./b", "/a/b"},
		{"111 dot at the end", "/a/.", "/a/"},
		{"111 dot alone", "/.", "/"},
		{"111 dot dot", "/a/../b", "/b"},
		{"111 dot dot at the end", "/a/b/..", "/a/"},
		{"111 dot dot to the root", "/a/..", "/"},
		{"111 several", "/a/b/./../../c//d/", "/c/d/"},
		{"111 escaped dots", "/a/%2e%2E/b", "/b"},
		{"111 half escaped dots", "/a/.%2e/b/%2e./c", "/c"},
		{"111 escaped dot", "/a/%2e/b", "/a/b"},
		{"111 two slashes", "//evil.com//x", "/evil.com/x"},
		{"111 only slashes", "////", "/"},
		{"111 two slashes before dot dot", "/a//../b", "/b"},
		{"111 above the root", "/..", refused},
		{"111 above the root, further on", "/a/../../b", refused},
		{"111 above the root, and back", "/../a", refused},
		{"111 above the root, escaped", "/%2e%2e/a", refused},
		{"111 above the root, two slashes", "//../a", refused},
		{"111 above the root, after a dot", "/./../a", refused},
		{"111 other names of dots", "/.../..a/a../.a/a./. ", "/.../..a/a../.a/a./. "},
		{"111 unreserved letters", "/%61%5A%7e%30%2D%5f", "/aZ~0-_"},
		{"111 an escaped percent is not decoded again", "/%252e%252e/%2561", "/%252e%252e/%2561"},
		{"112 escaped slash", "/a%2fb/..%2f..%2F", "/a%2Fb/..%2F..%2F"},
		{"112 escaped backslash", "/a%5c..%5Cb", "/a%5C..%5Cb"},
		{"112 backslash", `/a\..\b`, `/a\..\b`},
		{"112 other escapes are upper-case", "/%c3%a4%0d%0A%20%3f%23", "/%C3%A4%0D%0A%20%3F%23"},
		{"113 case is kept", "/Ab/aB", "/Ab/aB"},
		{"113 matrix parameters and the like are data", "/a;b=c/..;/d,e", "/a;b=c/..;/d,e"},
		{"16 asterisk", "*", "*"},
		{"19 empty", "", ""},
	} {
		t.Run(c.row, func(t *testing.T) {
			const before = "/kept/../" // what dst held is left alone
			got, err := NormalPath([]byte(before), []byte(c.path))
			if err != nil {
				if status := statusOf(t, err); status != 400 || c.want != refused {
					t.Errorf("%q: %v, status %d, want %q", c.path, err, status, c.want)
				}
				return
			}
			if string(got) != before+c.want {
				t.Errorf("%q became %q, want %q", c.path, strings.TrimPrefix(string(got), before), c.want)
			}
		})
	}
}

func TestNormalHost(t *testing.T) {
	for _, c := range []struct{ row, host, want string }{
		{"22 upper case", "Blog.Example.ORG", "blog.example.org"},
		{"22 trailing dot", "blog.example.org.", "blog.example.org"},
		{"22 port", "blog.example.org:8080", "blog.example.org"},
		{"22 all of it", "A.B.:80", "a.b"},
		{"22 address", "127.0.0.1:3000", "127.0.0.1"},
		{"22 address in brackets", "[2001:DB8::1]:443", "[2001:db8::1]"},
		{"22 address in brackets, no port", "[::1]", "[::1]"},
		{"19 none", "", ""},
		{"113 other bytes are kept", "a_b-c", "a_b-c"},
	} {
		t.Run(c.row, func(t *testing.T) {
			if got := string(NormalHost([]byte("x"), []byte(c.host))); got != "x"+c.want {
				t.Errorf("%q became %q, want %q", c.host, got[1:], c.want)
			}
		})
	}
}
