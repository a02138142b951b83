package spawn

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"purser/conf"
)

// ownServerApp is an app whose bundle has no server.
func ownServerApp(t *testing.T, rackup string, change func(*conf.App)) *stage {
	t.Helper()
	need(t, "bundle", "apt install ruby-bundler")
	return newRubyStage(t, map[string]string{"config.ru": rackup, "Gemfile": bundleOf("rack")}, change)
}

// manyAnswers answers in the ways of Rack 1 to 3, watched by Rack's own judge.
const manyAnswers = `
use Rack::Lint
run(lambda do |env|
  text = { 'content-type' => 'text/plain' }
  case env['PATH_INFO']
  when '/echo' then [200, text, [env['rack.input'].read]]
  when '/pieces' then [200, text, %w[one two three].lazy.map { |piece| piece + "\n" }]
  when '/length' then [200, text.merge('content-length' => '6'), %w[abc def].each]
  when '/raise' then raise "no such luck\nat all"
  when '/exit' then exit 0
  when '/cookies' then [200, text.merge('set-cookie' => "a=1\nb=2"), ['ok']]
  when '/nothing' then [204, {}, []]
  when '/slow'
    puts 'working'
    sleep 1
    [200, text, ['slow']]
  else [200, text, ["#{env['SCRIPT_NAME']}#{env['PATH_INFO']} #{env['QUERY_STRING']} #{env['REMOTE_ADDR']} #{env['SERVER_NAME']}"]]
  end
end)
`

func TestBundleWithoutAServerIsServed(t *testing.T) {
	st := ownServerApp(t, manyAnswers, nil)
	child := st.start()
	for path, want := range map[string]string{
		"/a?b=c": "/a b=c 203.0.113.9 example.org", "/pieces": "one\ntwo\nthree\n", "/length": "abcdef", "/cookies": "ok",
	} {
		if body := st.get(child, path); body != want {
			t.Errorf("%s is answered %q, want %q", path, body, want)
		}
	}
	if status, body := st.send(child, "HEAD", "/length", nil); status != 200 || body != "" {
		t.Errorf("HEAD is answered %d %q", status, body)
	}
	for path, want := range map[string]int{"/raise": 500, "/exit": 500, "/nothing": 204} {
		if status, body := st.send(child, "GET", path, nil); status != want {
			t.Errorf("%s is answered %d %q, want %d", path, status, body, want)
		}
	}
	contains(t, child.LastLines(), "GET /raise: no such luck")
	contains(t, child.LastLines(), "GET /exit: exit (SystemExit)")
	for _, size := range []int{0, 10, 1 << 20} {
		text := strings.Repeat("x", size)
		// What is no *strings.Reader has no length: it is sent in chunks.
		for _, body := range []io.Reader{strings.NewReader(text), io.MultiReader(strings.NewReader(text))} {
			if status, got := st.send(child, "POST", "/echo", body); status != 200 || got != text {
				t.Errorf("%d bytes are answered %d with %d bytes", size, status, len(got))
			}
		}
	}
	child.Stop()
	st.ends(child, "")
}

func TestOwnRubyServerStopFinishesTheRequest(t *testing.T) {
	st := ownServerApp(t, manyAnswers, nil)
	child := st.start()
	idle := st.connect(child)
	done := st.getting(child, "/slow")
	st.said("working")
	child.Stop()
	if answer := <-done; answer.body != "slow" {
		t.Errorf("the running request was answered %+v", answer)
	}
	st.ends(child, "")
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("an idle connection ends with %v", err)
	}
}

// With one thread, connections that wait for a request must not have it.
func TestOwnRubyServerIsNotHeldUpByIdleConnections(t *testing.T) {
	st := ownServerApp(t, manyAnswers, nil)
	child := st.start()
	kept := st.connect(child)
	st.connect(child)
	one := "GET /a HTTP/1.1\r\nHost: h.example\r\n\r\n"
	for range 3 {
		if status, body := ask(t, kept, one); status != 200 || body != "/a  127.0.0.1 h.example" {
			t.Errorf("a kept connection is answered %d %q", status, body)
		}
	}
	st.get(child, "/b")
	_, err := io.WriteString(kept, one+strings.Replace(one, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
	check(t, err)
	if answers, err := io.ReadAll(kept); err != nil || strings.Count(string(answers), "200 OK") != 2 {
		t.Errorf("two requests at once are answered %q, %v", answers, err)
	}
}

// ask sends a request and reads the answer.
func ask(t *testing.T, c net.Conn, request string) (status int, body string) {
	t.Helper()
	_, err := io.WriteString(c, request)
	check(t, err)
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	check(t, err)
	text, err := io.ReadAll(response.Body)
	check(t, err)
	return response.StatusCode, string(text)
}

func TestOwnRubyServerRefusesWhatCanBeReadTwice(t *testing.T) {
	st := ownServerApp(t, manyAnswers, nil)
	child := st.start()
	for request, want := range map[string]int{
		"GET /\r\n\r\n":                                                                                       400,
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                  400,
		"GET / HTTP/1.1\r\n\r\n":                                                                              400,
		"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n":                                                             400,
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                                                        400,
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n":                                                                  400,
		"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n":                                                     400,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc":                                         400,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc":                     400,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":      400,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n":                     501,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n":               400,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n":                400,
		"POST /echo HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n": 200,
		"GET http://b.example/a HTTP/1.1\r\nHost: a.example\r\nX_Real_IP: 9.9.9.9\r\nX-Other: \xe4\r\n\r\n":   200,
		"GET /a HTTP/1.0\r\n\r\n":                                                                             200,
	} {
		if status, body := ask(t, st.connect(child), request); status != want {
			t.Errorf("%q is answered %d %q, want %d", request, status, body, want)
		}
	}
}

// An app that takes a connection over, or writes its body itself, has no thread for that longer than its call takes.
func TestOwnRubyServerGivesConnectionsAway(t *testing.T) {
	st := ownServerApp(t, `run(lambda do |env|
		talk = lambda { |io| Thread.new { io.write(io.readpartial(100).upcase); io.close } }
		case env['PATH_INFO']
		when '/hijack'
			io = env['rack.hijack'].call
			io.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\n")
			talk.call(io)
			[-1, {}, []]
		when '/partial' then [101, { 'upgrade' => 'shout', 'connection' => 'Upgrade', 'rack.hijack' => talk }, []]
		when '/body' then [200, {}, lambda { |io| io.write('written'); io.close }]
		else [200, {}, ['free']]
		end
	end)`, nil)
	child := st.start()
	for _, path := range []string{"/hijack", "/partial"} {
		connection := st.connect(child)
		_, err := io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
		check(t, err)
		head := make([]byte, len("HTTP/1.1 101"))
		_, err = io.ReadFull(connection, head)
		check(t, err)
		if body := st.get(child, "/"); body != "free" {
			t.Errorf("meanwhile others get %q", body)
		}
		_, err = io.WriteString(connection, "hello")
		check(t, err)
		if rest, err := io.ReadAll(connection); err != nil || string(head) != "HTTP/1.1 101" || !strings.HasSuffix(string(rest), "HELLO") {
			t.Errorf("%s is answered %q %q, %v", path, head, rest, err)
		}
	}
	if body := st.get(child, "/body"); body != "written" {
		t.Errorf("a body that writes itself is %q", body)
	}
}

func TestOwnRubyServerTakesAsManyRequestsAsConfigured(t *testing.T) {
	st := ownServerApp(t, `arrived = Queue.new
	run(lambda do |env|
		arrived << 1
		sleep 0.001 until arrived.size == 3
		[200, {}, ['three at once']]
	end)`, func(app *conf.App) { app.Concurrency = 3 })
	child := st.start()
	for _, answer := range []<-chan reply{st.getting(child, "/1"), st.getting(child, "/2"), st.getting(child, "/3")} {
		if got := <-answer; got.body != "three at once" {
			t.Errorf("it is answered %+v", got)
		}
	}
}

func TestOwnRubyServerOrphanEndsWithPurser(t *testing.T) {
	orphanEnds(t, ownServerApp(t, rackWithoutPuma, nil))
}

const rackWithoutPuma = "run(->(env) { [200, {'content-type' => 'text/plain'}, ['ok']] })\nputs \"pid #{Process.pid}\"\n"

// No gem is needed for what a config.ru can say itself.
func TestRackupWithoutRack(t *testing.T) {
	need(t, "bundle", "apt install ruby-bundler")
	st := newRubyStage(t, map[string]string{"Gemfile": bundleOf(), "config.ru": `
		class Shout
			def initialize(app, mark)
				@app, @mark = app, mark
			end
			def call(env)
				@app.call(env).tap { |answer| answer[2].each { |piece| piece.upcase! << @mark } }
			end
		end
		use Shout, '!'
		map('/below') { run(->(env) { [200, {}, ["#{env['SCRIPT_NAME']} #{env['PATH_INFO']}"]] }) }
		run(->(env) { [200, {}, ["rest #{defined?(Rack).inspect}"]] })
	`}, nil)
	child := st.start()
	for path, want := range map[string]string{"/below/a": "/BELOW /A!", "/other": "REST NIL!"} {
		if body := st.get(child, path); body != want {
			t.Errorf("%s is answered %q, want %q", path, body, want)
		}
	}
}
