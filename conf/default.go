package conf

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// ForDir is the configuration that `purser serve DIR` means: the defaults, and one app of the
// name of the folder. What no name may have is "-" there. The root is the folder's absolute path by
// the way it was reached: symlinks stay, also those in $PWD. Call Validate once the flags are in.
func ForDir(dir string) (*Config, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the current folder: %w", err)
	}
	app := defaultApp(nameFor(root))
	app.Root = root
	app.EnvPass = []string{"*"}
	server := defaultServer()
	app.placeLog(server)
	return &Config{Server: server, Apps: []App{app}}, nil
}

func nameFor(root string) string {
	name := strings.Map(func(r rune) rune {
		if isNameLetter(r) {
			return r
		}
		return '-'
	}, filepath.Base(root))
	name = strings.TrimLeft(name, "-.")
	if name == "" {
		return "app"
	}
	return name[:min(len(name), maxName)]
}

func defaultServer() Server {
	return Server{
		Listen:          []Listen{{Network: "tcp", Address: ":3000"}},
		LogLevel:        "info",
		LogFormat:       "text",
		LogApps:         "stderr",
		LogAppsFormat:   "auto",
		LogKeep:         5,
		AccessLog:       "off",
		AccessLogFormat: "combined",
		AccessLogSample: 1,
		SpoolLimit:      Share{Percent: 50},
		BufferMemory:    Share{Percent: 12},
		Clients:         defaultClients(),
		DefaultUser:     Nobody,
	}
}

// DefaultApp is what an app is of which nothing is written.
func DefaultApp(name string) App { return defaultApp(name) }

func defaultApp(name string) App {
	return App{
		Name:        name,
		Kind:        "auto",
		ReloadGuard: true,
		PreloadIdle: 5 * time.Minute,
		Env:         map[string]string{},
		Path:        "/",
		Public:      "public",
		Affinity:    "off",
		Traceparent: "pass",

		MinProcesses: 1,
		MaxProcesses: 6,

		IdleTimeout:           5 * time.Minute,
		StartTimeout:          90 * time.Second,
		DrainTimeout:          60 * time.Second,
		WebsocketDrainTimeout: 5 * time.Minute,
		StopTimeout:           30 * time.Second,
		WebsocketCloseWindow:  10 * time.Second,
		StopSignal:            "TERM",
		BacktraceSignal:       "auto",
		MaxQueue:              100,
		QueueTimeout:          60 * time.Second,
		AnswerStall:           60 * time.Second,
		HangAfter:             5 * time.Minute,
		MaxBody:               1 << 30,
		BufferRequest:         true,

		Restart: Restart{
			Strategy:               "rolling",
			Surge:                  Amount{Count: 1},
			ResistDeploymentErrors: true,
			File:                   "tmp/restart.txt",
			Settle:                 250 * time.Millisecond,
			Auto:                   "off",
			SwitchTimeout:          time.Second,
			MaxOldGenerations:      2,
		},
		Health: Health{
			Expect:   Expect{"2xx"},
			Interval: time.Second,
			Passes:   1,
			Timeout:  5 * time.Second,
		},
		Hooks: Hooks{Timeout: 30 * time.Second},
		TLS:   TLS{Redirect: true},

		Compress:    defaultCompress(),
		Access:      Access{Satisfy: "all"},
		Maintenance: Maintenance{File: "tmp/maintenance.txt", RetryAfter: time.Minute},
		Files:       Files{Fingerprinted: true, Precompressed: true},
		Cache:       Cache{MaxObject: 1 << 20},
	}
}
