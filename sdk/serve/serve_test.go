//go:build unix

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// TestMain lets the test binary play every part, under a link of that name.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "plugin":
		Plugin(testPlugin())
	case "bad":
		p := testPlugin()
		p.Version = "one"
		Plugin(p)
	default:
		if part := parts[filepath.Base(os.Args[0])]; part != nil {
			part()
			return
		}
		os.Exit(m.Run())
	}
}

type none struct{}

func testPlugin() sdk.Plugin {
	about := func(verb string) sdk.NodeType {
		return sdk.NodeType{Name: "test." + verb, Description: "For the tests: " + verb}
	}
	release := make(chan struct{})
	return sdk.Plugin{Name: "test", Version: "1.2.3", Description: "For tests", Nodes: []sdk.Node{
		sdk.NodeOf(about("print"), printAll),
		sdk.NodeOf(about("wait"), func(ctx context.Context, _ none, t *sdk.Task) (none, error) {
			t.Progress(0, "begun")
			select {
			case <-release:
				return none{}, nil
			case <-ctx.Done():
				return none{}, ctx.Err()
			}
		}),
		sdk.NodeOf(about("release"), func(context.Context, none, *sdk.Task) (none, error) {
			close(release)
			return none{}, nil
		}),
		sdk.NodeOf(about("panic"), func(context.Context, none, *sdk.Task) (none, error) { panic("oh") }),
	}}
}

// printAll prints in every way there is, at length too.
func printAll(ctx context.Context, _ none, _ *sdk.Task) (none, error) {
	fmt.Println("1|1|unix|/nowhere|grpc|")
	fmt.Fprintln(os.Stdout, "on stdout")
	fmt.Fprintln(os.Stderr, "on stderr", strings.Repeat("x", 100<<10))
	slog.WarnContext(ctx, "by slog", "size", 7)
	shell := exec.CommandContext(ctx, "echo", "by a program")
	shell.Stdout = os.Stdout
	return none{}, shell.Run()
}

// as gives the test binary under the name of a part.
func as(t *testing.T, part string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), part)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a part to its end.
func run(t *testing.T, part string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, as(t, part), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// TestByHand: a person gets an explanation, never a handshake or a process that waits.
func TestByHand(t *testing.T) {
	t.Parallel()
	code, out, said := run(t, "plugin", nil)
	if code != 0 || said != "" {
		t.Errorf("exit %d, %s", code, said)
	}
	for _, want := range []string{
		"test 1.2.3 is a MySpinBot plugin: a host starts it", "For tests", "test.print           For the tests: print",
		"~/.spinbot/plugins/test/", "spinbot plugins trust test", `version = "1.2.3"`, `"describe" as the argument`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	if strings.Contains(out, "|grpc|") {
		t.Errorf("it shakes hands: %s", out)
	}
	code, out, said = run(t, "plugin", nil, "describe")
	if m, err := sdk.ParseManifest([]byte(out)); code != 0 || said != "" || err != nil || m.Name != "test" || len(m.NodeTypes) != len(testPlugin().Nodes) {
		t.Errorf("describe: exit %d, %v, %s", code, err, out+said)
	}
	for _, args := range [][]string{{"help"}, {"describe", "x"}} {
		if code, out, said = run(t, "plugin", nil, args...); code != 64 || out != "" || !strings.Contains(said, "a host starts it") {
			t.Errorf("%v: exit %d, %s%s", args, code, out, said)
		}
	}
}

func TestBadManifest(t *testing.T) {
	t.Parallel()
	if code, _, said := run(t, "bad", nil); code != 1 || !strings.Contains(said, "A host would refuse it: plugin test: version") {
		t.Errorf("by hand: exit %d, %s", code, said)
	}
	cookie := wire.EnvCookie + "=" + wire.Handshake().MagicCookieValue
	if code, out, said := run(t, "bad", []string{cookie}); code != 1 || out != "" || !strings.Contains(said, "plugin test cannot be served: plugin test: version") {
		t.Errorf("by a host: exit %d, %s%s", code, out, said)
	}
	if code, out, _ := run(t, "plugin", []string{wire.EnvCookie + "=another"}); code != 1 || out != "" {
		t.Errorf("by something else: exit %d, %s", code, out)
	}
}

// safeBuffer is what a plugin wrote to its standard error.
type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T) (c *wire.Client, log *safeBuffer, stop func()) {
	t.Helper()
	log = &safeBuffer{}
	c, stop, err := wire.Start(as(t, "plugin"), log)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	return c, log, stop
}

func task(verb string) *sdk.Task {
	return &sdk.Task{
		Type: "test." + verb, Inputs: sdk.Values{},
		Address: sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "a"}, Attempt: 1},
	}
}

// TestPrints: what a node prints breaks nothing, and is all in the log.
func TestPrints(t *testing.T) {
	t.Parallel()
	c, log, stop := start(t)
	for range 2 {
		if _, err := c.Run(t.Context(), task("print"), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := c.Describe(t.Context()); err != nil || m.Name != "test" {
		t.Errorf("afterwards: %+v, %v", m, err)
	}
	stop() // waits for the rest of the log
	text := log.String()
	for _, want := range []string{
		"1|1|unix|/nowhere|grpc|\n", "on stdout\n", "on stderr " + strings.Repeat("x", 100<<10) + "\n", "by a program\n",
		`"@level":"warn","@message":"by slog","size":7,"task":"run_1/node.a/1"}`,
	} {
		if n := strings.Count(text, want); n != 2 {
			t.Errorf("the log has %.40q %d times", want, n)
		}
	}
}

// TestPanic: the process and its other tasks live on.
func TestPanic(t *testing.T) {
	t.Parallel()
	c, _, _ := start(t)
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		_, err := c.Run(t.Context(), task("wait").WithReporter(func(sdk.Report) { close(begun) }), time.Minute)
		ended <- err
	}()
	<-begun
	_, err := c.Run(t.Context(), task("panic"), time.Minute)
	var e *sdk.Error
	if !errors.As(err, &e) || !wire.Panicked(e) || !strings.Contains(e.Detail, "serve_test.go") {
		t.Errorf("got %+v", err)
	}
	if _, err := c.Run(t.Context(), task("release"), time.Minute); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the task beside it: %v", err)
	}
}
