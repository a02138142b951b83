package spawn

import (
	"strings"
	"testing"

	"purser/conf"
)

// Apps that open all the files they may, until the server could not take a connection.
const (
	rubyThatHoldsAll = `
UNIXServer.prepend(Module.new do
  def accept_nonblock(*, **)
    super
  rescue Errno::EMFILE
    $lacks = true
    raise
  end
end)
run(lambda do |env|
  next [200, {}, ['taken']] if env['PATH_INFO'] != '/hold'
  Process.setrlimit(:NOFILE, 64)
  held = []
  begin
    loop { held << File.open('config.ru') }
  rescue Errno::EMFILE
    puts 'holds all'
  end
  sleep 0.001 until $lacks
  held.each(&:close)
  [200, {}, ['held']]
end)`
	pythonThatHoldsAll = `
import os, resource, socket, threading
lacks, accept = threading.Event(), socket.socket.accept
def accept_or_tell(listener):
    try:
        return accept(listener)
    except OSError:
        lacks.set()
        raise
socket.socket.accept = accept_or_tell
def application(environ, start_response):
    start_response('200 OK', [])
    if environ['PATH_INFO'] != '/hold':
        return [b'taken']
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open('wsgi.py', os.O_RDONLY))
    except OSError:
        print('holds all', flush=True)
    lacks.wait()
    for fd in held:
        os.close(fd)
    return [b'held']
`
)

func TestOwnServersOutliveALackOfDescriptors(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) *stage{
		"ruby": func(t *testing.T) *stage {
			return ownServerApp(t, rubyThatHoldsAll, func(app *conf.App) { app.Concurrency = 2 })
		},
		"python": func(t *testing.T) *stage {
			return newPythonStage(t, "standard library", map[string]string{"wsgi.py": pythonThatHoldsAll})
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := begin(t)
			child := st.start()
			held := st.getting(child, "/hold")
			st.said("holds all")
			other := st.getting(child, "/other")
			for want, answer := range map[string]<-chan reply{"held": held, "taken": other} {
				if got := <-answer; got.body != want {
					t.Errorf("it is answered %+v, want %q: %s", got, want, strings.Join(child.LastLines(), "\n"))
				}
			}
			if body := st.get(child, "/later"); body != "taken" {
				t.Errorf("later it is answered %q", body)
			}
		})
	}
}
