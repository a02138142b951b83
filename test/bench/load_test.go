package main

import (
	"net"
	"strings"
	"testing"
)

const right = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello world\n"

func TestAnswerThatIsNotRightIsAnError(t *testing.T) {
	get, post := named(t, "get"), named(t, "post")
	for _, c := range []struct {
		story  string
		mode   mode
		answer string
		want   string // part of the error, "" for none
	}{
		{"the right one", get, right, ""},
		{"a failure of the same size", get, strings.Replace(right, "200 OK", "502 No", 1), "answered"},
		{"a body of another size", get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "2 bytes, not 12"},
		{"a body of no known size", get, "HTTP/1.1 200 OK\r\n\r\nhello world\n", "-1 bytes, not 12"},
		{"a body that ends early", get, strings.TrimSuffix(right, "world\n"), "ends early"},
		{"no answer", get, "", "no answer"},
		{"an upload that arrived", post, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n64\n", ""},
		{"an upload of which a part was lost", post, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n63\n", "the app got"},
	} {
		t.Run(c.story, func(t *testing.T) {
			client, err := openHTTP(frontThatSays(t, c.answer), c.mode, 4*kib)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			wants(t, client.exchange(), c.want)
		})
	}
}

func TestFrontThatStaysThoughAskedToCloseIsAnError(t *testing.T) {
	client, err := openHTTP(frontThatSays(t, right+right), named(t, "close"), 4*kib)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	wants(t, client.exchange(), "did not")
}

func TestWrksAnswersAreCounted(t *testing.T) {
	for _, c := range []struct{ story, line, want string }{
		{"all of them whole", "done\t10\t1000\t5000000\t0", ""},
		{"some under way at the end", "done\t10\t1190\t5000000\t0", ""},
		{"a short one among them", "done\t10\t999\t5000000\t0", "999 bytes, not 10 times 100"},
		{"longer ones", "done\t10\t2000\t5000000\t0", "2000 bytes, not 10 times 100"},
		{"a failed one", "done\t10\t1000\t5000000\t1", "requests failed"},
		{"nothing", "unable to connect", "cannot understand"},
	} {
		t.Run(c.story, func(t *testing.T) {
			_, err := readWrk("Running 5s test\n"+c.line+"\n", 100, 2)
			wants(t, err, c.want)
		})
	}
}

func named(t *testing.T, name string) mode {
	t.Helper()
	m, err := modeNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// frontThatSays is the address of a front that reads one request, answers so, and closes.
func frontThatSays(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-over
	})
	go func() {
		defer close(over)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 4*kib)) // the whole request: it is sent at once
		_, _ = conn.Write([]byte(answer))
	}()
	return l.Addr().String()
}

func wants(t *testing.T, err error, part string) {
	t.Helper()
	if part == "" && err != nil {
		t.Errorf("the answer is right, but: %v", err)
	}
	if part != "" && (err == nil || !strings.Contains(err.Error(), part)) {
		t.Errorf("the error is %v, want one that says %q", err, part)
	}
}

func TestH2loadsAnswersAreCounted(t *testing.T) {
	const said = `Application protocol: h2

finished in 1.00s, 4.00 req/s, 51B/s
requests: 4 total, 6 started, 4 done, 4 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 4 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.10KB (1130) total, 120B (120) headers (space savings 50.00%), 1000B (1000) data
`
	for _, c := range []struct{ story, out, want string }{
		{"all of them whole", said, ""},
		{"a short one among them", strings.Replace(said, "(1000) data", "(999) data", 1), "not of 250 bytes"},
		{"a failed one", strings.Replace(said, "0 failed", "1 failed", 1), "requests failed"},
		{"an answer that is not 200", strings.Replace(said, "4 succeeded", "3 succeeded", 1), "requests failed"},
		{"another protocol", strings.Replace(said, "h2\n", "http/1.1\n", 1), "not spoken"},
		{"nothing", "Application protocol: h2\n", "cannot understand"},
	} {
		t.Run(c.story, func(t *testing.T) {
			got, err := readH2load(c.out, 250)
			if wants(t, err, c.want); err == nil && got.requests != 4 {
				t.Errorf("counted %d, want 4", got.requests)
			}
		})
	}
}

func TestClientsResumeOnlyWhereThatIsMeasured(t *testing.T) {
	h := named(t, "tlsresume").handshake
	if c := h.config(); c.ClientSessionCache == nil || c.MinVersion != c.MaxVersion {
		t.Errorf("got %+v, want a client that resumes, of one version", c)
	}
	if c := named(t, "tlsclose").handshake.config(); c.ClientSessionCache != nil {
		t.Error("whole handshakes are measured with a client that resumes")
	}
}
