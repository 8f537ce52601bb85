package pluginexec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

func TestBadPrograms(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T, text string, mode os.FileMode) Binary {
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return trusted(t, "test", path)
	}
	for name, c := range map[string]struct {
		binary  func(t *testing.T) Binary
		message string // contained, beside the path
		detail  string
	}{
		"missing": {func(t *testing.T) Binary {
			return Binary{Name: "test", Path: filepath.Join(t.TempDir(), "absent"), SHA256: "sha256:00"}
		}, "its program is missing", ""},
		"folder":           {func(t *testing.T) Binary { return Binary{Name: "test", Path: t.TempDir(), SHA256: "sha256:00"} }, "is not a file", ""},
		"not executable":   {func(t *testing.T) Binary { return file(t, "text", 0o600) }, "is not executable", ""},
		"not for this cpu": {func(t *testing.T) Binary { return file(t, "\x7fELF but not really", 0o700) }, "is not a program for", ""},
		"untrusted": {func(t *testing.T) Binary {
			b := as(t, "plugin")
			b.SHA256 = ""
			return b
		}, "is not trusted", ""},
		"altered": {func(t *testing.T) Binary {
			b := as(t, "plugin")
			b.SHA256 = "sha256:" + strings.Repeat("0", 64)
			return b
		}, "was altered", ""},
		"says hello":     {func(t *testing.T) Binary { return script(t, "#!/bin/sh\necho hello\n") }, `is not a plugin: it printed "hello"`, ""},
		"says nothing":   {func(t *testing.T) Binary { return script(t, "#!/bin/sh\nexit 0\n") }, "is not a plugin: it ended without a handshake", ""},
		"chatty":         {func(t *testing.T) Binary { return as(t, "chatty") }, "is not a plugin: it printed", ""},
		"fails":          {func(t *testing.T) Binary { return as(t, "crash-at-start") }, "crashed at its start: exit 2", "cannot find my model"},
		"panics":         {func(t *testing.T) Binary { return as(t, "panic-at-start") }, "crashed at its start: exit 2", "panic: no configuration"},
		"killed":         {func(t *testing.T) Binary { return script(t, "#!/bin/sh\nkill -SEGV $$\n") }, "crashed at its start: signal: segmentation fault", ""},
		"hangs":          {func(t *testing.T) Binary { return as(t, "hang-at-start") }, "hung at its start: no handshake within 1s", ""},
		"wrong version":  {func(t *testing.T) Binary { return as(t, "wrong-version") }, "speaks version 99 of the plugin protocol, this host speaks version 1", ""},
		"wrong protocol": {func(t *testing.T) Binary { return as(t, "wrong-protocol") }, `speaks "netrpc", not gRPC`, ""},
		"bad manifest":   {func(t *testing.T) Binary { return as(t, "bad-manifest") }, "crashed at its start: exit 1", "is not a semantic version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.binary(t)
			e := open(t, b, func(c *Config) {
				if name == "hangs" {
					c.StartTimeout = time.Second
				}
			})
			_, err := e.Execute(t.Context(), &sdk.Task{Type: "test.echo", Inputs: sdk.Values{}})
			var got *sdk.Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want an *sdk.Error", err)
			}
			if got.Cause != sdk.CauseRefused || !got.Permanent || got.Hint == "" {
				t.Errorf("got %+v, want a permanent refusal with a hint", got)
			}
			if !strings.Contains(got.Message, c.message) || !strings.Contains(got.Message, b.Path) && b.SHA256 != "" {
				t.Errorf("got %q, want %q and %s", got.Message, c.message, b.Path)
			}
			if !strings.Contains(got.Detail, c.detail) {
				t.Errorf("detail %q, want %q", got.Detail, c.detail)
			}
			if _, err := e.Describe(t.Context(), b); err == nil {
				t.Error("it was described all the same")
			}
			if left, err := filepath.Glob(filepath.Join(e.dir, "*")); err != nil || len(left) > 0 {
				t.Errorf("left in the socket folder: %v, %v", left, err)
			}
		})
	}
}

// TestKilledAtStart: that somebody killed a program says nothing against it, so its task may be tried again.
func TestKilledAtStart(t *testing.T) {
	t.Parallel()
	b := script(t, "#!/bin/sh\nkill -KILL $$\n")
	_, err := open(t, b, nil).Execute(t.Context(), &sdk.Task{Type: "test.echo", Inputs: sdk.Values{}})
	var got *sdk.Error
	if !errors.As(err, &got) || got.Cause != sdk.CauseFailed || got.Permanent || got.Hint == "" || !strings.Contains(got.Message, b.Path+" was killed at its start") {
		t.Errorf("got %+v, want a failure that passes", err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	b := as(t, "plugin")
	e := open(t, b, nil)
	m, err := e.Describe(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	want := testPlugin().Manifest()
	if m.Name != want.Name || m.Version != want.Version || len(m.NodeTypes) != len(want.NodeTypes) {
		t.Errorf("got %s %s with %d node types, want %d", m.Name, m.Version, len(m.NodeTypes), len(want.NodeTypes))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Describe(ctx, b); err == nil {
		t.Error("described although its context had ended")
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		role   string
		config sdk.Values
		url    any
		fault  string
	}{
		"taken":      {"configured", sdk.Values{"url": "http://here"}, "http://here", ""},
		"missing":    {"configured", nil, nil, "url: is required"},
		"wrong type": {"configured", sdk.Values{"url": true}, nil, "configuration of plugin test: url"},
		"refused":    {"configured", sdk.Values{"url": "ftp://here"}, nil, "want http or https"},
		"unasked":    {"plugin", sdk.Values{"url": "x"}, nil, "takes no configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, as(t, c.role), func(cfg *Config) {
				cfg.Configure = func(context.Context, string) (sdk.Values, error) { return c.config, nil }
			})
			r, err := e.Execute(t.Context(), &sdk.Task{Type: "test.url", Inputs: sdk.Values{}})
			if c.fault == "" {
				if err != nil || r.Outputs["url"] != c.url {
					t.Errorf("got %v, %v", r.Outputs, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}

// TestRenew: whatever is under way when the configuration changes, a task that begins later sees the new one, and no task
// fails for it.
func TestRenew(t *testing.T) {
	t.Parallel()
	var now, said atomic.Int64
	e := open(t, as(t, "configured"), func(cfg *Config) {
		cfg.Configure = func(context.Context, string) (sdk.Values, error) {
			return sdk.Values{"url": "http://here/" + strconv.FormatInt(now.Load(), 10)}, nil
		}
	})
	var tasks sync.WaitGroup
	for range 4 {
		tasks.Go(func() {
			for range 12 {
				before := said.Load()
				r, err := e.Execute(t.Context(), &sdk.Task{Type: "test.url", Inputs: sdk.Values{}})
				if err != nil {
					t.Error(err)
					return
				}
				url, _ := r.Outputs["url"].(string)
				if seen, err := strconv.ParseInt(strings.TrimPrefix(url, "http://here/"), 10, 64); err != nil || seen < before {
					t.Errorf("it sees %s after %d was said", url, before)
				}
			}
		})
	}
	for i := range int64(8) {
		mustRun(t, e, "test.url", nil)
		now.Store(i + 1)
		e.Renew("test")
		said.Store(i + 1)
	}
	tasks.Wait()
	if got := mustRun(t, e, "test.url", nil)["url"]; got != "http://here/8" {
		t.Error(got)
	}
	e.Renew("another")
}

// TestBackoff: a plugin that dies at its start is not started over and over.
func TestBackoff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := open(t, script(t, "#!/bin/sh\necho x >> "+dir+"/starts\nexit 7\n"), nil)
	began := time.Now()
	for range 4 {
		if _, err := e.Execute(t.Context(), &sdk.Task{Type: "test.echo", Inputs: sdk.Values{}}); err == nil {
			t.Fatal("it started")
		}
	}
	if d := time.Since(began); d < 100*time.Millisecond+200*time.Millisecond+400*time.Millisecond {
		t.Errorf("four starts took %s, want pauses of 100, 200 and 400 ms between them", d)
	}
	if b, err := os.ReadFile(dir + "/starts"); err != nil || len(b) != 8 {
		t.Errorf("starts: %q, %v", b, err)
	}
}
