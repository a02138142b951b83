package kind

import (
	"path"
	"regexp"
	"strings"
)

// A pythonFile is a name of a startup file. What has a test is a name that others use as well.
type pythonFile struct {
	name    string
	defines *regexp.Regexp
}

// pythonFiles are looked for in this order: Passenger's, and those that are made for a server.
var pythonFiles = []pythonFile{
	{"passenger_wsgi.py", nil},
	{"manage.py", nil}, // of Django, which has its wsgi.py or asgi.py in the project's folder
	{"wsgi.py", nil},
	{"asgi.py", nil},
}

// pythonUsualFiles are looked for behind what is known of other kinds.
var pythonUsualFiles = []pythonFile{
	{"*.wsgi", nil},
	{"app.py", definesApp},
	{"main.py", definesApp},
	{"application.py", definesApp},
}

// definesApp finds what a server would look for in a module: app, application, or a function that makes one.
var definesApp = regexp.MustCompile(`(?m)^(app|application)\s*(:[^=\n]+)?=[^=]|^(async\s+)?def\s+(application|app|create_app|make_app)\s*\(|^(from\s.*\s)?import\s+(.*[\s,(])?(app|application|create_app|make_app)\b`)

func (f folder) python() ([]candidate, []string) { return f.pythonOf(pythonFiles) }

func (f folder) pythonUsual() ([]candidate, []string) { return f.pythonOf(pythonUsualFiles) }

func (f folder) pythonOf(files []pythonFile) (all []candidate, doubts []string) {
	for _, known := range files {
		found, doubt := f.pythonFile(known.name, known.defines)
		if doubt != "" {
			doubts = append(doubts, doubt)
		}
		if found.kind != "" {
			all = append(all, found)
		}
	}
	return all, doubts
}

func (f folder) pythonFile(name string, defines *regexp.Regexp) (found candidate, doubt string) {
	switch {
	case name == "manage.py":
		return f.django()
	case strings.HasPrefix(name, "*"):
		return f.onlyOf(name)
	case !f.has(name):
		return found, ""
	case defines != nil && !defines.MatchString(f.text(name)):
		return found, name + " defines no app, application or create_app"
	}
	return candidate{kind: Python, file: name, why: name}, ""
}

// onlyOf is the file of a pattern, if it is one: of two, nobody could say which.
func (f folder) onlyOf(pattern string) (found candidate, doubt string) {
	switch names := f.named(pattern); len(names) {
	case 0:
		return found, ""
	case 1:
		return candidate{kind: Python, file: names[0], why: names[0]}, ""
	default:
		return found, "there are several: " + strings.Join(names, ", ")
	}
}

var (
	djangoSettings = regexp.MustCompile(`DJANGO_SETTINGS_MODULE['"]\s*(?:,|\]\s*=)\s*['"]([\w.]+)['"]`)
	asgiSetting    = regexp.MustCompile(`(?m)^ASGI_APPLICATION\s*=`)
)

// django is PROJECT/wsgi.py of the project that manage.py is for, or PROJECT/asgi.py if that is all there is or what the
// settings name.
func (f folder) django() (found candidate, doubt string) {
	if !f.has("manage.py") {
		return found, ""
	}
	settings := djangoSettings.FindStringSubmatch(f.text("manage.py"))
	for _, project := range f.djangoProjects(settings) {
		wsgi, asgi := path.Join(project, "wsgi.py"), path.Join(project, "asgi.py")
		file := wsgi
		if f.has(asgi) && (!f.has(wsgi) || settings != nil && f.wantsASGI(settings[1])) {
			file = asgi
		}
		if f.has(file) {
			return candidate{kind: Python, file: file, why: "manage.py: " + file}, ""
		}
	}
	return found, "manage.py is there, but no wsgi.py or asgi.py in the folder of its project"
}

// djangoProjects are the folders in which the project's wsgi.py may be: beside its settings, or above the folder of them;
// if manage.py does not name them, the one folder that has one.
func (f folder) djangoProjects(settings []string) (projects []string) {
	if settings == nil {
		if found := f.named("*/wsgi.py"); len(found) == 1 {
			return []string{path.Dir(found[0])}
		}
		return nil
	}
	for folder := path.Dir(strings.ReplaceAll(settings[1], ".", "/")); folder != "."; folder = path.Dir(folder) {
		projects = append(projects, folder)
	}
	return projects
}

// wantsASGI reports whether the settings name an ASGI application, as Django's own template of them does not.
func (f folder) wantsASGI(settings string) bool {
	file := strings.ReplaceAll(settings, ".", "/")
	for _, name := range []string{file + ".py", file + "/__init__.py", path.Join(path.Dir(file), "base.py")} {
		if asgiSetting.MatchString(f.text(name)) {
			return true
		}
	}
	return false
}
