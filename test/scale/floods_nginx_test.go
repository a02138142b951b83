package scale

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// nginxOverTLS is nginx as purser is in the floods: a folder of files, and the app behind it.
const nginxOverTLS = `
worker_processes 2; daemon off; pid DIR/pid; error_log DIR/err;
events { worker_connections 8192; }
http {
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  upstream app { server unix:DIR/app.sock; keepalive 64; }
  server {
    listen ADDR ssl http2; ssl_certificate CERT/server.pem; ssl_certificate_key CERT/server.key; root DIR/public;
    location / { try_files $uri @app; }
    location @app { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`

// TestFloodsBesideNginx has the same floods come to nginx, for what the machine makes of them.
func TestFloodsBesideNginx(t *testing.T) {
	for name, kinds := range map[string][]string{"slow clients": slowKinds, "ranges": rangeKinds} {
		t.Run(name, func(t *testing.T) {
			p, ours := normalTrafficOverTLS(t)
			addr, a := newNginxOverTLS(t)
			theirs := harness.Load{Addr: addr, Host: "a", Rate: 100, TLS: a.Trusting("a")}.Begin()
			t.Cleanup(func() { theirs.End() })
			purser, nginx := floodedAt(t, p.Secure, ours, kinds), floodedAt(t, addr, theirs, kinds)
			t.Logf("purser: %v", purser)
			t.Logf("nginx:  %v", nginx)
			if purser.Quantile(0.99) > 2*nginx.Quantile(0.99) {
				t.Error("normal traffic waits for longer than behind nginx")
			}
		})
	}
}

// floodedAt is what normal traffic saw in a flood of a server.
func floodedAt(t *testing.T, addr string, load *harness.Running, kinds []string) harness.Report {
	t.Helper()
	harness.AwaitAnswers(t, load, 100)
	begun := time.Now()
	flood := beginFlood(t, order{Addr: addr, Host: "a", Kinds: kinds, Clients: floodClients})
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	flood.leave()
	all := load.End()
	return harness.Report{Samples: all.Where(func(s harness.Sample) bool { return s.Answered().After(begun) })}
}

func newNginxOverTLS(t *testing.T) (addr string, a *harness.Authority) {
	t.Helper()
	app, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	a = harness.NewAuthority(t)
	a.Issue("server", 24*time.Hour, "a")
	dir := t.TempDir()
	harness.WriteFile(t, dir, "public/large.bin", strings.Repeat("x", 1<<20))
	behind := exec.Command(app)
	behind.Env = append(os.Environ(), "PURSER_SOCKET="+filepath.Join(dir, "app.sock"))
	running, err := harness.StartProgram(behind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = running.Stop(harness.Patience) })
	return harness.Nginx(t, dir, strings.ReplaceAll(nginxOverTLS, "CERT", a.Dir)), a
}
