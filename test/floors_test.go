// Package test holds the rule that imports point down only. The folders beside it hold the black-box tests: they
// run the purser binary with the real apps of test/apps behind it, and know it only as its users do.
package test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// floors are what each package may import of ours. Imports point down only.
var floors = map[string][]string{
	"purser/conf":                   {},
	"purser/conf/access":            {},
	"purser/pool":                   {"purser/conf"},
	"purser/spawn":                  {"purser/conf", "purser/conf/access", "purser/spawn/dotenv", "purser/spawn/keeper", "purser/spawn/kind", "purser/spawn/loader"},
	"purser/spawn/dotenv":           {"purser/conf"},
	"purser/spawn/keeper":           {},
	"purser/spawn/kind":             {"purser/conf"},
	"purser/spawn/loader":           {},
	"purser/restart":                {"purser/conf", "purser/restart/disk"},
	"purser/restart/disk":           {"purser/conf/access"},
	"purser/restart/disk/helper":    {"purser/restart/disk"},
	"purser/proxy":                  {"purser/conf", "purser/pool", "purser/proxy/cache", "purser/proxy/certs", "purser/proxy/client", "purser/proxy/coding", "purser/proxy/fault", "purser/proxy/files", "purser/proxy/passwords", "purser/proxy/rates", "purser/proxy/sock", "purser/proxy/spool", "purser/proxy/upstream", "purser/proxy/wire"},
	"purser/proxy/client":           {"purser/proxy/fault", "purser/proxy/sock", "purser/proxy/spool", "purser/proxy/wire"},
	"purser/proxy/upstream":         {"purser/proxy/fault", "purser/proxy/sock", "purser/proxy/spool", "purser/proxy/wire"},
	"purser/proxy/spool":            {"purser/proxy/fair", "purser/proxy/fault", "purser/proxy/sock"},
	"purser/proxy/cache":            {"purser/proxy/wire"},
	"purser/proxy/certs":            {},
	"purser/proxy/certs/acme":       {},
	"purser/proxy/fault":            {},
	"purser/proxy/coding":           {},
	"purser/proxy/passwords":        {},
	"purser/proxy/fair":             {},
	"purser/proxy/sock":             {"purser/proxy/fair"},
	"purser/proxy/files":            {"purser/pool", "purser/proxy/coding", "purser/proxy/wire"},
	"purser/proxy/wire":             {},
	"purser/proxy/rates":            {},
	"purser/restart/history":        {"purser/pool", "purser/restart"},
	"purser/restart/deploy":         {"purser/conf", "purser/pool", "purser/restart", "purser/restart/disk", "purser/spawn", "purser/spawn/keeper"},
	"purser/status":                 {"purser/conf", "purser/pool", "purser/restart", "purser/restart/history"},
	"purser/cmd/purser/serve":       {"purser/cmd/purser/serve/loans", "purser/cmd/purser/serve/log", "purser/conf", "purser/conf/access", "purser/pool", "purser/proxy", "purser/proxy/certs", "purser/proxy/certs/acme", "purser/proxy/files", "purser/proxy/passwords", "purser/proxy/upstream", "purser/restart", "purser/restart/deploy", "purser/restart/disk", "purser/restart/disk/helper", "purser/restart/history", "purser/spawn", "purser/spawn/keeper", "purser/status"},
	"purser/cmd/purser/serve/log":   {"purser/conf", "purser/conf/access", "purser/restart/disk", "purser/spawn", "purser/status"},
	"purser/cmd/purser/install":     {},
	"purser/cmd/purser/show":        {"purser/pool", "purser/status"},
	"purser/cmd/purser":             {"purser/cmd/purser/install", "purser/cmd/purser/serve", "purser/cmd/purser/serve/log", "purser/cmd/purser/show", "purser/conf", "purser/pool", "purser/restart", "purser/restart/disk", "purser/restart/disk/helper", "purser/spawn", "purser/spawn/dotenv", "purser/spawn/keeper", "purser/status"},
	"purser/cmd/purser/serve/loans": {"purser/pool"},

	"purser/test":              {"purser/test/harness"},
	"purser/test/front":        {"purser/test/harness", "purser/test/harness/site"},
	"purser/test/processes":    {"purser/test/harness", "purser/test/harness/site"},
	"purser/test/kinds":        {"purser/test/harness"},
	"purser/test/restarts":     {"purser/test/harness", "purser/test/harness/site"},
	"purser/test/reload":       {"purser/test/harness"},
	"purser/test/takeover":     {"purser/test/harness"},
	"purser/test/upgrade":      {"purser/test/harness"},
	"purser/test/users":        {"purser/test/harness"},
	"purser/test/operators":    {"purser/test/harness", "purser/test/harness/site"},
	"purser/test/scale":        {"purser/test/harness", "purser/test/harness/site"},
	"purser/test/bench":        {"purser/test/harness"},
	"purser/test/harness/site": {"purser/test/harness"},
	"purser/test/harness":      {},

	"purser/test/apps/goapp": {},
	"purser/test/apps/site":  {},
}

// confImports is all that the lowest floor needs beside the standard library.
const confImports = "github.com/BurntSushi/toml"

func TestImportsPointDownOnly(t *testing.T) {
	listed := imports(t, `{{join .Imports ","}},{{join .TestImports ","}},{{join .XTestImports ","}}`)
	for pkg, imports := range listed {
		allowed, known := floors[pkg]
		if !known {
			t.Errorf("%s has no floor: add it to this table and to .golangci.yaml", pkg)
		}
		for _, imported := range imports {
			if strings.HasPrefix(imported, "purser/") && imported != pkg && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s, which is not below it", pkg, imported)
			}
		}
	}
}

func TestLowestFloorUsesNothingButTOML(t *testing.T) {
	for _, imported := range imports(t, `{{join .Imports ","}}`)["purser/conf"] {
		if strings.Contains(imported, ".") && !strings.HasPrefix(imported, confImports) {
			t.Errorf("purser/conf imports %s; it may use only %s beside the standard library", imported, confImports)
		}
	}
}

// imports are what each package of this module imports, in the given format of go list.
func imports(t *testing.T, format string) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-f", "{{.ImportPath}} "+format, "./...")
	cmd.Dir = harness.ModuleDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v", err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[pkg] = strings.Split(imports, ",")
	}
	if len(found) < 8 {
		t.Fatalf("only %d packages were listed", len(found))
	}
	return found
}
