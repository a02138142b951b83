package spawn

import (
	"bufio"
	"io"
	"net/http"
	"testing"
)

// answers sends a request on a connection of its own, and returns the answer and its body.
func (st *stage) answers(child *Child, path string) (*http.Response, string) {
	st.t.Helper()
	connection := st.connect(child)
	_, err := io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: h.example\r\n\r\n")
	check(st.t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	check(st.t, err)
	body, err := io.ReadAll(response.Body)
	check(st.t, err)
	return response, string(body)
}

// Up to version 7.0, render stream: true of Rails makes chunks, as Rack::Chunked does.
func TestOwnRubyServerSendsTheChunksOfTheAppAsTheyAre(t *testing.T) {
	st := ownServerApp(t, `run(lambda do |env|
		chunks = ["5\r\nhello\r\n", "6\r\n world\r\n", "0\r\n\r\n"]
		chunked = { 'transfer-encoding' => 'chunked' }
		case env['PATH_INFO']
		when '/pieces' then [200, chunked, chunks.each]
		when '/array' then [200, chunked, chunks]
		when '/written' then [200, chunked, lambda { |io| io.write(*chunks); io.close }]
		when '/hijack' then [200, chunked.merge('rack.hijack' => lambda { |io| io.write(*chunks); io.close }), []]
		end
	end)`, nil)
	child := st.start()
	for _, path := range []string{"/pieces", "/array", "/written", "/hijack"} {
		response, body := st.answers(child, path)
		if body != "hello world" || len(response.TransferEncoding) != 1 || !response.Close {
			t.Errorf("%s is answered %q, coded as %q, and another answer may follow: %v", path, body, response.TransferEncoding, !response.Close)
		}
	}
}

// A file of Rack 1 has a path even where it gives only a part of what is there.
func TestOwnRubyServerSendsThePartOfAFileThatIsAskedFor(t *testing.T) {
	st := ownServerApp(t, `
		File.write('digits', '0123456789')
		Part = Struct.new(:to_path) { def each; yield '345'; end }
		run(lambda do |env|
			next [200, {}, Part.new('digits')] if env['PATH_INFO'] == '/whole'
			[206, { 'content-length' => '3', 'content-range' => 'bytes 3-5/10' }, Part.new('digits')]
		end)`, nil)
	child := st.start()
	for path, want := range map[string]string{"/whole": "0123456789", "/part": "345"} {
		if _, body := st.answers(child, path); body != want {
			t.Errorf("%s is answered %q, want %q", path, body, want)
		}
	}
}
