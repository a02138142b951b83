package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"purser/test/harness"
)

// Both configurations are minimal: one process and thread, keep-alive on both sides without a limit
// that would cut it, and one access log line per request into a file.
const nginxConfig = `
USER
worker_processes 1;
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log DIR/nginx.err;
worker_rlimit_nofile 20000;
events { worker_connections 16384; accept_mutex off; }
http {
  access_log DIR/nginx.log combined;
  client_body_temp_path DIR/nginx-body; proxy_temp_path DIR/nginx-proxy;
  fastcgi_temp_path DIR/nginx-f; uwsgi_temp_path DIR/nginx-u; scgi_temp_path DIR/nginx-s;
  keepalive_requests 1000000000;
  keepalive_timeout 60s;
  upstream app { server unix:APP; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ADDR backlog=4096;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

const haproxyConfig = `
global
  nbthread 1
  maxconn 9000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind ADDR
  default_backend app
backend app
  server app unix@APP
`

// startPeers starts nginx and HAProxy in front of one app of their own.
func startPeers(names []string, app string) ([]front, error) {
	wanted := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "purser" })
	if len(wanted) == 0 {
		return nil, nil
	}
	socket := filepath.Join(harness.Scratch(), "app.sock")
	running, err := startProgram("unix", socket, pinned(1, app, socket)...)
	if err != nil {
		return nil, err
	}
	fronts := []front{}
	for _, name := range wanted {
		f, err := startPeer(name, socket)
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
func startPeer(name, socket string) (front, error) {
	binary, err := exec.LookPath(name)
	if err != nil {
		fmt.Printf("%s is not installed: measuring without it\n", name)
		return front{}, nil
	}
	configs := map[string]string{"nginx": nginxConfig, "haproxy": haproxyConfig}
	if configs[name] == "" {
		return front{}, fmt.Errorf("-only %q: want purser, nginx or haproxy", name)
	}
	addr := harness.FreeAddr()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	dir := harness.Scratch()
	text := strings.NewReplacer("USER", user, "DIR", dir, "ADDR", addr, "APP", socket).Replace(configs[name])
	file := filepath.Join(dir, name+".conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return front{}, fmt.Errorf("cannot write %s's configuration: %w", name, err)
	}
	arguments := map[string][]string{"nginx": {"-c", file}, "haproxy": {"-db", "-q", "-f", file}}
	p, err := startProgram("tcp", addr, pinned(0, append([]string{binary}, arguments[name]...)...)...)
	if err != nil {
		return front{}, err
	}
	return front{name: name, addr: addr, pid: p.PID(), stop: func() { _, _ = p.Stop(3 * time.Second) }}, nil
}
