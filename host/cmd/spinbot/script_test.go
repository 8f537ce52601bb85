package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/host/internal/freeport"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
	"github.com/myspinbot/spinbot/sdk/sdktest/tinyllama"
)

// TestScript runs testdata/script/*.txtar against the real binary. Each script has a state directory of its own;
// besides the standard commands they use those of commands_test.go. With -short the slow ones are skipped.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup:              setup,
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"spinbot": spinbot, "exits": exits, "spawn": spawn, "signal": signalTo, "reap": reap, "until": until, "capture": capture,
			"install": install, "http": request, "sign": sign, "fill": fill, "tmpfs": tmpfs, "tools": tools, "web": web,
			"freeport": somePort, "socket": socket, "card": card, "tinyllama": tinyLlama, "collector": collector, "spans": spans,
			"s3server": func(ts *testscript.TestScript, neg bool, args []string) { s3server(t, ts, neg, args) },
			"postgres": func(ts *testscript.TestScript, neg bool, args []string) { postgres(t, ts, neg, args) },
		},
	})
}

func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("SPINBOT_STATE_DIR", filepath.Join(env.WorkDir, "state"))
	env.Setenv("SPINBOT_PLUGIN_DIR", filepath.Join(env.WorkDir, "plugins"))
	env.Setenv("BUILT", built)
	editors, err := filepath.Abs("../../../docs/editors")
	if err != nil {
		return err
	}
	env.Setenv("EDITORS", editors)
	deploy, err := filepath.Abs("../../../deploy")
	if err != nil {
		return err
	}
	env.Setenv("DEPLOY", deploy)
	env.Setenv("PLATFORM", runtime.GOOS+"/"+runtime.GOARCH)
	env.Setenv("PATH", filepath.Join(built, "bin")+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Values[spawnedKey{}] = map[string]*spawned{}
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	script, err := os.ReadFile(filepath.Join("testdata", "script", name+".txtar"))
	if err != nil {
		return err
	}
	states := map[string]bool{"state": true}
	for _, m := range otherStates.FindAllSubmatch(script, -1) {
		states[string(m[1])] = true
	}
	for state := range states {
		err = errors.Join(err, knowing(filepath.Join(env.WorkDir, state)))
	}
	return errors.Join(err, os.MkdirAll(home, 0o755))
}

// otherStates finds the state directories of a script's other machines.
var otherStates = regexp.MustCompile(`spinbot (?:agent|serve|plugins) .*--state-dir \$WORK/(\w+)`)

// programs that the demo needs, and what to install when they are missing.
var programs = map[string]string{"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "espeak-ng": "espeak-ng"}

// condition adds "media" (ffmpeg and a speech engine are there), "redis", "postgres", "neovim", "s3", "ollama", "root" and "devices" (this machine has some). What is missing is skipped aloud on a
// person's machine, and fails in CI.
func condition(name string) (bool, error) {
	switch name {
	case "media":
		for program, pkg := range programs {
			if _, err := exec.LookPath(program); err != nil {
				return false, lacking(fmt.Errorf("%s is missing; install it: apt-get install %s", program, pkg))
			}
		}
		return true, nil
	case "redis":
		if _, err := exec.LookPath("redis-server"); err != nil {
			return false, lacking(errors.New("redis-server is missing; install it: apt-get install redis-server"))
		}
		return true, nil
	case "postgres":
		if err := pgtest.Missing(); err != nil {
			return false, lacking(err)
		}
		return true, nil
	case "neovim":
		if _, err := exec.LookPath("nvim"); err != nil {
			return false, lacking(errors.New("nvim is missing; install it: apt-get install neovim"))
		}
		return true, nil
	case "s3":
		if err := s3test.Missing("versitygw"); err != nil {
			return false, lacking(err)
		}
		return true, nil
	case "ollama":
		_, err := realOllama()
		if os.Getenv("OLLAMA_TEST") == "" { // building one takes minutes: make ollama-test does, and then it must be there
			return err == nil, nil
		}
		return err == nil, err
	case "devices":
		out, err := exec.Command(filepath.Join(built, "bin", "spinbot"), "probe", "--once").Output()
		return strings.Contains(string(out), `"uuid"`), err
	case "root":
		if os.Getuid() == 0 && runtime.GOOS == "linux" {
			return true, nil
		}
		return false, lacking(errors.New("this needs root on Linux, to mount a small file system"))
	}
	return false, fmt.Errorf("unknown condition %s", name)
}

// realOllama finds the Ollama that make ollama-test builds, or one that is installed.
func realOllama() (string, error) {
	own, err := filepath.Abs("../../../.tools/ollama")
	if err != nil {
		return "", err
	}
	for _, name := range []string{own, "ollama"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("ollama is missing; build one: make ollama-test")
}

// tinyllama DIR: writes the files of a language model of 100,000 random numbers into a new folder, and puts a real Ollama into PATH, if there is one.
func tinyLlama(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tinyllama DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	for name, raw := range tinyllama.Files() {
		ts.Check(os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	}
	if path, err := realOllama(); err == nil {
		ts.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+ts.Getenv("PATH"))
	}
}

// somePort is freeport NAME: puts the number of a port that nobody listens on into a variable.
func somePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	port, err := freeport.Any()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// postgres NAME: puts the URL of a fresh database into a variable.
func postgres(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: postgres NAME")
	}
	ts.Setenv(args[0], pgtest.Database(t))
}

// s3server NAME: puts the address of an S3 server of the script's own into a variable.
func s3server(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3server NAME")
	}
	ts.Setenv(args[0], s3test.Start(t, "versitygw").URL())
}

// lacking is an error only in CI.
func lacking(err error) error {
	if os.Getenv("CI") != "" {
		return err
	}
	fmt.Fprintln(os.Stderr, "SKIPPING scripts:", err)
	return nil
}

// spinbot ARGS...: it must end well.
func spinbot(ts *testscript.TestScript, neg bool, args []string) {
	exits(ts, neg, append([]string{"0", "spinbot"}, args...))
}

// exits CODE PROGRAM ARGS...: the program must end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	if code := codeOf(ts, err); fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s exits with %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

func codeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}
