// Package tracing brings the traces of runs to a collector, by OTLP over HTTP: spans of what the journal tells, and of what
// executors do meanwhile. It holds a bounded number of spans, drops what is above, and never has a run wait. It is not made
// where nothing is traced.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
)

// Settings say what is traced, and where it goes.
type Settings struct {
	URL string // of the collector's traces; empty: nowhere
	// Sample is how large a part of all runs is traced, from 0 to 1.
	Sample  float64
	Headers map[string]string
	// Secret gives more header fields, asked for with each request; nil: there are none.
	Secret   func(ctx context.Context) (map[string]string, error)
	Resource map[string]string // what is said of this process
	Timeout  time.Duration     // of one request
	Gzip     bool
}

// On says whether anything is traced.
func (s Settings) On() bool { return s.URL != "" && s.Sample > 0 }

// Process is what traces.
type Process struct {
	Environ []string
	Version string
	Log     *slog.Logger
	// Secret gives the value of a secret, for header fields.
	Secret func(ctx context.Context, name string) (string, error)
}

// Open makes a tracer as a file and the environment say; nil where nothing is traced. What cannot be read is said in the log,
// and is no reason to hold runs up.
func Open(f *config.Tracing, p Process) *Tracer {
	s, err := Read(f, p.Environ)
	if err != nil {
		p.Log.Warn("nothing is traced", "error", err)
		return nil
	}
	if f != nil {
		s.Secret = func(ctx context.Context) (map[string]string, error) {
			return f.Headers(func(name string) (string, error) { return p.Secret(ctx, name) })
		}
	}
	s.Resource["service.version"] = p.Version
	if name, err := os.Hostname(); err == nil && s.Resource["host.name"] == "" {
		s.Resource["host.name"] = name
	}
	return New(s, p.Version, p.Log)
}

// defaultURL is where a collector on this machine is.
const defaultURL = "http://127.0.0.1:4318"

// Read gives the settings of a file, nil for none, and of the variables that OpenTelemetry specifies. The error says which
// one cannot be read.
func Read(f *config.Tracing, environ []string) (Settings, error) {
	env := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, "OTEL_") {
			env[name] = strings.TrimSpace(value)
		}
	}
	of := func(name string) string { // what is said of traces goes before what is said of everything
		if v := env["OTEL_EXPORTER_OTLP_TRACES_"+name]; v != "" {
			return v
		}
		return env["OTEL_EXPORTER_OTLP_"+name]
	}
	s := Settings{Sample: 1, Timeout: 10 * time.Second, Gzip: of("COMPRESSION") == "gzip", Resource: map[string]string{}}
	if strings.EqualFold(env["OTEL_SDK_DISABLED"], "true") || env["OTEL_TRACES_EXPORTER"] == "none" {
		return s, nil
	}
	var err error
	switch {
	case f != nil && f.Endpoint != "":
		s.URL = under(f.Endpoint)
	case env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] != "":
		s.URL = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
	case env["OTEL_EXPORTER_OTLP_ENDPOINT"] != "":
		s.URL = under(env["OTEL_EXPORTER_OTLP_ENDPOINT"])
	case f != nil || env["OTEL_TRACES_EXPORTER"] == "otlp":
		s.URL = under(defaultURL)
	default:
		return s, nil
	}
	if u, bad := url.Parse(s.URL); bad != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return s, fmt.Errorf("the collector's address %q is none: write it like %s", s.URL, defaultURL)
	}
	if p := of("PROTOCOL"); p != "" && p != "http/protobuf" && (f == nil || f.Endpoint == "") {
		return s, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q, and spinbot speaks http/protobuf alone: name the collector's port for that, often 4318", p)
	}
	if s.Headers, err = pairs(of("HEADERS")); err != nil {
		return s, fmt.Errorf("OTEL_EXPORTER_OTLP_HEADERS: %w", err)
	}
	if text := of("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return s, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT is %q: want milliseconds", text)
		}
		s.Timeout = time.Duration(ms) * time.Millisecond
	}
	if s.Sample, err = sample(f, env); err != nil {
		return s, err
	}
	if s.Resource, err = pairs(env["OTEL_RESOURCE_ATTRIBUTES"]); err != nil {
		return s, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	switch {
	case f != nil && f.Service != "":
		s.Resource["service.name"] = f.Service
	case env["OTEL_SERVICE_NAME"] != "":
		s.Resource["service.name"] = env["OTEL_SERVICE_NAME"]
	case s.Resource["service.name"] == "":
		s.Resource["service.name"] = "spinbot"
	}
	return s, nil
}

// under is where traces go below the address of a collector.
func under(endpoint string) string {
	endpoint = strings.TrimRight(endpoint, "/")
	if strings.HasSuffix(endpoint, "/v1/traces") {
		return endpoint
	}
	return endpoint + "/v1/traces"
}

func sample(f *config.Tracing, env map[string]string) (float64, error) {
	if f != nil && f.Sample != nil {
		return *f.Sample, nil
	}
	switch name := strings.TrimPrefix(env["OTEL_TRACES_SAMPLER"], "parentbased_"); name {
	case "", "always_on":
		return 1, nil
	case "always_off":
		return 0, nil
	case "traceidratio":
		arg := env["OTEL_TRACES_SAMPLER_ARG"]
		if arg == "" {
			return 1, nil
		}
		part, err := strconv.ParseFloat(arg, 64)
		if err != nil || part < 0 || part > 1 {
			return 0, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q: want a number from 0 to 1", arg)
		}
		return part, nil
	default:
		return 0, fmt.Errorf("OTEL_TRACES_SAMPLER is %q: known are always_on, always_off and traceidratio", name)
	}
}

// pairs reads a=1,b=2, the values percent-encoded. The error tells no value, which may be secret.
func pairs(text string) (map[string]string, error) {
	out := map[string]string{}
	for k, one := range strings.Split(text, ",") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		name, value, ok := strings.Cut(one, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return out, fmt.Errorf("pair %d is none: write NAME=VALUE, with commas between", k+1)
		}
		out[name] = decoded
	}
	return out, nil
}

// sorted are the names of a map.
func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
