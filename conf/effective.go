package conf

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// WriteTOML writes the effective configuration: every key with its value, defaults included. Parse
// reads it to an equal Config, unless eab_hmac is in it, which is hidden. It shows env, and so whatever secrets
// are there. Apps of files that were included are among the others, so that these files are not named again.
func (c *Config) WriteTOML(w io.Writer) error {
	var b strings.Builder
	server := c.Server
	if len(c.Sources) > 0 && len(c.Apps) > 0 {
		server.Include = nil
	}
	writeTable(&b, toml.Key{"server"}, &server, serverSchema)
	writeTable(&b, toml.Key{"server", "tls"}, &c.Server.TLS, pairsSchema)
	if c.Server.ACME.On {
		writeTable(&b, toml.Key{"server", "acme"}, &c.Server.ACME, acmeSchema)
	}
	for _, app := range c.Apps {
		key := toml.Key{"apps", app.Name}
		writeTable(&b, key, &app, appSchema)
		writeEnv(&b, append(key, "env"), app.Env)
		writeTable(&b, append(key, "process_limits"), &app.Limits.Process, processLimitsSchema)
		writeTable(&b, append(key, "restart"), &app.Restart, restartSchema)
		writeTable(&b, append(key, "health"), &app.Health, healthSchema)
		writeTable(&b, append(key, "hooks"), &app.Hooks, hooksSchema)
		writeTable(&b, append(key, "tls"), &app.TLS, tlsSchema)
		writeWorkers(&b, key, app.Workers)
		for _, s := range sections {
			s.write(&b, append(key[:len(key):len(key)], s.name), &app)
		}
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

func writeTable[T any](b *strings.Builder, key toml.Key, from *T, s schema[T]) {
	writeFields(b, "["+key.String()+"]", from, s)
}

func writeFields[T any](b *strings.Builder, header string, from *T, s schema[T]) {
	fmt.Fprintf(b, "\n%s\n", header)
	for _, f := range s.fields {
		fmt.Fprintf(b, "%s = %s\n", f.key, f.format(from))
	}
}

func writeEnv(b *strings.Builder, key toml.Key, env map[string]string) {
	if len(env) == 0 {
		return
	}
	fmt.Fprintf(b, "\n[%s]\n", key)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(b, "%s = %s\n", quoted(name), quoted(env[name]))
	}
}
