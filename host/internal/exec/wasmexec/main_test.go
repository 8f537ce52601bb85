package wasmexec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// built is the folder of the guests that the tests build, compiled that of a cache that the tests share.
var built, compiled string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wasmexec")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built, compiled = dir, cmp.Or(os.Getenv("SPINBOT_TEST_MODULES"), filepath.Join(dir, "cache")) // see the Makefile
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

var builds sync.Map // package -> func() ([]byte, error)

// build compiles a package to WASM, and that for this machine into the shared cache, once; args choose the form.
func build(tb testing.TB, pkg string, args ...string) []byte {
	tb.Helper()
	out := filepath.Join(built, strings.NewReplacer("/", "_", ".", "_").Replace(pkg)+".wasm")
	once, _ := builds.LoadOrStore(out, sync.OnceValues(func() ([]byte, error) {
		cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", out}, args...), pkg)...)
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", cmd, err, text)
		}
		code, err := os.ReadFile(out)
		if err != nil {
			return nil, err
		}
		e := New(Config{CacheDir: compiled})
		if m, err := e.module(context.Background(), Module{Bytes: code, SHA256: checksum(code)}); err == nil { // else its tests see why
			m.release()
		}
		return code, e.Close()
	}))
	code, err := once.(func() ([]byte, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

func reactorCode(tb testing.TB) []byte {
	tb.Helper()
	return build(tb, "../exectest/testguest", "-buildmode=c-shared")
}

func commandCode(tb testing.TB) []byte {
	tb.Helper()
	return build(tb, "./testdata/command")
}

// patient gives guests the time that they need under the race detector on a busy machine, unless c says how much they have.
func patient(c Config) Config {
	if c.Limits.Time == 0 {
		c.Limits.Time = 5 * time.Minute
	}
	return c
}

// newExecutor offers one module for every node type whose plugin is "test", any other is unknown.
func newExecutor(tb testing.TB, code []byte, c Config) *Executor {
	tb.Helper()
	module := Module{Bytes: code, SHA256: checksum(code)}
	c.Resolve = func(nodeType string) (Module, error) {
		if strings.HasPrefix(nodeType, "test.") {
			return module, nil
		}
		return Module{}, errors.New("no module offers it")
	}
	if c.CacheDir == "" {
		c.CacheDir = compiled
	}
	e := New(patient(c))
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}
