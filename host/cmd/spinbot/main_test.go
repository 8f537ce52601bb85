package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// built is where TestMain put what the scripts run, laid out as make build lays it out:
//
//	bin/{spinbot,fakeollama,fakecomfyui,fakepython}  bin/plugins/{artifact,comfyui,lipsync,lora,ollama,render,voice}  bin/plugins/spinbot.trust.hcl  pipelines -> the repository's
//	parts/test (a plugin)  parts/test.wasm (a reactor)  parts/odd.wasm (a WASI command)
var built string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	flag.Parse()
	if !given("test.parallel") { // the scripts mostly wait
		_ = flag.Set("test.parallel", fmt.Sprint(2*runtime.GOMAXPROCS(0)))
	}
	dir, err := os.MkdirTemp("", "spinbot-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		built = dir
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build what the scripts need:", err)
		return 1
	}
	return pgtest.Main(m)
}

func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// build does what the targets control, plugins and build of the Makefile do, and builds the parts that only tests use.
func build(dir string) error {
	root, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	plugins := filepath.Join(dir, "bin", "plugins")
	guest := []string{"GOOS=wasip1", "GOARCH=wasm"}
	reactor := []string{"-buildmode=c-shared"}
	steps := []func() error{
		func() error {
			return goBuild(filepath.Join(dir, "parts", "test.wasm"), "host", "./internal/exec/exectest/testguest", guest, reactor...)
		},
		func() error {
			return goBuild(filepath.Join(dir, "parts", "odd.wasm"), "host", "./cmd/spinbot/testdata/command", guest)
		},
		func() error {
			return goBuild(filepath.Join(dir, "parts", "test"), "host", "./cmd/spinbot/testdata/nodes", nil)
		},
	}
	for pkg, module := range map[string]string{"ollamatest/fakeollama": "plugins/ollama", "comfytest/fakecomfyui": "plugins/comfyui", "comfytest/fakepython": "plugins/comfyui"} {
		steps = append(steps, func() error {
			return goBuild(filepath.Join(dir, "bin", filepath.Base(pkg)), module, "./"+pkg, nil)
		})
	}
	for _, name := range []string{"artifact", "comfyui", "lipsync", "lora", "ollama", "render", "voice"} {
		steps = append(steps, func() error {
			folder := filepath.Join(plugins, name)
			if err := goBuild(filepath.Join(folder, name), "plugins/"+name, ".", nil); err != nil {
				return err
			}
			return copyFile(filepath.Join(root, "plugins", name, "plugin.hcl"), filepath.Join(folder, "plugin.hcl"))
		})
	}
	control := filepath.Join(root, "host", "control", "dist", "control.wasm")
	if _, err := os.Stat(control); err != nil {
		steps = append(steps, func() error { return goBuild(control, "host", "./control", guest, reactor...) })
	}
	if err := all(steps); err != nil {
		return err
	}
	trust, err := exec.Command("sh", filepath.Join(root, "scripts", "trust"), plugins, runtime.GOOS+"/"+runtime.GOARCH).Output()
	if err != nil {
		return fmt.Errorf("scripts/trust: %w", err)
	}
	if err := os.WriteFile(filepath.Join(plugins, "spinbot.trust.hcl"), trust, 0o600); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(root, "pipelines"), filepath.Join(dir, "pipelines")); err != nil {
		return err
	}
	flags := fmt.Sprintf("-ldflags=-s -w -X main.version=v0.0.1-test -X main.bundledTrust=%x", sha256.Sum256(trust))
	return goBuild(filepath.Join(dir, "bin", "spinbot"), "host", "./cmd/spinbot", nil, flags)
}

// knowing makes a state directory that has what others here have compiled, and what plugins have told them: both take seconds.
func knowing(state string) error {
	cache := filepath.Join(state, "cache")
	err := os.MkdirAll(cache, 0o700)
	for _, name := range []string{"wasm", "manifests"} {
		shared := filepath.Join(built, "known", name)
		err = errors.Join(err, os.MkdirAll(shared, 0o700), os.Symlink(shared, filepath.Join(cache, name)))
	}
	return err
}

// knowingState is knowing for a test.
func knowingState(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	if err := knowing(state); err != nil {
		t.Fatal(err)
	}
	return state
}

// goBuild builds a package of one of the repository's modules, with the flags of go test, which has compiled most of it.
func goBuild(out, module, pkg string, env []string, flags ...string) error {
	args := append([]string{"build", "-C", filepath.Join("../../..", module), "-buildvcs=false", "-ldflags=-s -w", "-o", out}, flags...)
	c := exec.Command("go", append(args, pkg)...)
	c.Env = append(os.Environ(), env...)
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, bytes.TrimSpace(text))
	}
	return nil
}

// all runs the steps at once and gives the first error.
func all(steps []func() error) error {
	errs := make([]error, len(steps))
	var wg sync.WaitGroup
	for i, step := range steps {
		wg.Go(func() { errs[i] = step() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, info.Mode().Perm())
}
