package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/myspinbot/spinbot/sdk/client"
)

// patience is how long a script waits for anything.
const patience = 60 * time.Second

type spawnedKey struct{}

// spawned is a program in the background; what it prints is in NAME.out and NAME.err.
type spawned struct {
	cmd  *exec.Cmd
	done chan error
}

func backgroundOf(ts *testscript.TestScript, name string) *spawned {
	s := ts.Value(spawnedKey{}).(map[string]*spawned)[name]
	if s == nil {
		ts.Fatalf("nothing was spawned under the name %s", name)
	}
	return s
}

// spawn NAME PROGRAM ARGS...: starts it in the background, in a process group of its own.
func spawn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: spawn NAME PROGRAM ARGS...")
	}
	path, err := lookPath(ts, args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "TMPDIR", "WORK", "SPINBOT_STATE_DIR", "SPINBOT_PLUGIN_DIR", "SPINBOT_LISTEN", "SPINBOT_PIPELINES", "SPINBOT_SECRET_HOOK", "SPINBOT_SECRETS_COMMAND", "OLLAMA_HOST", "OLLAMA_MODELS", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := os.Create(ts.MkAbs(args[0] + ".out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs(args[0] + ".err"))
	ts.Check(err)
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(cmd.Start())
	s := &spawned{cmd, make(chan error, 1)}
	go func() { s.done <- cmd.Wait() }()
	ts.Value(spawnedKey{}).(map[string]*spawned)[args[0]] = s
	ts.Defer(func() {
		_ = cmd.Process.Kill() // when it is still there
		s.done <- <-s.done
	})
}

func lookPath(ts *testscript.TestScript, program string) (string, error) {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not in PATH", program)
}

// signal NAME INT|TERM|KILL|HUP|STOP|CONT.
func signalTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal NAME INT|TERM|KILL|HUP|STOP|CONT")
	}
	sig := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
		"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}[args[1]]
	ts.Check(backgroundOf(ts, args[0]).cmd.Process.Signal(sig))
}

// reap NAME CODE: waits for its end; CODE is -1 for one that a signal ended.
func reap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: reap NAME CODE")
	}
	s := backgroundOf(ts, args[0])
	select {
	case err := <-s.done:
		s.done <- err
		code := codeOf(ts, err)
		ts.Logf("[%s.err]\n%s", args[0], ts.ReadFile(args[0]+".err"))
		if fmt.Sprint(code) != args[1] {
			ts.Fatalf("%s exits with %d, want %s", args[0], code, args[1])
		}
	case <-time.After(patience):
		ts.Fatalf("%s does not end; it said:\n%s", args[0], ts.ReadFile(args[0]+".err"))
	}
}

// poll tries until ok, or until patience ends; less and less often, since other scripts need the processors, too.
func poll(ok func() bool) bool {
	deadline := time.After(patience)
	for wait := 25 * time.Millisecond; !ok(); wait = min(wait*5/4, 250*time.Millisecond) {
		select {
		case <-time.After(wait):
		case <-deadline:
			return false
		}
	}
	return true
}

// until PATTERN PROGRAM ARGS...: runs it again and again until what it prints matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM ARGS...")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	path, err := lookPath(ts, args[1])
	ts.Check(err)
	var last []byte
	if !poll(func() bool {
		cmd := exec.Command(path, args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		for _, name := range []string{"HOME", "PATH", "SPINBOT_STATE_DIR", "SPINBOT_PLUGIN_DIR"} {
			cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
		}
		last, _ = cmd.CombinedOutput() // what it says decides, not how it ends
		return pattern.Match(last)
	}) {
		ts.Fatalf("%s never printed %q; at last it printed:\n%s", strings.Join(args[1:], " "), args[0], last)
	}
}

// capture NAME PATTERN FILE: waits until the file has a match, and puts its first group, or all of it, into $NAME.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME PATTERN FILE")
	}
	pattern := regexp.MustCompile("(?m)" + args[1])
	var found [][]byte
	if !poll(func() bool {
		raw, _ := os.ReadFile(ts.MkAbs(args[2])) // may not be there yet
		if args[2] == "stdout" || args[2] == "stderr" {
			raw = []byte(ts.ReadFile(args[2]))
		}
		found = pattern.FindSubmatch(raw)
		return found != nil
	}) {
		ts.Fatalf("%s never held %q", args[2], args[1])
	}
	ts.Setenv(args[0], string(found[len(found)-1]))
}

// install PART [FOLDER]: drops a plugin or module that TestMain built into the plugin folder, and accepts it.
func install(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: install test|test.wasm|odd.wasm")
	}
	from, dir := filepath.Join(built, "parts", args[0]), ts.MkAbs("plugins")
	name, module := strings.CutSuffix(args[0], ".wasm")
	if !module {
		dir = filepath.Join(dir, name)
	}
	ts.Check(os.MkdirAll(dir, 0o755))
	if !module {
		ts.Check(os.WriteFile(filepath.Join(dir, "plugin.hcl"), []byte("name = \""+name+"\"\nversion = \"1.0.0\"\n"), 0o644))
	}
	ts.Check(copyFile(from, filepath.Join(dir, args[0])))
	ts.Check(ts.Exec("spinbot", "plugins", "trust", name))
}

// http METHOD URL [FILE [NAME:VALUE...]]: asks, with the file as a JSON body, and headers; the answer's status and body
// become stdout.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: http METHOD URL [FILE [NAME:VALUE...]]")
	}
	var body io.Reader
	if len(args) > 2 {
		body = strings.NewReader(ts.ReadFile(args[2]))
	}
	req, err := http.NewRequest(args[0], args[1], body)
	ts.Check(err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, header := range args[min(3, len(args)):] {
		name, value, _ := strings.Cut(header, ":")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n", res.Status, raw)
	fmt.Fprintln(ts.Stderr(), res.Request.URL) // where redirects led
}

// web NAME: starts a server on loopback, and puts its HOST:PORT into $NAME. /status/N answers with N, /to?URL redirects
// there, what is under /slow/ gets no answer, what is under /ollama/ that of webOllama, all else one with what was asked for, as JSON.
func web(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: web NAME")
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of a script
		switch {
		case strings.HasPrefix(r.URL.Path, "/status/"):
			status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/"))
			w.WriteHeader(max(status, 100))
		case strings.HasPrefix(r.URL.Path, "/slow/"):
			<-r.Context().Done()
		case strings.HasPrefix(r.URL.Path, "/ollama/"):
			webOllama(w, strings.TrimPrefix(r.URL.Path, "/ollama"), body)
		case r.URL.Path == "/to":
			http.Redirect(w, r, r.URL.RawQuery, http.StatusFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			said := map[string]any{"method": r.Method, "path": r.URL.Path, "body": string(body),
				"authorization": r.Header.Get("Authorization"), "length": len(r.Header.Get("Authorization")), "agent": r.UserAgent()}
			if span := r.Header.Get("traceparent"); span != "" {
				said["traceparent"] = span
			}
			_ = json.NewEncoder(w).Encode(said)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], strings.TrimPrefix(s.URL, "http://"))
}

// sign NAME SECRET FILE: puts the signature of a webhook's body into $NAME.
func sign(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sign NAME SECRET FILE")
	}
	ts.Setenv(args[0], client.Signature(args[1], time.Now(), []byte(ts.ReadFile(args[2]))))
}

// fill FILE BYTES TEXT: makes a file of that size by repeating the text.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE BYTES TEXT")
	}
	var size int
	if _, err := fmt.Sscan(args[1], &size); err != nil {
		ts.Fatalf("fill: %v", err)
	}
	text := bytes.Repeat([]byte(args[2]), size/len(args[2])+1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text[:size], 0o644))
}

// tools DIR PROGRAM...: makes a folder with links to these programs only, to be a PATH.
func tools(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: tools DIR PROGRAM...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, program := range args[1:] {
		path, err := lookPath(ts, program)
		ts.Check(err)
		ts.Check(os.Symlink(path, filepath.Join(dir, program)))
	}
}
