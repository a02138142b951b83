package kind

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// A manifest is what of package.json matters here.
type manifest struct {
	Main                          string
	Scripts                       map[string]string
	Dependencies, DevDependencies map[string]string
}

func (f folder) manifest() (m manifest) {
	if json.Unmarshal([]byte(f.text("package.json")), &m) != nil { // also what is right in it is not to be trusted
		return manifest{}
	}
	return m
}

func (m manifest) uses(name string) bool {
	return m.Dependencies[name] != "" || m.DevDependencies[name] != ""
}

var (
	nodeScript = regexp.MustCompile(`^(?:node|nodejs)\s+([^-\s;&|<>$"'` + "`" + `]\S*)$`)
	runScript  = regexp.MustCompile(`^(?:npm\s+(?:run|run-script)|pnpm(?:\s+run)?|yarn(?:\s+run)?|bun\s+run)\s+(?:-s\s+|--silent\s+)?([\w:.-]+)(?:\s+--)?((?:\s+[^;&|]+)?)$`)

	// developing finds programs that start an app for who changes it: they watch its files, or build what they serve.
	developing = []*regexp.Regexp{
		regexp.MustCompile(`(?:^|[\s;&|/])(nodemon|pm2(?:-\w+)?|forever|supervisor|ts-node-dev|tsnd|node-dev|webpack-dev-server|browser-sync|live-server)(?:$|[\s;&|])`),
		regexp.MustCompile(`(?:^|[\s;&|/])(tsx\s+watch|ng\s+serve|vue-cli-service\s+serve|react-scripts\s+start|webpack\s+serve|nest\s+start)(?:$|[\s;&|])`),
		regexp.MustCompile(`(?:^|[;&|]\s*|/)(?:\w+=\S*\s+)*((?:npx\s+)?[\w-]+\s+(?:run\s+)?dev(?:elop)?)(?:$|[\s;&|])`),
		regexp.MustCompile(`(?:^|[\s;&|/])(vite(?:\s+(?:serve|--[^;&|]*))?)\s*(?:$|[;&|])`),
		regexp.MustCompile(`\s(--watch(?:-path)?|--hot)(?:$|[\s=;&|])`),
	}
)

// start is what `npm start` would run. npm itself would only sit above it: its folder of programs is put in PATH, and
// a script that runs another one is followed.
func (f folder) start(m manifest) (c candidate, doubts []string) {
	for _, name := range []string{"start", "start:prod", "start:production", "serve:prod"} {
		if m.Scripts[name] == "" {
			continue
		}
		found, doubt := f.script(m, name)
		if doubt == "" {
			return found, doubts
		}
		doubts = append(doubts, doubt)
	}
	return c, doubts
}

// script is how a script of package.json starts the app, or why it is not what to start.
func (f folder) script(m manifest, name string) (c candidate, doubt string) {
	line := m.followed(name)
	why := "package.json: " + name
	if what := developmentOf(line); what != "" {
		return c, fmt.Sprintf("the script %s of package.json runs %s, which is for development", name, what)
	}
	c = candidate{kind: Node, command: line, why: why, notes: m.hooksOf(name)}
	if len(m.Dependencies) > 0 && !f.hasFolder("node_modules") {
		c.notes = append(c.notes, "package.json names dependencies, and there is no node_modules: run npm ci when you deploy")
	}
	script := nodeScript.FindStringSubmatch(line)
	if script == nil {
		return c, ""
	}
	wanted := script[1]
	if wanted == "." || wanted == "./" {
		wanted = m.Main
	}
	c.command, c.file = "", f.module(wanted)
	if c.file == "" {
		return candidate{}, fmt.Sprintf("the script %s of package.json starts %s, which is not there: does it have to be built first?", name, script[1])
	}
	return c, ""
}

// followed is the line of a script, or of the one that it does nothing but run.
func (m manifest) followed(name string) string {
	line := strings.TrimSpace(m.Scripts[name])
	for range 5 { // two that run each other have no end
		next := runScript.FindStringSubmatch(line)
		if next == nil || m.Scripts[next[1]] == "" {
			break
		}
		line = strings.TrimSpace(m.Scripts[next[1]]) + next[2]
	}
	return line
}

// hooksOf says that npm would run more than the script.
func (m manifest) hooksOf(name string) (notes []string) {
	for _, hook := range []string{"pre" + name, "post" + name} {
		if m.Scripts[hook] != "" {
			notes = append(notes, fmt.Sprintf("the script %s of package.json is not run: do that when you deploy", hook))
		}
	}
	return notes
}

func developmentOf(line string) string {
	for _, tools := range developing {
		if found := tools.FindStringSubmatch(line); found != nil {
			return found[1]
		}
	}
	return ""
}
