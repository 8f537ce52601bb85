package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// compiled is a cache that tests share: compiling the control nodes takes seconds.
var compiled string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "spinbot-test-doctor-")
	if err != nil {
		panic(err)
	}
	compiled = dir
	code := pgtest.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func well(t *testing.T) Config {
	t.Helper()
	state, err := local.At(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{state.Modules(), state.Manifests()} {
		shared := filepath.Join(compiled, filepath.Base(folder))
		if err := errors.Join(os.MkdirAll(shared, 0o700), os.Remove(folder), os.Symlink(shared, folder)); err != nil {
			t.Fatal(err)
		}
	}
	return Config{Listen: "127.0.0.1:0", Host: host.Config{State: state, File: config.Default(), Log: slog.New(slog.DiscardHandler), MinFree: -1}}
}

// probing makes a probe that writes a sample, after doing something in a shell.
func probing(t *testing.T, before string, s probe.Sample) []string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"sh", "-c", before + "\necho '" + string(raw) + "'"}
}

// TestExamine: what is wrong in one place is said there, with what to do, and makes nothing else wrong.
func TestExamine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	answers := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(answers.Close)
	for name, test := range map[string]struct {
		harm  func(t *testing.T, c *Config)
		check string
		state State
		want  string // in what is said or in what to do
	}{
		"nothing":      {func(*testing.T, *Config) {}, "files", Fine, "for its owner alone"},
		"no state yet": {func(t *testing.T, c *Config) { c.Host.State.Dir = filepath.Join(t.TempDir(), "deep", "er") }, "state", Fine, "will be made"},
		"a file there": {func(t *testing.T, c *Config) {
			c.Host.State.Dir = filepath.Join(t.TempDir(), "x")
			write(t, c.Host.State.Dir, 0o600)
		}, "state", Wrong, "is no folder"},
		"below a file": {func(t *testing.T, c *Config) {
			file := filepath.Join(t.TempDir(), "x")
			write(t, file, 0o600)
			c.Host.State.Dir = filepath.Join(file, "state")
		}, "state", Wrong, "--state-dir"},
		"a full disk":     {func(_ *testing.T, c *Config) { c.Host.MinFree = 1 << 60 }, "disk", Wrong, "nearly full"},
		"others may read": {func(t *testing.T, c *Config) { chmod(t, c.Host.State.Dir, 0o755) }, "files", Odd, "chmod 700"},
		"a key for all": {func(t *testing.T, c *Config) {
			c.Private = []string{write(t, filepath.Join(t.TempDir(), "key"), 0o644)}
		}, "files", Odd, "chmod 600"},
		"no key":          {func(_ *testing.T, c *Config) { c.Private = []string{"/nowhere/key"} }, "files", Wrong, "/nowhere/key"},
		"port taken":      {func(_ *testing.T, c *Config) { c.Listen = taken.Addr().String() }, "ports", Wrong, "--listen"},
		"not an address":  {func(_ *testing.T, c *Config) { c.Listen = "nonsense" }, "ports", Wrong, "nonsense"},
		"open to all":     {func(_ *testing.T, c *Config) { c.Listen = "0.0.0.0:0" }, "ports", Wrong, "spinbot token new"},
		"artifacts' port": {func(_ *testing.T, c *Config) { c.Host.Fleet = &agents.Settings{Listen: taken.Addr().String()} }, "ports", Wrong, "--artifacts-listen"},
		"no driver":       {func(t *testing.T, c *Config) { c.Host.Probe = probing(t, "", probe.Sample{Note: "no NVIDIA driver"}) }, "driver", Fine, "no NVIDIA driver"},
		"a GPU": {func(t *testing.T, c *Config) {
			c.Host.Probe = probing(t, "", probe.Sample{Devices: []device.Device{{Name: "RTX", Memory: 24 << 30}}})
		}, "driver", Fine, "RTX, 24 GiB"},
		"an ill GPU": {func(t *testing.T, c *Config) {
			c.Host.Probe = probing(t, "", probe.Sample{Devices: []device.Device{{Name: "RTX", Ill: "Xid 79"}}})
		}, "driver", Wrong, "Xid 79"},
		"the driver fails": {func(t *testing.T, c *Config) { c.Host.Probe = probing(t, "", probe.Sample{Error: "version mismatch"}) }, "driver", Wrong, "version mismatch"},
		"the probe dies":   {func(t *testing.T, c *Config) { c.Host.Probe = probing(t, "exit 3", probe.Sample{}) }, "driver", Wrong, "died"},
		"an unknown plugin": {func(t *testing.T, c *Config) {
			dir := filepath.Join(t.TempDir(), "x")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "plugin.hcl"), []byte("plugin \"x\" {\n  version = \"1.0.0\"\n  program = \"./x\"\n}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Host.PluginDirs = []string{filepath.Dir(dir)}
		}, "plugins", Odd, "x cannot be used"},
		"no Redis":    {func(_ *testing.T, c *Config) { c.Host.Fleet = fleet("redis://127.0.0.1:1") }, "redis", Wrong, "nothing listens there"},
		"no database": {func(_ *testing.T, c *Config) { c.Host.Store = "postgres://eve@127.0.0.1:1/x" }, "store", Wrong, "pg_isready"},
		"no bucket": {func(_ *testing.T, c *Config) {
			c.Host.ArtifactsS3 = &s3.Config{Where: s3.Where{Endpoint: "127.0.0.1:1", Bucket: "films", Plain: true, Region: "us-east-1"}}
		}, "artifacts", Wrong, "refused"},
		"no artifacts": {func(_ *testing.T, c *Config) { c.Host.ArtifactsDir = "/nowhere/x" }, "artifacts", Wrong, "--artifacts-dir"},
		"artifacts":    {func(t *testing.T, c *Config) { c.Host.ArtifactsDir = t.TempDir() }, "artifacts", Fine, "writable"},
		"an engine":    {func(_ *testing.T, c *Config) { c.Host.File.Engines = []config.Engine{{Name: "o", URL: answers.URL}} }, "engines", Fine, "answers"},
		"an engine that ended": {func(_ *testing.T, c *Config) {
			c.Host.File.Engines = []config.Engine{{Name: "o", URL: "http://127.0.0.1:1"}}
		}, "engines", Wrong, "start it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := well(t)
			test.harm(t, &c)
			look := checks[slices.IndexFunc(checks, func(k check) bool { return k.name == test.check })].look
			found := look(t.Context(), c)
			if !slices.ContainsFunc(found, func(f Finding) bool {
				return f.State == test.state && strings.Contains(f.Said+"\n"+f.Mend, test.want)
			}) {
				t.Errorf("want %s with %q, got %+v", test.state, test.want, found)
			}
			if worst := Worst(found); (worst == Wrong) != (test.state == Wrong) {
				t.Errorf("the worst is %s", worst)
			}
		})
	}
}

// TestAll: each check says something, in order, and a machine that is well has no errors.
func TestAll(t *testing.T) {
	t.Parallel()
	c := well(t)
	found := Examine(t.Context(), c)
	if Worst(found) == Wrong {
		t.Errorf("%+v", found)
	}
	var said []string
	for _, f := range found {
		if len(said) == 0 || said[len(said)-1] != f.Check {
			said = append(said, f.Check)
		}
	}
	if len(said) != len(checks) {
		t.Errorf("%v", said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c.Host.Probe = []string{"sh", "-c", "exec sleep 60"}
	if f := driver(ctx, c); len(f) != 1 || f[0].State != Wrong || !strings.Contains(f[0].Said, "does not answer") {
		t.Errorf("%+v", f)
	}
}

func fleet(url string) *agents.Settings {
	return &agents.Settings{Dial: dial.Config{URL: url}, Listen: "127.0.0.1:0"}
}

func write(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, nil, mode); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode)
	return path
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestServices: real servers, one that fits and one that would lose work.
func TestServices(t *testing.T) {
	t.Parallel()
	c := well(t)
	c.Host.Fleet = fleet(redistest.Start(t, redistest.With("maxmemory-policy", "allkeys-lru")).URL())
	c.Host.Store = pgtest.Database(t)
	if f := redis(t.Context(), c)[0]; f.State != Wrong || !strings.Contains(f.Mend, "CONFIG SET maxmemory-policy noeviction") {
		t.Errorf("%+v", f)
	}
	if f := database(t.Context(), c)[0]; f.State != Fine || !strings.Contains(f.Said, "PostgreSQL 1") {
		t.Errorf("%+v", f)
	}
	c.Host.Fleet = fleet(redistest.Start(t, redistest.Fsync("everysec")).URL())
	if f := redis(t.Context(), c); len(f) != 1 || f[0].State != Fine || !strings.Contains(f[0].Said, "fits") {
		t.Errorf("%+v", f)
	}
	if f := compared(time.Now().Add(time.Minute), time.Now(), "the Redis"); len(f) != 1 || !strings.Contains(f[0].Said, "off by 1m0s") {
		t.Errorf("%+v", f)
	}
}
