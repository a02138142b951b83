package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"purser/cmd/purser/serve"
	"purser/conf"
	"purser/spawn/keeper"
)

func newDemo() *cobra.Command {
	var listen, name string
	c := &cobra.Command{
		Use:     "demo",
		Short:   "Try purser on a sample app; nothing else is needed",
		GroupID: "begin",
		Long:    "Serve a sample app with 3 processes from a scratch folder, and say what to try.\nCtrl-C ends it and removes the folder.",
		Example: "  purser demo\n  purser demo --listen 127.0.0.1:8080",
		Args:    takes(0, 0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.OutOrStdout(), c.ErrOrStderr(), listen, name)
		},
	}
	c.Flags().StringVar(&listen, "listen", ":3000", "`ADDR` to serve on")
	c.Flags().StringVar(&name, "instance", "demo", "`NAME` of this purser, for purser status --instance")
	return c
}

// demo serves the sample app until it is interrupted.
func demo(stdout, stderr io.Writer, listen, name string) error {
	place, err := conf.ParseListen(listen)
	if err != nil {
		return withCode(exitUsage, "--listen %w", err)
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find my own binary: %w", err)
	}
	k, left, err := serve.Inherit(func(keeper.Inheritance) error { return nil })
	if err != nil {
		return err
	}
	dir := string(left.Notes[demoNote])
	if dir == "" {
		if dir, err = demoFolder(); err != nil {
			return err
		}
	}
	if err := k.Note(demoNote, []byte(dir)); err != nil {
		return err
	}
	stopped := false
	err = serveDemo(stdout, stderr, dir, binary, serve.Config{Name: name, Keeper: k, Left: left, Stopped: func() { stopped = true }}, place)
	if stopped || err != nil && left.Fronts == 0 { // else another front goes on with it
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// demoNote is what the folder is noted by, for the front that follows if this one crashes, or is upgraded.
const demoNote = "demo"

func serveDemo(stdout, stderr io.Writer, dir, binary string, c serve.Config, place conf.Listen) error {
	cfg, err := conf.ForDir(dir)
	if err != nil {
		return err
	}
	cfg.Server.Listen = []conf.Listen{place}
	if os.Geteuid() == 0 {
		cfg.Server.User = "root" // nobody but this user is to reach the sample app
	}
	app := &cfg.Apps[0]
	app.Name = "demo"
	app.User = strconv.Itoa(os.Geteuid()) // the sample app is this binary, and its folder is this user's alone
	app.Command.Args = []string{binary, "demo-app", "{socket}"}
	app.MinProcesses, app.MaxProcesses = 3, 3
	c.Conf, c.Load = cfg, func(string, []conf.Source) (*conf.Config, error) { return cfg, nil }
	c.Opened = func(listeners []net.Listener) {
		if c.Left.Fronts == 0 {
			fmt.Fprint(stdout, demoGuide(dir, demoURL(listeners[0]), commandFor(binary, c.Name)))
		}
	}
	return serveApps(c, stderr)
}

// demoFolder makes the sample app's folder.
func demoFolder() (string, error) {
	dir, err := os.MkdirTemp("", "purser-demo-")
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "version.txt"), []byte("Hello from version 1\n"), 0o600)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("cannot make a scratch folder: %w", err)
	}
	return dir, nil
}

// demoURL is what curl is given to reach the listener from this machine.
func demoURL(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "--unix-socket " + l.Addr().String() + " http://localhost/"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		panic("BUG: a TCP listener's address is malformed: " + err.Error())
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// commandFor is how this very binary is called for this very purser.
func commandFor(binary, name string) func(args string) string {
	program := binary
	if path, err := exec.LookPath("purser"); err == nil && path == binary {
		program = "purser"
	}
	return func(args string) string { return program + " " + args + " --instance " + name }
}

func demoGuide(dir, url string, purser func(string) string) string {
	return strings.NewReplacer("DIR", dir, "CURL", "curl "+url,
		"STATUS", purser("status"), "RESTART", purser("restart demo")).Replace(`
A sample app with 3 processes is starting. In another terminal, try:

  CURL
  STATUS

Deploy a new version, while this shows that no request is lost:

  while CURL --fail --silent; do sleep 0.1; done

  echo "Hello from version 2" > DIR/version.txt
  touch DIR/tmp/restart.txt

Break a deployment: the old code serves on, and the command says why.

  touch DIR/broken
  RESTART
  STATUS

Repair it:

  rm DIR/broken
  RESTART

Ctrl-C ends it all and removes DIR.

`)
}
