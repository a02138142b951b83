package spawn

import (
	"testing"

	"purser/conf"
)

func TestConcurrencyOfAPythonApp(t *testing.T) {
	const flask, fastapi = "app = flask.Flask(__name__)\n", "from fastapi import FastAPI\napp = FastAPI()\n"
	for name, test := range map[string]struct {
		files map[string]string
		env   map[string]string
		want  int
	}{
		"WSGI":                       {map[string]string{"wsgi.py": flask}, nil, 1},
		"ASGI by its name":           {map[string]string{"wsgi.py": "from blog.asgi import application", "blog/asgi.py": ""}, nil, conf.Unlimited},
		"FastAPI":                    {map[string]string{"wsgi.py": fastapi}, nil, conf.Unlimited},
		"FastAPI from a package":     {map[string]string{"wsgi.py": "from blog import app\n", "blog/__init__.py": "from .main import (app)\n", "blog/main.py": fastapi}, nil, conf.Unlimited},
		"Flask from a package":       {map[string]string{"wsgi.py": "from blog import create_app\napp = create_app()", "blog/__init__.py": flask}, nil, 1},
		"a package that is not here": {map[string]string{"wsgi.py": "from blog import app\n"}, nil, 1},
		"a circle":                   {map[string]string{"wsgi.py": "from wsgi import app\n"}, nil, 1},
		"a bare function":            {map[string]string{"wsgi.py": "async def application(scope, receive, send):\n    pass\n"}, nil, conf.Unlimited},
		"threads":                    {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "# threads = 2\nthreads = 4  # each\n"}, nil, 4},
		"threads by a variable":      {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "threads = int(os.environ.get('THREADS', '3'))\n"}, map[string]string{"THREADS": "7"}, 7},
		"threads of its default":     {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "threads = int(os.getenv(\"THREADS\", 3))\n"}, nil, 3},
		"threads that are counted":   {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "threads = multiprocessing.cpu_count() * 2\n"}, nil, 1},
		"flags win":                  {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "threads = 4\n"}, map[string]string{"GUNICORN_CMD_ARGS": "--workers=2 --threads 6"}, 6},
		"gevent":                     {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "worker_class = 'gevent'\n"}, nil, 1000},
		"gevent by a flag":           {map[string]string{"wsgi.py": flask}, map[string]string{"GUNICORN_CMD_ARGS": "-k gevent --worker-connections=50"}, 50},
		"sync":                       {map[string]string{"wsgi.py": flask, "gunicorn.conf.py": "worker_class = 'sync'\n"}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			app := conf.App{Root: writeFiles(t, test.files), Kind: kindPython, StartupFile: "wsgi.py", Env: test.env}
			if got := pythonConcurrency(app); got != test.want {
				t.Errorf("it is made for %d requests at once, want %d", got, test.want)
			}
		})
	}
}
