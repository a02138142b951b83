package conf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// LogNames are what a template of the access log may name, beside "header.NAME".
var LogNames = []string{
	"time", "time_local", "remote", "user", "request_id", "trace_id", "method", "host", "target", "path", "protocol", "status", "app_status",
	"bytes", "bytes_in", "duration_ms", "receive_ms", "queue_ms", "connect_ms", "first_byte_ms", "phase", "ended_by", "retries",
	"tls_protocol", "tls_cipher", "app", "pid", "generation", "cached", "error", "referer", "user_agent",
}

// A LogPart is a piece of a template for the lines of the access log.
type LogPart struct {
	Text string // what stands there, if Name is ""
	Name string // what is put there: one of LogNames, or a header field of the request as "header.NAME", in lower case
}

// LogHeader begins the name of a part that is a header field.
const LogHeader = "header."

// secretHeaders are fields that let who reads the log do what the client may.
var secretHeaders = []string{"authorization", "proxy-authorization", "cookie"}

// IsLogTemplate reports whether a format of the access log is a template, and not a word.
func IsLogTemplate(format string) bool { return strings.ContainsAny(format, "{}") }

// ParseLogTemplate reads a template such as "{remote} {status}". Braces that are text are written twice.
func ParseLogTemplate(template string) (parts []LogPart, err error) {
	if !printable(strings.ReplaceAll(template, "\t", "")) {
		return nil, errors.New("must be one line of printable text, with tabs at most")
	}
	text := ""
	for rest := template; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			text += rest
			break
		}
		text += rest[:at]
		brace := rest[at : at+1]
		if rest = rest[at+1:]; strings.HasPrefix(rest, brace) {
			text, rest = text+brace, rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if brace == "}" || !closed {
			return nil, fmt.Errorf(`has %s without its counterpart; one that is text is written twice`, described(brace))
		}
		if err := checkLogName(name); err != nil {
			return nil, err
		}
		if text != "" {
			parts = append(parts, LogPart{Text: text})
		}
		parts, text, rest = append(parts, LogPart{Name: strings.ToLower(name)}), "", after
	}
	if text != "" {
		parts = append(parts, LogPart{Text: text})
	}
	return parts, nil
}

func checkLogName(name string) error {
	header, isHeader := strings.CutPrefix(name, LogHeader)
	switch {
	case isHeader && slices.Contains(secretHeaders, strings.ToLower(header)):
		return fmt.Errorf("names {%s}, which is a secret of the client's", name)
	case isHeader && isHeaderName(header), slices.Contains(LogNames, name):
		return nil
	}
	if near := nearest(name, LogNames); near != "" {
		return fmt.Errorf("names %s, which is unknown; did you mean {%s}?", described("{"+name+"}"), near)
	}
	return fmt.Errorf("names %s, which is unknown; allowed: %s, header.NAME", described("{"+name+"}"), strings.Join(LogNames, ", "))
}

// isHeaderName reports a token as clients may send it (RFC 9110 section 5.1); what has "_" or "." in it reaches nobody.
func isHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isNameLetter(r) || r == '_' || r == '.' })
}

func (s *Server) checkAccessLog(t table) {
	t.require(s.AccessLog == "off" || isLog(s.AccessLog), "access_log", `must be "off", "stderr", "stdout" or the path of a file`)
	if IsLogTemplate(s.AccessLogFormat) {
		_, err := ParseLogTemplate(s.AccessLogFormat)
		t.accept("access_log_format", err)
	} else {
		t.require(slices.Contains(accessLogFormats, s.AccessLogFormat), "access_log_format",
			`must be combined, json, or a template such as "{remote} {method} {target} {status}", not %s`, described(s.AccessLogFormat))
	}
	t.require(0 <= s.AccessLogSample && s.AccessLogSample <= 1, "access_log_sample", "must be a number from 0 to 1, such as 0.01 for one line in a hundred")
}

var portionForm = form[float64]{portion, formatPortion}

// portion reads a number with or without a decimal point.
func portion(v any) (float64, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		if !math.IsNaN(v) {
			return v, nil
		}
	}
	return 0, fmt.Errorf("must be a number from 0 to 1, not %s", described(v))
}

func formatPortion(p float64) string {
	s := strconv.FormatFloat(p, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
