package spawn

import (
	"testing"

	"purser/conf"
)

func TestConcurrencyOfARubyApp(t *testing.T) {
	const (
		rails7 = "max_threads_count = ENV.fetch(\"RAILS_MAX_THREADS\") { 5 }\n" +
			"min_threads_count = ENV.fetch(\"RAILS_MIN_THREADS\") { max_threads_count }\nthreads min_threads_count, max_threads_count\n"
		rails8 = "# by default\nthreads_count = ENV.fetch(\"RAILS_MAX_THREADS\", 3)\nthreads threads_count, threads_count\nport ENV.fetch(\"PORT\", 3000)\n"
		heroku = "threads_count = Integer(ENV['RAILS_MAX_THREADS'] || 4)\nthreads threads_count, threads_count\n"
	)
	for name, test := range map[string]struct {
		file, text string
		env        map[string]string
		want       int
	}{
		"none":                       {"config/other.rb", "threads 3, 3\n", nil, 1},
		"numbers":                    {"config/puma.rb", "workers 2\nthreads 1, 6 # each\n", nil, 6},
		"in parentheses":             {"config/puma.rb", "threads(2, 7)\n", nil, 7},
		"of the environment":         {"config/puma/production.rb", "threads 0, 8\n", nil, 8},
		"of another environment":     {"config/puma/staging.rb", "threads 0, 8\n", nil, 1},
		"Rails 5 to 7":               {"config/puma.rb", rails7, nil, 5},
		"Rails 5 to 7 by a variable": {"config/puma.rb", rails7, map[string]string{"RAILS_MAX_THREADS": "9"}, 9},
		"Rails 7.2 and 8":            {"config/puma.rb", rails8, nil, 3},
		"Heroku":                     {"config/puma.rb", heroku, nil, 4},
		"a comment":                  {"config/puma.rb", "# threads 3, 3\n", nil, 1},
		"counted":                    {"config/puma.rb", "threads 1, Etc.nprocessors * 2\n", nil, 1},
		"a circle":                   {"config/puma.rb", "a = b\nb = a\nthreads a, b\n", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			app := conf.App{Root: writeFiles(t, map[string]string{test.file: test.text}), Environment: "production", Env: test.env}
			if got := rubyConcurrency(app); got != test.want {
				t.Errorf("it is made for %d requests at once, want %d", got, test.want)
			}
		})
	}
}
