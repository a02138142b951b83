package spawn

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"purser/conf"
)

// newDebianStage has an app for the Python of Debian, which has the modules.
func newDebianStage(t *testing.T, root, startup string, modules ...string) *stage {
	t.Helper()
	out, err := exec.Command("/usr/bin/python3", "-c", "import "+strings.Join(modules, ", ")).CombinedOutput()
	if err != nil {
		t.Fatalf("this test needs apt install python3-%s: %s", strings.Join(modules, " python3-"), out)
	}
	return newAppStage(t, root, func(app *conf.App) {
		app.StartupFile = startup
		app.Env = map[string]string{"PATH": "/usr/bin:/bin"}
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
}

// startProject makes the project that Django's own command makes, with a page.
func startProject(t *testing.T, folder string) (root string) {
	t.Helper()
	root = t.TempDir()
	check(t, os.MkdirAll(root+"/"+folder, 0o755))
	out, err := exec.Command("/usr/bin/python3", "/usr/bin/django-admin", "startproject", "blog", root+"/"+folder).CombinedOutput()
	if err != nil {
		t.Fatalf("django-admin: %v: %s", err, out)
	}
	page := `
from django.http import HttpResponse
from django.urls import path, re_path, reverse
urlpatterns = [re_path('^(?P<name>.*)$', lambda r, name: HttpResponse('%s %s %s %s' % (name, type(r).__name__, reverse('page', args=['x']), r.build_absolute_uri())), name='page')]
`
	check(t, os.WriteFile(root+"/"+folder+"/blog/urls.py", []byte(page), 0o644))
	settings := root + "/" + folder + "/blog/settings.py"
	text, err := os.ReadFile(settings)
	check(t, err)
	changed := strings.Replace(string(text), "ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['*']", 1)
	check(t, os.WriteFile(settings, []byte(strings.Replace(changed, "WSGI_APPLICATION", "OF_NO_USE", 1)), 0o644))
	return root
}

func TestDjangoProject(t *testing.T) {
	for name, test := range map[string]struct{ folder, startup, remove, want string }{
		"wsgi.py":                        {".", "blog/wsgi.py", "", "WSGIRequest"},
		"asgi.py":                        {".", "blog/asgi.py", "", "ASGIRequest"},
		"manage.py":                      {".", "manage.py", "", "WSGIRequest"},
		"manage.py, without wsgi.py":     {".", "manage.py", "blog/wsgi.py", "ASGIRequest"},
		"wsgi.py below the root":         {"src", "src/blog/wsgi.py", "", "WSGIRequest"},
		"manage.py below the root":       {"src", "src/manage.py", "", "WSGIRequest"},
		"manage.py, without both":        {".", "manage.py", "blog/asgi.py blog/wsgi.py", "WSGIRequest"},
		"manage.py that names no module": {".", "manage.py", "manage.py", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := startProject(t, test.folder)
			for _, file := range strings.Fields(test.remove) {
				check(t, os.WriteFile(root+"/"+file, nil, 0o644))
				if file != "manage.py" {
					check(t, os.Remove(root+"/"+file))
				}
			}
			st := newDebianStage(t, root, test.startup, "django", "gunicorn", "uvicorn")
			st.spawner.app.Path = "/shop"
			if test.want == "" {
				st.startFails()
				return
			}
			child := st.start()
			if body, want := st.get(child, "/shop/a"), "a "+test.want+" /shop/x http://example.org/shop/a"; body != want {
				t.Errorf("Django answers %q, want %q", body, want)
			}
		})
	}
}
