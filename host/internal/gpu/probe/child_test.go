//go:build unix

package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/host/internal/gpu/fake"
)

// TestMain lets this binary be a child that probes, well or badly: child MODE DIR.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3])
		return
	}
	os.Exit(m.Run())
}

var two = []gpu.Written{{Device: device.Device{UUID: "FAKE-1", Memory: gib}}, {Device: device.Device{UUID: "FAKE-2", Memory: gib}}}

// stuck is a driver that does not come back, whatever its context says.
type stuck struct{}

func (stuck) Probe(context.Context) ([]device.Device, string, error) { select {} }

func child(mode, dir string) {
	pids, _ := os.OpenFile(filepath.Join(dir, "pids"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fmt.Fprintln(pids, os.Getpid())
	sample, _ := json.Marshal(Sample{At: time.Now(), Devices: []device.Device{{UUID: "FAKE-1"}}})
	line := func() { fmt.Printf("%s\n", sample) }
	forever := func() { time.Sleep(time.Hour) }
	switch mode {
	case "works":
		_ = Main(fake.New(two, time.Now), 20*time.Millisecond, os.Stdin, os.Stdout, os.Exit)
	case "stuck":
		_ = Main(stuck{}, time.Second, os.Stdin, os.Stdout, os.Exit)
	case "none":
		_ = Main(fake.New(nil, time.Now), time.Second, os.Stdin, os.Stdout, os.Exit)
	case "hangs":
		line()
		forever()
	case "silent":
		forever()
	case "dies":
		line()
		fmt.Fprintln(os.Stderr, "something before")
		fmt.Fprintln(os.Stderr, "symbol lookup error: undefined symbol: nvmlDeviceGetCount")
		os.Exit(127)
	case "grandchild": // which outlives it, and holds its output
		cmd := exec.Command("sleep", "3600")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		_ = cmd.Start()
		fmt.Fprintln(pids, cmd.Process.Pid)
		line()
		os.Exit(1)
	case "rubbish":
		for range maxRubbish + 1 {
			fmt.Println("hello {}")
		}
		forever()
	case "some rubbish":
		fmt.Println("a library greets\n{}\n\n[1]\nnull")
		line()
		forever()
	case "floods":
		for {
			line()
		}
	case "endless":
		for {
			fmt.Print("no line ends here")
		}
	case "long":
		out := bufio.NewWriter(os.Stdout)
		for range 100 << 20 / 64 {
			fmt.Fprintf(out, "%64d", 0)
		}
		fmt.Fprintln(out)
		out.Flush()
		forever()
	case "environment":
		note, _ := json.Marshal(Sample{At: time.Now(), Note: strings.Join(os.Environ(), " ")})
		fmt.Printf("%s\n", note)
		forever()
	}
}

type rig struct {
	dir string
	*Watch
}

func start(t *testing.T, mode string, change ...func(*Config)) rig {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rig{dir: t.TempDir()}
	c := Child{Command: []string{self, "child", mode, r.dir}, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=/nowhere", "SPINBOT_SECRET_X=hunter2"}}
	cfg := Config{Sources: []Source{c.Source}, Patience: 2 * time.Second, IllAfter: 3 * time.Second, Pause: 20 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	r.Watch = New(cfg)
	r.Start()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, pid := range r.pids(t) {
			until(t, fmt.Sprintf("process %d ends", pid), func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		}
	})
	return r
}

// pids are those of every process that was started.
func (r rig) pids(t *testing.T) (out []int) {
	raw, err := os.ReadFile(filepath.Join(r.dir, "pids"))
	if err != nil {
		t.Error(err)
	}
	for _, word := range strings.Fields(string(raw)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Error(err)
		}
		out = append(out, pid)
	}
	return out
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// TestChild: a child that works is asked on, and all ends with the watch.
func TestChild(t *testing.T) {
	t.Parallel()
	r := start(t, "works", func(c *Config) { c.Patience, c.IllAfter = time.Minute, time.Hour })
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "ten readings", func() bool { return len(r.Series("FAKE-2", time.Time{})) >= 10 })
	if i := r.Inventory(); len(i.Devices) != 2 || i.Devices[0].Reading.Stale || i.Devices[0].Ill != "" || i.Notes != nil {
		t.Errorf("%+v", i)
	}
	if pids := r.pids(t); len(pids) != 1 {
		t.Errorf("%v were started", pids)
	}
}

// TestKilled: a child that is killed is replaced, and its devices are well again.
func TestKilled(t *testing.T) {
	t.Parallel()
	r := start(t, "works", func(c *Config) { c.Patience, c.IllAfter = time.Minute, time.Hour })
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		_ = syscall.Kill(r.pids(t)[n], syscall.SIGKILL)
		until(t, "another child", func() bool { return len(r.pids(t)) == n+2 })
		until(t, "an answer", func() bool { i := r.Inventory(); return !i.Devices[0].Reading.Stale && i.Notes == nil })
	}
	if d := r.Inventory().Devices; len(d) != 2 || d[0].Ill+d[1].Ill != "" {
		t.Errorf("%+v", d)
	}
}

// TestBadChildren: whatever a child does wrong, it is ended and said.
func TestBadChildren(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"hangs": "it does not answer", "silent": "it does not answer", "stuck": "it does not answer",
		"dies":    "it ended by itself (exit status 127): symbol lookup error: undefined symbol: nvmlDeviceGetCount",
		"rubbish": "it writes what is no sample", "endless": "a line of more than 4 MiB", "long": "a line of more than 4 MiB",
		"floods": "samples without end", "grandchild": "it does not answer",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := start(t, mode)
			told := func() string { return strings.Join(r.Inventory().Notes, "\n") }
			until(t, mode+" is told as "+want, func() bool { return strings.Contains(told(), want) })
			if mode == "hangs" { // the first may have hung before it said anything, on a busy machine
				until(t, "what it said is stale", func() bool { d := r.Inventory().Devices; return len(d) == 1 && d[0].Reading.Stale })
			}
			until(t, "another child", func() bool { return len(r.pids(t)) >= 2 })
		})
	}
}

// TestIll: the devices of a child that does not come back are ill.
func TestIll(t *testing.T) {
	t.Parallel()
	r := start(t, "hangs", func(c *Config) {
		c.Patience, c.IllAfter, c.Pause = 5*time.Second, 5300*time.Millisecond, time.Hour // it begins within that, on a busy machine too
	})
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "ill", func() bool {
		d := r.Inventory().Devices
		return len(d) == 1 && strings.Contains(d[0].Ill, "the probe stopped answering")
	})
}

func TestSomeRubbish(t *testing.T) {
	t.Parallel()
	r := start(t, "some rubbish", func(c *Config) { c.Patience, c.IllAfter = time.Minute, time.Hour })
	if err := r.First(t.Context()); err != nil || len(r.Inventory().Devices) != 1 {
		t.Errorf("%v %+v", err, r.Inventory())
	}
}

// TestNone: without devices no process stays, and one is started now and then.
func TestNone(t *testing.T) {
	t.Parallel()
	r := start(t, "none", func(c *Config) { c.Patience, c.Idle = time.Minute, 50*time.Millisecond })
	until(t, "the third look", func() bool { _, err := os.Stat(filepath.Join(r.dir, "pids")); return err == nil && len(r.pids(t)) >= 3 })
	if i := r.Inventory(); len(i.Devices) != 0 || len(i.Notes) != 0 {
		t.Errorf("%+v", i)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	r := start(t, "environment", func(c *Config) { c.Patience, c.IllAfter = time.Minute, time.Hour })
	if err := r.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	if note := r.Inventory().Notes[0]; strings.Contains(note, "hunter2") || !strings.Contains(note, "HOME=/nowhere") {
		t.Errorf("it sees %s", note)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	w := New(Config{Sources: []Source{Child{Command: []string{filepath.Join(t.TempDir(), "nothing")}}.Source}, Pause: time.Hour})
	if err := w.First(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i := w.Inventory(); len(i.Notes) != 1 || !strings.Contains(i.Notes[0], "no such file") {
		t.Errorf("%+v", i)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestOrphan: a child ends when its standard input does, even when its driver never comes back.
func TestOrphan(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"works", "stuck"} {
		cmd := exec.Command(self, "child", mode, t.TempDir())
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stdin.Close()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(60 * time.Second):
			t.Errorf("%s goes on", mode)
			_ = cmd.Process.Kill()
			<-ended
		}
	}
}
