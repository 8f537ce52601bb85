package pluginexec

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/checksum"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

// TestMain lets the test binary play every part: under a link of another name it is a plugin, good or bad, or a
// host to be killed.
func TestMain(m *testing.M) {
	switch role := filepath.Base(os.Args[0]); role {
	case "plugin", "second":
		serve.Plugin(testPlugin())
	case "crash-at-start":
		fmt.Fprintln(os.Stderr, "cannot find my model")
		os.Exit(2)
	case "panic-at-start":
		panic("no configuration")
	case "hang-at-start":
		select {}
	case "wrong-version":
		fmt.Println("1|99|unix|/nowhere|grpc|")
		select {}
	case "wrong-protocol":
		fmt.Println("1|1|unix|/nowhere|netrpc|")
		select {}
	case "chatty":
		fmt.Println("Welcome to the chatty program")
		select {}
	case "bad-manifest":
		p := testPlugin()
		p.Version = "one"
		serve.Plugin(p)
	case "configured":
		serve.Plugin(configuredPlugin())
	case "holder":
		serve.Plugin(holderPlugin("test"))
	case "other-holder":
		serve.Plugin(holderPlugin("other"))
	case "host":
		playHost()
	case "oom-host":
		playOOMHost()
	default:
		if step, ok := strings.CutPrefix(role, "stuck-at-"); ok {
			serve.Plugin(stepPlugin(step))
			return // and not all tests within it
		}
		os.Exit(m.Run())
	}
}

func testPlugin() sdk.Plugin {
	p := nodes.Plugin()
	about := func(verb string) sdk.NodeType {
		return sdk.NodeType{Name: "test." + verb, Description: "For the tests of pluginexec"}
	}
	one := about("one")
	one.Concurrency = 1
	p.Nodes = append(p.Nodes,
		sdk.NodeOf(about("spawn"), spawn),
		sdk.NodeOf(about("environ"), environ),
		sdk.NodeOf(about("print"), printLines),
		sdk.NodeOf(about("late_panic"), latePanic),
		sdk.NodeOf(about("flood"), flood),
		sdk.NodeOf(about("stop_self"), stopSelf),
		sdk.NodeOf(one, alone),
		sdk.NodeOf(about("many"), alone),
	)
	return p
}

type none struct{}

type pids struct {
	Plugin   int
	Children []int
}

// spawn starts children that would outlive it, one of them through a shell with the plugin's streams, and one
// in a session of its own.
func spawn(context.Context, none, *sdk.Task) (pids, error) {
	out := pids{Plugin: os.Getpid()}
	plain := exec.Command("sleep", "1000")
	shell := exec.Command("sh", "-c", "sleep 1001 & sleep 1002; wait")
	shell.Stdout, shell.Stderr = os.Stdout, os.Stderr
	apart := exec.Command("sleep", "1003")
	apart.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, c := range []*exec.Cmd{plain, shell, apart} {
		if err := c.Start(); err != nil {
			return out, err
		}
		out.Children = append(out.Children, c.Process.Pid)
	}
	return out, nil
}

type environOut struct{ Environ []string }

func environ(context.Context, none, *sdk.Task) (environOut, error) {
	return environOut{os.Environ()}, nil
}

func printLines(ctx context.Context, _ none, _ *sdk.Task) (none, error) {
	fmt.Println("said on stdout")
	fmt.Fprintln(os.Stderr, "said on stderr")
	syscall.Write(1, []byte("said on descriptor 1\n"))
	slog.WarnContext(ctx, "said by slog", "size", 7)
	return none{}, nil
}

func latePanic(ctx context.Context, _ none, _ *sdk.Task) (none, error) {
	go func() { panic("in a goroutine") }()
	<-ctx.Done()
	return none{}, ctx.Err()
}

type floodIn struct{ Count int }

func flood(_ context.Context, in floodIn, t *sdk.Task) (none, error) {
	for i := range in.Count {
		t.Progress(float64(i)/float64(in.Count), "x")
	}
	t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("at the end")})
	return none{}, nil
}

// stopSelf stops the whole process, as a debugger or a driver might: it answers nothing any more.
func stopSelf(ctx context.Context, _ none, _ *sdk.Task) (none, error) {
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-ctx.Done()
	return none{}, ctx.Err()
}

var running, most atomic.Int64

type most_ struct{ Most int64 }

// alone tells how many of it ran at once.
func alone(context.Context, none, *sdk.Task) (most_, error) {
	n := running.Add(1)
	defer running.Add(-1)
	for {
		m := most.Load()
		if n <= m || most.CompareAndSwap(m, n) {
			break
		}
	}
	time.Sleep(2 * time.Millisecond) // inside the plugin: gives the others a chance to overlap
	return most_{most.Load()}, nil
}

func configuredPlugin() sdk.Plugin {
	schema, err := sdk.SchemaOf[struct{ URL string }]()
	if err != nil {
		panic(err)
	}
	var url string
	return sdk.Plugin{
		Name: "test", Version: "1.0.0", ConfigSchema: &schema,
		Configure: func(_ context.Context, c sdk.Values) error {
			url, _ = c["url"].(string)
			if strings.HasPrefix(url, "ftp:") {
				return sdk.Refuse("url "+url+": want http or https", "mend url in spinbot.hcl")
			}
			return nil
		},
		Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{Name: "test.url", Description: "Its URL"},
			func(context.Context, none, *sdk.Task) (struct{ URL string }, error) {
				return struct{ URL string }{url}, nil
			})},
	}
}

// as gives the test binary under the name of a part.
func as(t testing.TB, role string) Binary {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), role)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return trusted(t, "test", path)
}

// script gives a shell script as a plugin's program.
func script(t testing.TB, text string) Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return trusted(t, "test", path)
}

var testSums checksum.Sums

func trusted(t testing.TB, name, path string) Binary {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := testSums.Digest(path, info)
	if err != nil {
		t.Fatal(err)
	}
	return Binary{Name: name, Path: path, SHA256: "sha256:" + d}
}

func open(t testing.TB, b Binary, change func(*Config)) *Executor {
	t.Helper()
	c := Config{
		Resolve: func(nodeType string) (Binary, error) {
			if !strings.HasPrefix(nodeType, "test.") {
				return Binary{}, fmt.Errorf("no plugin offers node type %s", nodeType)
			}
			return b, nil
		},
		Grace: 500 * time.Millisecond, StartTimeout: time.Minute,
	}
	if change != nil {
		change(&c)
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// playHost runs one task that starts children, tells their numbers and waits to be killed.
func playHost() {
	path, sum := os.Getenv("TEST_PLUGIN"), os.Getenv("TEST_SUM")
	e, err := New(Config{
		Resolve:   func(string) (Binary, error) { return Binary{Name: "test", Path: path, SHA256: sum}, nil },
		SocketDir: os.Getenv("TEST_SOCKETS"),
	})
	if err != nil {
		panic(err)
	}
	r, err := e.Execute(context.Background(), &sdk.Task{Type: "test.spawn", Inputs: sdk.Values{}})
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(pidsOf(r.Outputs))
	if os.Getenv("TEST_BUSY") != "" {
		go e.Execute(context.Background(), &sdk.Task{Type: "test." + os.Getenv("TEST_BUSY"), Inputs: sdk.Values{}})
	}
	select {}
}

func pidsOf(v sdk.Values) []int {
	var out []int
	add := func(x any) {
		n, _ := x.(json.Number)
		i, err := strconv.Atoi(string(n))
		if err == nil {
			out = append(out, i)
		}
	}
	add(v["plugin"])
	children, _ := v["children"].([]any)
	for _, c := range children {
		add(c)
	}
	return out
}

// alive says whether a process is there and not a zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return os.Getenv("HOME") != "" && !strings.Contains(err.Error(), "no such") && syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// until polls with a deadline.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not: %s", what)
		}
	}
}

func mustRun(t testing.TB, e *Executor, nodeType string, in sdk.Values) sdk.Values {
	t.Helper()
	if in == nil {
		in = sdk.Values{}
	}
	r, err := e.Execute(context.Background(), &sdk.Task{Type: nodeType, Inputs: in})
	if err != nil {
		t.Fatalf("%s: %v\n%s", nodeType, err, sdk.AsError(err).Detail)
	}
	return r.Outputs
}
