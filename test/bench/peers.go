package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"purser/test/harness"
)

// Both configurations are minimal: a worker or two, keep-alive on both sides without a limit that
// would cut it, no limit of uploads, and one access log line per request into a file.
const nginxConfig = `
USER
worker_processes WORKERS;
daemon off;
master_process MASTER;
pid DIR/nginx.pid;
error_log DIR/nginx.err;
worker_rlimit_nofile 20000;
events { worker_connections 16384; accept_mutex off; }
http {
  access_log DIR/nginx.log combined buffer=64k flush=1s;
  client_max_body_size 0;
  client_body_temp_path DIR/nginx-body; proxy_temp_path DIR/nginx-proxy;
  fastcgi_temp_path DIR/nginx-f; uwsgi_temp_path DIR/nginx-u; scgi_temp_path DIR/nginx-s;
  keepalive_requests 1000000000;
  keepalive_timeout 60s;
  sendfile on; tcp_nopush on;
  open_file_cache max=1000;
  proxy_cache_path DIR/nginx-stored keys_zone=stored:1m max_size=64m;
  upstream app { server unix:APP; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ADDR backlog=4096;
    listen SECURE ssl http2 backlog=4096;
    ssl_certificate CERT; ssl_certificate_key KEY; ssl_session_cache shared:tls:10m; ssl_session_tickets on; ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /ws {
      proxy_pass http://app; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }
    location STORED { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache stored; }
    location STATIC { root PUBLIC; }
    location = PAGE { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; gzip on; gzip_comp_level 1; }
  }
}
`

const haproxyConfig = `
global
  nbthread WORKERS
  maxconn 9000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  http-reuse always
frontend in
  bind ADDR
  default_backend app
backend app
  server app unix@APP
`

// startPeers starts nginx and HAProxy in front of one app of their own.
func startPeers(o options, root, app string) ([]front, error) {
	wanted := slices.DeleteFunc(slices.Clone(o.only), func(name string) bool { return name == "purser" })
	if len(wanted) == 0 {
		return nil, nil
	}
	socket := filepath.Join(harness.Scratch(), "app.sock")
	running, err := startProgram("unix", socket, o.cores.others(app, socket)...)
	if err != nil {
		return nil, err
	}
	fronts := []front{}
	for _, name := range wanted {
		f, err := startPeer(name, root, socket, o.cores)
		if err != nil {
			return fronts, err
		}
		if f.pid != 0 {
			fronts = append(fronts, f)
		}
	}
	if len(fronts) == 0 {
		_, err := running.Stop(time.Second)
		return nil, err
	}
	first := fronts[0].stop
	fronts[0].stop = func() {
		first()
		_, _ = running.Stop(time.Second)
	}
	return fronts, nil
}

// startPeer starts one peer; a front without pid means that it is not installed.
func startPeer(name, root, socket string, c cores) (front, error) {
	configs := map[string]string{"nginx": nginxConfig, "haproxy": haproxyConfig}
	if configs[name] == "" {
		return front{}, fmt.Errorf("-only %q: want purser, nginx or haproxy", name)
	}
	binary, err := exec.LookPath(name)
	if err != nil {
		fmt.Printf("%s is not installed: measuring without it\n", name)
		return front{}, nil
	}
	addr, secure := harness.FreeAddr(), harness.FreeAddr()
	pair, err := certificate()
	if err != nil {
		return front{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	file := filepath.Join(harness.Scratch(), name+".conf")
	if err := os.WriteFile(file, []byte(filledIn(configs[name], addr, secure, pair, root, socket, c)), 0o600); err != nil {
		return front{}, fmt.Errorf("cannot write %s's configuration: %w", name, err)
	}
	arguments := map[string][]string{"nginx": {"-c", file}, "haproxy": {"-db", "-q", "-f", file}}
	p, err := startProgram("tcp", addr, c.front(append([]string{binary}, arguments[name]...)...)...)
	if err != nil {
		return front{}, err
	}
	if name != "nginx" {
		secure = ""
	}
	return front{name: name, addr: addr, tls: secure, pid: p.PID(), stop: func() { _, _ = p.Stop(3 * time.Second) }}, nil
}

func filledIn(config, addr, secure string, pair [2]string, root, socket string, c cores) string {
	user, master := "", "off"
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	if c.workers > 1 {
		master = "on"
	}
	return strings.NewReplacer("USER", user, "WORKERS", strconv.Itoa(c.workers), "MASTER", master, "DIR", harness.Scratch(),
		"ADDR", addr, "SECURE", secure, "CERT", pair[0], "KEY", pair[1], "APP", socket, "STATIC", staticPrefix, "PAGE", pagePath, "STORED", storedPath, "PUBLIC", filepath.Join(root, "public")).Replace(config)
}
