package conf

import (
	"slices"
	"strings"
	"testing"
)

func TestTemplateOfTheAccessLogIsTextAndNames(t *testing.T) {
	for template, want := range map[string][]LogPart{
		"{status}":                       {{Name: "status"}},
		"{remote} -\t{status}!":          {{Name: "remote"}, {Text: " -\t"}, {Name: "status"}, {Text: "!"}},
		"{remote}{status}":               {{Name: "remote"}, {Name: "status"}},
		"{{{status}}} {{}}":              {{Text: "{"}, {Name: "status"}, {Text: "} {}"}},
		`"{header.X-Shop}" é`:            {{Text: `"`}, {Name: "header.x-shop"}, {Text: `" é`}},
		"{header.Accept-Language}{path}": {{Name: "header.accept-language"}, {Name: "path"}},
	} {
		got, err := ParseLogTemplate(template)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s became %v, %v; want %v", template, got, err, want)
		}
	}
}

func TestTemplateThatCannotBeHonouredIsRefused(t *testing.T) {
	for template, want := range map[string]string{
		"{}":                            "allowed: time,",
		"{Status}":                      "did you mean {status}?",
		"{status }":                     "did you mean {status}?",
		"{{status}":                     "without its counterpart",
		"{header.}":                     "unknown",
		"{header.X_Shop}":               "unknown", // such a field goes no further
		"{header.AUTHORIZATION}":        "secret",
		"{header.Proxy-Authorization}":  "secret",
		"{status}\x1b[31m":              "printable",
		"{status}\xff":                  "printable",
		"{" + strings.Repeat("x", 1000): "without its counterpart",
	} {
		if _, err := ParseLogTemplate(template); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", template, err, want)
		}
	}
}
