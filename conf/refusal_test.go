package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

type refusal struct{ file, want string }

// inApp is a file whose second line, of [apps.a], is the given one.
func inApp(line string) string { return "[apps.a]\n" + line + "\nroot = '/a'\n" }

func inServer(line string) string { return "[server]\n" + line + "\n[apps.a]\nroot = '/a'\n" }

// refusals are files with one problem each.
var refusals = slices.Concat([]refusal{
	{"", `p.toml: apps: no app is configured; write a table such as [apps.blog] with its root`},
	{"\n[apps]\n", `p.toml:2: apps: no app is configured; write a table such as [apps.blog] with its root`},
	{"[apps.a]\nroot = '/a'\nroot = '/b'", `p.toml:3: not valid TOML: Key 'apps.a.root' has already been defined.`},
	{"[apps.a\n", `p.toml:1: not valid TOML: expected '.' or ']' to end table name, but got '\n' instead`},
	{"[apps.a]\n\nkind = 'node'", `p.toml:1: apps.a.root: must name the app's folder`},
	{"apps.a = 5", `p.toml:1: apps.a: must be a table, not 5`},
	{"[apps.a]\nroot = '/a'\n[[servers]]\n", `p.toml:3: servers: unknown key; did you mean "server"?`},
	{"[apps.a]\nroot = '/a'\n[[server]]\n", `p.toml:3: server: must be a table, not a table`},
	{"listen = [':80']\n[apps.a]\nroot = '/a'\n", `p.toml:1: listen: unknown key here; it belongs to [server]`},
	{"[apps.a]\nroot = '/a'\n[logging]\n", `p.toml:3: logging: unknown key; allowed: server, apps`},
	{"[apps.'a/b']\nroot = '/a'", `p.toml:1: apps."a/b": an app's name has 1 to 64 letters a-z A-Z, digits and _ - . and begins with none of - .`},
	{"[apps.-a]\nroot = '/a'", `p.toml:1: apps.-a: an app's name has 1 to 64 letters a-z A-Z, digits and _ - . and begins with none of - .`},
	{"[apps.a]\nroot = '/a'\nmin_proceses = 2", `p.toml:3: apps.a.min_proceses: unknown key; did you mean "min_processes"?`},
	{"[apps.a]\nroot = '/a'\nhelth.path = '/'", `p.toml:3: apps.a.helth: unknown key; did you mean "health"?`},
	{"[apps.a]\nroot = '/a'\nhealth = {\n path = '/up',\n\n pth = '/'\n}", `p.toml:6: apps.a.health.pth: unknown key; did you mean "path"?`},
	{"[apps.a]\nroot = '/a'\ncommand = '''\nx\ny'''\nhosts = [\n 'a',\n '*',\n]", `p.toml:6: apps.a.hosts: "*" is allowed only as a leading "*.", not in "*"`},
	{"[apps.a]\nroot = '/a'\nrestart.colour = 1", `p.toml:3: apps.a.restart.colour: unknown key; allowed: strategy, surge, unavailable, resist_deployment_errors, file, settle, watch, auto, switch_timeout, rollback_window, max_old_generations`},
	{"[apps.a]\nroot = '/a'\n[apps.a.env]\nB = 'x'\nA = 1", `p.toml:5: apps.a.env.A: must be a string, not 1`},
	{"[apps.a]\nroot = '/a'\n[apps.a.env]\n'A=B' = ''", `p.toml:4: apps.a.env."A=B": "A=B" is no name of a variable: it must not be empty nor contain "="`},
	{"[apps.a]\nroot = '/a'\n[apps.a.env]\n'' = ''", `p.toml:4: apps.a.env."": "" is no name of a variable: it must not be empty nor contain "="`},
	{"[apps.a]\nroot = '/a'\nenv.A = \"\\u0000\"", `p.toml:3: apps.a.env.A: must not contain NUL`},
	{"[apps.a]\nroot = '/a'\n[apps.b]\nroot = '/b'", `p.toml:3: apps.b.path: the default app at path / is also app a; give one of them hosts or another path`},
	{"[apps.a]\nroot = '/a'\nhosts = ['x']\n[apps.b]\nroot = '/b'\nhosts = ['y', 'X']", `p.toml:6: apps.b.hosts: host x at path / is also that of app a`},
	{"[server]\nmax_processes = 3\n[apps.a]\nroot = '/a'\nmin_processes = 3\n[apps.b]\nroot = '/b'\nmin_processes = 0\nhosts = ['b']", `p.toml:2: server.max_processes: is 3, and min_processes of all apps is as much together: nothing is left for app "b", whose min_processes is 0`},
	{"[server]\nmax_processes = 3\n[apps.a]\nroot = '/a'\nmin_processes = 4", `p.toml:2: server.max_processes: is 3, but min_processes of all apps is 4 together`},
	{"[apps.a]\nroot = '/a'\nmin_processes = 7", `p.toml:3: apps.a.min_processes: is 7, more than max_processes, which is 6`},
	{"[apps.a]\nroot = '/a'\nstop_signal = 'QUIT'\nbacktrace_signal = 'QUIT'", `p.toml:4: apps.a.backtrace_signal: is the same as stop_signal, which was sent before; choose another or "none"`},
	{"[apps.a]\nroot = '/a'\nkind = 'command'", `p.toml:1: apps.a.command: must be given with kind = "command"`},
	{"[apps.a]\nroot = '/a'\nkind = 'node'\ncommand = 'x'", `p.toml:4: apps.a.command: contradicts kind = "node", which starts the app by itself; leave one out`},
	{"[apps.a]\nroot = '/a'\nstartup_file = 'b'\ncommand = 'x'", `p.toml:3: apps.a.startup_file: contradicts command; leave one out`},
}, lines(serverRefusals, inServer, "server"), lines(appRefusals, inApp, "apps.a"))

var serverRefusals = [][2]string{
	{`listen = []`, `must name at least one address such as ":3000"`},
	{`listen = ":80"`, `must be a list of strings, not ":80"`},
	{`listen = [80]`, `must be a list of strings, but 80 is in it`},
	{`listen = ["80"]`, `must be "host:port", ":port", "unix:/path" or "systemd:NAME", not "80"`},
	{`listen = [":65536"]`, `the port must be a number from 0 to 65535 in ":65536"`},
	{`listen = [":http"]`, `the port must be a number from 0 to 65535 in ":http"`},
	{`listen = ["a b:80"]`, `the host must be an address or a name in "a b:80"`},
	{`listen = ["unix:p.sock"]`, `must be "unix:" and an absolute path, not "unix:p.sock"`},
	{`listen = ["unix:/` + strings.Repeat("x", 107) + `"]`, `"unix:/` + strings.Repeat("x", 54) + `"… is too long: a socket's path has at most 107 bytes`},
	{`listen = ["systemd:"]`, `must be "systemd:" and the socket's FileDescriptorName, not "systemd:"`},
	{`listen = [":1", ":1"]`, `has ":1" twice`},
	{`admin = "9000"`, `must be "" or a loopback address such as "127.0.0.1:9000", not "9000"`},
	{`admin = ":9000"`, `must be on loopback, such as "127.0.0.1:9000", not ":9000"`},
	{`admin = "192.0.2.1:9000"`, `must be on loopback, such as "127.0.0.1:9000", not "192.0.2.1:9000"`},
	{`metrics = "127.0.0.1:3000"`, `has the address of listen; give it another port`},
	{`metrics = ":3000"`, `has the address of listen; give it another port`},
	{`metrics = "9100"`, `must be "" or an address such as "127.0.0.1:9100", not "9100"`},
	{`log_level = "warning"`, `must be one of trace, debug, info, warn, error, not "warning"`},
	{`log_level = "inof"`, `must be one of trace, debug, info, warn, error, not "inof"`},
	{`log_format = "jsn"`, `must be one of text, json, not "jsn"; did you mean "json"?`},
	{`log_apps = ""`, `must be "stderr", "stdout" or the path of a file, in which {app} is the app's name`},
	{`log_apps = "{pid}.log"`, `must be "stderr", "stdout" or the path of a file, in which {app} is the app's name`},
	{`log_apps = "/var/log/{app}/"`, `must be "stderr", "stdout" or the path of a file, in which {app} is the app's name`},
	{`log_apps_format = "plain"`, `must be one of auto, raw, text, json, not "plain"`},
	{`log_max_size = "1KiB"`, `must be "0" (off) or a size of at least "64KiB"`},
	{`log_keep = -1`, `must be a number from 0 to 1000000000`},
	{`access_log = "/var/log/"`, `must be "off", "stderr", "stdout" or the path of a file`},
	{`access_log = ""`, `must be "off", "stderr", "stdout" or the path of a file`},
	{`access_log = true`, `must be a string, not true`},
	{`access_log_format = "$status"`, `a template is not supported yet; allowed: combined, json`},
	{`access_log_format = "common"`, `must be one of combined, json, not "common"`},
	{`max_processes = -1`, `must be a number from 0 to 1000000000`},
	{`max_processes = "3"`, `must be a whole number, not "3"`},
	{`max_processes = 1.5`, `must be a whole number, not 1.5`},
	{`max_processes = 9223372036854775807`, `must be a number from 0 to 1000000000`},
	{`trusted_proxies = ["10.0.0.0/33"]`, `must be addresses or CIDRs such as "10.0.0.0/8", or "unix:", not "10.0.0.0/33"`},
	{`trusted_proxies = ["fe80::1%eth0"]`, `must be addresses or CIDRs such as "10.0.0.0/8", or "unix:", not "fe80::1%eth0"`},
	{`trusted_proxies = "unix:"`, `must be a list of strings, not "unix:"`},
	{`trusted_proxies = ["unix:/run/web.sock"]`, `must have "unix:" without a path, which means every unix socket, not "unix:/run/web.sock"`},
	{`trusted_proxies = ["unix:", "unix"]`, `must have "unix:" without a path, which means every unix socket, not "unix"`},
	{`root = "/a"`, `unknown key here; it belongs to [apps.NAME]`},
	{`min_processes = 2`, `unknown key here; it belongs to [apps.NAME]`},
	{`proxy_protocol = true`, `must be a list of strings, not true`},
	{`proxy_protocol = ["unix:/run/web.sock"]`, `must have "unix:" without a path, which means every unix socket, not "unix:/run/web.sock"`},
	{`trusted_proxis = []`, `unknown key; did you mean "trusted_proxies"?`},
	{`spool_limit = "0%"`, `must be a share from 1% to 100%, not "0%"`},
	{`spool_limit = "101%"`, `must be a share from 1% to 100%, not "101%"`},
	{`spool_limit = "half"`, `must be a share such as "50%" or a size such as "10GiB", not "half"`},
	{`spool_limit = "-5%"`, `must be a share such as "50%" or a size such as "10GiB", not "-5%"`},
	{`spool_limit = "12.5%"`, `must be a share such as "50%" or a size such as "10GiB", not "12.5%"`},
	{`spool_limit = "%"`, `must be a share such as "50%" or a size such as "10GiB", not "%"`},
	{`spool_limit = ""`, `must be a share such as "50%" or a size of at least "1MiB", not "0"`},
	{`spool_limit = "50"`, `must be a share such as "50%" or a size of at least "1MiB", not "50B"`},
	{`spool_limit = "1023KiB"`, `must be a share such as "50%" or a size of at least "1MiB", not "1023KiB"`},
	{`spool_limit = 50`, `must be a share such as "50%" or a size in quotes, such as "50B", not 50`},
	{`buffer_memory = "0%"`, `must be a share from 1% to 100%, not "0%"`},
	{`buffer_memory = "1023KiB"`, `must be a share such as "50%" or a size of at least "1MiB", not "1023KiB"`},
	{`spool_limt = "50%"`, `unknown key; did you mean "spool_limit"?`},
	{`max_spawns = -1`, `must be a number from 0 to 1000000000`},
	{`max_spawns = "many"`, `must be a whole number, not "many"`},
	{`acme = true`, `must be a table, not true`},
}

var appRefusals = [][2]string{
	{`kind = "rubi"`, `must be one of auto, command, ruby, python, node, not "rubi"; did you mean "ruby"?`},
	{`kind = 1979-05-27`, `must be a string, not a date`},
	{`command = []`, `must name a program; leave it out for none`},
	{`command = " "`, `must name a program; leave it out for none`},
	{`command = ["", "x"]`, `must name a program first`},
	{`command = ["x", 1]`, `must be a list of strings, but 1 is in it`},
	{`command = { x = 1 }`, `must be a string or a list of strings, not a table`},
	{`command = "a\u0000"`, `must not contain NUL`},
	{`startup_file = "../x"`, `must be a file inside root, relative to it, not "../x"`},
	{`startup_file = "/x"`, `must be a file inside root, relative to it, not "/x"`},
	{`env_pass = ["A=B"]`, `must be names of variables, not "A=B"`},
	{`env_pass = ["RAILS_["]`, `must be names such as "DATABASE_URL" or globs such as "RAILS_*", not "RAILS_["`},
	{`env_pass = ["NOTIFY_SOCKET"]`, `must not have "NOTIFY_SOCKET", which is meant for purser itself; to set it for the app, write it into env`},
	{`environment = "a b"`, `must be one word such as "production", not "a b"`},
	{`env = 5`, `must be a table, not 5`},
	{`hosts = ["https://x/"]`, `a host has no scheme and no path: write "x", not "https://x/"`},
	{`hosts = ["http://a.org:80/b"]`, `a host has no scheme and no path: write "a.org", not "http://a.org:80/b"`},
	{`hosts = ["//"]`, `must be host names such as "blog.example.org" or "*.example.org" (punycode for other letters), not "//"`},
	{`restart.surge = "50"`, `must be a count such as 50, without quotes, or a share such as "50%", not "50"`},
	{`restart.watch = ["**/*.{js,ts}"]`, `knows no "{a,b}": write a glob for each, such as "**/*.js" and "**/*.ts", instead of "**/*.{js,ts}"`},
	{`restart.watch = ["!lib/x.rb"]`, `cannot leave files out with "!": name those that are meant, instead of "!lib/x.rb"`},
	{`surge = 2`, `unknown key here; it belongs to [apps.a.restart]`},
	{`timeout = "2s"`, `unknown key here; it belongs to [apps.a.health] or [apps.a.hooks]`},
	{`listen = [":80"]`, `unknown key here; it belongs to [server]`},
	{`restart.min_processes = 2`, `unknown key here; it belongs to [apps.a]`},
	{`hosts = ["a.org:80"]`, `a host has no port: write "a.org"`},
	{`hosts = ["*.a.org:80"]`, `a host has no port: write "*.a.org"`},
	{`hosts = ["a.*.org"]`, `"*" is allowed only as a leading "*.", not in "a.*.org"`},
	{`hosts = [""]`, `must be host names such as "blog.example.org" or "*.example.org" (punycode for other letters), not ""`},
	{`hosts = ["bücher.example"]`, `must be host names such as "blog.example.org" or "*.example.org" (punycode for other letters), not "bücher.example"`},
	{`hosts = ["A", "a"]`, `has "a" twice`},
	{`path = "blog"`, `must begin with "/", not "blog"`},
	{`path = ""`, `must begin with "/", not ""`},
	{`path = "//"`, `must not end with "/"`},
	{`path = "/a//b"`, `must not contain "//", "." or "..", as "/a//b" does`},
	{`path = "/a/../b"`, `must not contain "//", "." or "..", as "/a/../b" does`},
	{`path = "/a%20"`, `must be printable ASCII without space, "%", "?", "#" and "\", not "/a%20"`},
	{`path = "/a?b"`, `must be printable ASCII without space, "%", "?", "#" and "\", not "/a?b"`},
	{`path = "/a#b"`, `must be printable ASCII without space, "%", "?", "#" and "\", not "/a#b"`},
	{`min_processes = -1`, `must be a number from 0 to 1000000000`},
	{`concurrency = -1`, `must be a number from 0 (by kind) or "unlimited", not -1`},
	{`concurrency = "many"`, `must be a number from 0 (by kind) or "unlimited", not "many"`},
	{`concurrency = true`, `must be a number from 0 (by kind) or "unlimited", not true`},
	{`idle_timeout = 5`, `must be a duration with its unit, such as "5s", not 5`},
	{`idle_timeout = "5"`, `must be a duration such as "90s", "5m" or "250ms", not "5"`},
	{`idle_timeout = "-5s"`, `must be a duration from "0" (off) to "8760h"`},
	{`start_timeout = "0"`, `must be a duration above 0 and up to "8760h"`},
	{`drain_timeout = ""`, `must be a duration above 0 and up to "8760h"`},
	{`websocket_drain_timeout = "9999h"`, `must be a duration above 0 and up to "8760h"`},
	{`stop_timeout = "soon"`, `must be a duration such as "90s", "5m" or "250ms", not "soon"`},
	{`stop_signal = "SIGTERM"`, `must be one of TERM, INT, QUIT, HUP, USR1, USR2, not "SIGTERM"`},
	{`stop_signal = "KILL"`, `must be one of TERM, INT, QUIT, HUP, USR1, USR2, not "KILL"`},
	{`max_queue = -1`, `must be a number from 0 to 1000000000`},
	{`queue_timeout = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`request_timeout = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`answer_stall = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`hang_after = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`hang_afetr = "60s"`, `unknown key; did you mean "hang_after"?`},
	{`answer_stall = 60`, `must be a duration with its unit, such as "60s", not 60`},
	{`answer_stalled = "60s"`, `unknown key; did you mean "answer_stall"?`},
	{`pass_trailers = "on"`, `must be true or false, not "on"`},
	{`proxy_pass_trailers = true`, `unknown key; did you mean "pass_trailers"?`},
	{`max_requests = -1`, `must be a number from 0 to 1000000000`},
	{`max_body = "1GB5"`, `must be a size such as "64MiB" or "1GiB", not "1GB5"`},
	{`max_body = "-1"`, `must be a size such as "64MiB" or "1GiB", not "-1"`},
	{`max_body = "9999999999TiB"`, `must be a size such as "64MiB" or "1GiB", not "9999999999TiB"`},
	{`max_body = 1024`, `must be a size in quotes, such as "1024B" or "64MiB", not 1024`},
	{`user = "www"`, `"user" is not supported yet`},
	{`group = "www"`, `"group" is not supported yet`},
	{`public = "../public"`, `must be a folder inside root, relative to it, not "../public"`},
	{`public = "/var/www"`, `must be a folder inside root, relative to it, not "/var/www"`},
	{`public = "."`, `must be a folder inside root, relative to it, not "."`},
	{`affinity = "on"`, `must be one of off, forward, not "on"`},
	{`affinity = "foward"`, `must be one of off, forward, not "foward"; did you mean "forward"?`},
	{`websocket_close_window = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`backtrace_signal = "SIGQUIT"`, `must be one of auto, none, QUIT, ABRT, USR1, USR2, HUP, not "SIGQUIT"`},
	{`backtrace_signal = "TERM"`, `must be one of auto, none, QUIT, ABRT, USR1, USR2, HUP, not "TERM"`},
	{`backtrace_signal = ""`, `must be one of auto, none, QUIT, ABRT, USR1, USR2, HUP, not ""`},
	{`memory_limit = "0"`, `"memory_limit" is not supported yet`},
	{`underscores_in_headers = true`, `"underscores_in_headers" is not supported yet`},
	{`restart = true`, `must be a table, not true`},
	{`restart.strategy = "roling"`, `must be one of rolling, blocking, blue-green, not "roling"; did you mean "rolling"?`},
	{`restart.strategy = "bluegreen"`, `must be one of rolling, blocking, blue-green, not "bluegreen"; did you mean "blue-green"?`},
	{`restart.surge = 0`, `and unavailable are both 0, so that nothing could ever be replaced; set unavailable = 1 to stop one process before its replacement starts`},
	{`restart.surge = -1`, `must be a count or a share such as "50%", not "-1"`},
	{`restart.surge = "0%"`, `must be a share from 1% to 100%, not "0%"`},
	{`restart.surge = "101%"`, `must be a share from 1% to 100%, not "101%"`},
	{`restart.surge = 1.5`, `must be a count or a share such as "50%", not 1.5`},
	{`restart.resist_deployment_errors = "yes"`, `must be true or false, not "yes"`},
	{`restart.file = "/srv/../tmp/restart.txt"`, `must be a file inside root, relative to it, or an absolute path, not "/srv/../tmp/restart.txt"`},
	{`restart.file = "/"`, `must be a file inside root, relative to it, or an absolute path, not "/"`},
	{`restart.file = "a/../../x"`, `must be a file inside root, relative to it, or an absolute path, not "a/../../x"`},
	{`restart.file = "tmp/restart.status"`, `must not be restart.status, which purser writes`},
	{`restart.settle = "0"`, `must be a duration above 0 and up to "8760h"`},
	{`restart.unavailable = -1`, `must be a count or a share such as "50%", not "-1"`},
	{`restart.unavailable = "200%"`, `must be a share from 1% to 100%, not "200%"`},
	{`restart.watch = "lib/**"`, `must be a list of strings, not "lib/**"`},
	{`restart.watch = [1]`, `must be a list of strings, but 1 is in it`},
	{`restart.watch = [""]`, `must be files inside root, relative to it, not ""`},
	{`restart.watch = ["../lib/*.rb"]`, `must be files inside root, relative to it, not "../lib/*.rb"`},
	{`restart.watch = ["/srv/a/*.rb"]`, `must be files inside root, relative to it, not "/srv/a/*.rb"`},
	{`restart.watch = ["lib/["]`, `must be globs such as "lib/**/*.rb", not "lib/["`},
	{`restart.watch = ["ok", "lib/**.rb"]`, `"**" must be a whole step of the path, as in "lib/**/*.rb", not in "**.rb"`},
	{`restart.watch = ["lib/"]`, `must be globs of files such as "lib/**/*.rb", without "//", "." and "..", not "lib/"`},
	{`restart.watch = ["./lib/*.rb"]`, `must be globs of files such as "lib/**/*.rb", without "//", "." and "..", not "./lib/*.rb"`},
	{`restart.auto = "on"`, `must be one of off, changed, not "on"`},
	{`restart.auto = true`, `must be a string, not true`},
	{`restart.switch_timeout = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`restart.rollback_window = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`restart.rollback_window = "long"`, `must be a duration such as "90s", "5m" or "250ms", not "long"`},
	{`restart.max_old_generations = 0`, `must be a number from 1 to 1000000000`},
	{`restart.max_old_generations = "2"`, `must be a whole number, not "2"`},
	{`restart.rolback_window = "1m"`, `unknown key; did you mean "rollback_window"?`},
	{`health = false`, `must be a table, not false`},
	{`health.path = "up"`, `must be "" (a connection is enough) or begin with "/" and be printable ASCII without space and "#", not "up"`},
	{`health.timeout = "0"`, `must be a duration above 0 and up to "8760h"`},
	{`health.path = "/%zz"`, `must be "" (a connection is enough) or begin with "/" and be printable ASCII without space and "#", not "/%zz"`},
	{`health.expect = ""`, `must be statuses such as "2xx", "200" or "200, 204", not ""`},
	{`health.expect = "ok"`, `must be statuses such as "2xx", "200" or "200, 204", not "ok"`},
	{`health.expect = "1xx"`, `must be statuses such as "2xx", "200" or "200, 204", not "1xx"`},
	{`health.expect = "200,"`, `must be statuses such as "2xx", "200" or "200, 204", not "200,"`},
	{`health.expect = 99`, `must be statuses such as "2xx", "200" or "200, 204", not "99"`},
	{`health.expect = 600`, `must be statuses such as "2xx", "200" or "200, 204", not "600"`},
	{`health.expect = true`, `must be a string, not true`},
	{`health.interval = "0"`, `must be a duration above 0 and up to "8760h"`},
	{`health.passes = 0`, `must be a number from 1 to 1000000000`},
	{`health.host = "*.a.org"`, `must be one host, not "*.a.org"`},
	{`health.host = "a.org:80"`, `a host has no port: write "a.org"`},
	{`health.warmup = "/"`, `must be a list of strings, not "/"`},
	{`health.warmup = ["up"]`, `must be paths that begin with "/" and are printable ASCII without space and "#", not "up"`},
	{`health.warmup = ["/", "/a b"]`, `must be paths that begin with "/" and are printable ASCII without space and "#", not "/a b"`},
	{`health.probation = "-1s"`, `must be a duration from "0" (off) to "8760h"`},
	{`hooks = []`, `must be a table, not a list`},
	{`hooks.before_restart = []`, `must name a program; leave it out for none`},
	{`hooks.after_restart = " "`, `must name a program; leave it out for none`},
	{`hooks.restart_failed = ["", "x"]`, `must name a program first`},
	{`hooks.process_ready = 1`, `must be a string or a list of strings, not 1`},
	{`hooks.process_gone = "a\u0000"`, `must not contain NUL`},
	{`hooks.timeout = "0"`, `must be a duration above 0 and up to "8760h"`},
	{`hooks.after_deploy = "x"`, `unknown key; allowed: before_restart, after_restart, restart_failed, process_ready, process_gone, timeout`},
}

// lines makes refusals of second lines and what is said about their keys.
func lines(refused [][2]string, in func(line string) string, table string) []refusal {
	var all []refusal
	for _, r := range refused {
		key, _, _ := strings.Cut(r[0], " = ")
		all = append(all, refusal{in(r[0]), fmt.Sprintf("p.toml:2: %s.%s: %s", table, key, r[1])})
	}
	return all
}

func TestAllThatIsWrongInAListIsTold(t *testing.T) {
	_, err := Parse("p.toml", []byte(inApp(`hosts = ["a b", "c.org", "*", "https://d.org"]`+"\nrestart.watch = ['/x', 'ok', '**.rb']")))
	want := []string{`not "a b"`, `not in "*"`, `write "d.org"`, `not "/x"`, `not in "**.rb"`}
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s is not told in\n%v", text, err)
		}
	}
	if lines := strings.Count(fmt.Sprint(err), "p.toml:"); lines != len(want) {
		t.Errorf("%d lines are told, want %d:\n%v", lines, len(want), err)
	}
}

func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		_, err := Parse("p.toml", []byte(r.file))
		if got := fmt.Sprint(err); got != r.want {
			t.Errorf("%s\n got %s\nwant %s", r.file, got, r.want)
		}
	}
}
