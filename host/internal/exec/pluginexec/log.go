package pluginexec

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// logLine writes one line that the plugin printed to the log.
func (p *process) logLine(stderr bool, line string) {
	p.tail.add(line)
	log := p.exec.config.Log
	attrs := []slog.Attr{slog.String("plugin", p.binary.Name)}
	level, message, extra, structured := parseLine(line)
	if !structured {
		level, message = plainLevel(line), line
		if !stderr {
			attrs = append(attrs, slog.String("stream", "stdout"))
		}
	}
	if !log.Enabled(context.Background(), level) {
		return
	}
	if !slices.ContainsFunc(extra, func(a slog.Attr) bool { return a.Key == "task" }) {
		if a := p.address(); a != "" {
			attrs = append(attrs, slog.String("task", a))
		}
	}
	log.LogAttrs(context.Background(), level, message, append(attrs, extra...)...)
}

// parseLine reads hclog's JSON: @level, @message, @timestamp and further members.
func parseLine(line string) (level slog.Level, message string, extra []slog.Attr, ok bool) {
	if !strings.HasPrefix(line, "{") {
		return 0, "", nil, false
	}
	var m map[string]any
	if json.Unmarshal([]byte(line), &m) != nil {
		return 0, "", nil, false
	}
	message, ok = m["@message"].(string)
	if !ok {
		return 0, "", nil, false
	}
	name, _ := m["@level"].(string)
	keys := make([]string, 0, len(m))
	for k := range m {
		if !strings.HasPrefix(k, "@") && k != "plugin" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		extra = append(extra, slog.Any(k, m[k]))
	}
	return levelOf(name), message, extra, true
}

func levelOf(name string) slog.Level {
	switch name {
	case "trace", "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

func plainLevel(line string) slog.Level {
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// tail keeps the last lines that a process printed; from a panic on, the first ones, which say what it was.
type tail struct {
	mu       sync.Mutex
	lines    []printed
	count    int // of lines ever
	panicked bool
}

type printed struct {
	number int
	text   string
}

const (
	tailLines = 30
	tailWidth = 400
)

func (t *tail) add(line string) {
	if _, message, _, ok := parseLine(line); ok {
		line = message
	}
	if len(line) > tailWidth {
		line = strings.ToValidUTF8(line[:tailWidth], "") + "…"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.panicked && plainLevel(line) == slog.LevelError {
		t.panicked, t.lines = true, nil
	}
	t.count++
	switch {
	case len(t.lines) < tailLines:
	case t.panicked:
		return
	default:
		t.lines = slices.Delete(t.lines, 0, 1)
	}
	t.lines = append(t.lines, printed{t.count, line})
}

// mark is a place in the output; since gives what came after it.
func (t *tail) mark() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

func (t *tail) since(mark int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, l := range t.lines {
		if l.number > mark {
			out = append(out, l.text)
		}
	}
	return strings.Join(out, "\n")
}

// String gives the lines, oldest first.
func (t *tail) String() string { return t.since(0) }
