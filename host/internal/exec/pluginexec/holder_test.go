package pluginexec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// holder is a plugin that keeps models on a device. The device's memory is a file that one process at a time can lock:
// like real memory, it is free again only when its process has let go of it or is gone.
type holder struct {
	mu     sync.Mutex
	memory *os.File
	models map[string]bool // in use?
}

type loadIn struct {
	Model string `spin:",optional"`
	// Then is what to do once it is loaded: hold, deaf, typed, fail <text>, say <text>, crash <text>, signal <number>,
	// eat memory, spawn.
	Then   string `spin:",optional"`
	Memory string `spin:",optional" doc:"The file"`
}

type loadOut struct {
	Pid     int
	Environ []string
	Devices []string
}

func holderPlugin(name string) sdk.Plugin {
	h := &holder{models: map[string]bool{}}
	return sdk.Plugin{
		Name: name, Version: "1.0.0", Description: "Keeps models on a device",
		Resident: h.resident, Unload: h.unload,
		Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{
			Name: name + ".load", Description: "Loads a model", Device: &sdk.DeviceNeed{ModelInput: "model"},
		}, h.load)},
	}
}

func (h *holder) load(ctx context.Context, in loadIn, t *sdk.Task) (loadOut, error) {
	if err := h.take(in); err != nil {
		return loadOut{}, err
	}
	defer h.use(in.Model, false)
	t.Progress(0.5, "loaded")
	verb, text, _ := strings.Cut(in.Then, " ")
	switch verb {
	case "hold":
		<-ctx.Done()
		return loadOut{}, ctx.Err()
	case "deaf":
		select {}
	case "typed":
		return loadOut{}, &sdk.Error{Cause: sdk.CauseOOM, Message: "the picture does not fit", Hint: "draw a smaller one"}
	case "fail":
		return loadOut{}, errors.New(text)
	case "refuse":
		return loadOut{}, sdk.Refuse(text, "no way")
	case "say":
		fmt.Fprintln(os.Stderr, text)
	case "crash":
		fmt.Fprintln(os.Stderr, text)
		os.Exit(3)
	case "signal":
		n, _ := strconv.Atoi(text)
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		<-ctx.Done()
	case "eat":
		for all := [][]byte{}; ; {
			all = append(all, bytes.Repeat([]byte{1}, 16<<20))
		}
	case "spawn":
		if _, err := offspring(); err != nil {
			return loadOut{}, err
		}
	}
	return loadOut{os.Getpid(), os.Environ(), t.Devices}, nil
}

// take loads a model and takes the device's memory for it.
func (h *holder) take(in loadIn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in.Memory != "" && h.memory == nil {
		f, err := os.OpenFile(in.Memory, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			f.Close()
			return errors.New("CUDA out of memory. Tried to allocate 6.00 GiB")
		}
		h.memory = f
	}
	h.models[in.Model] = true
	return nil
}

func (h *holder) use(model string, inUse bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.models[model] = inUse
}

func (h *holder) resident(context.Context) ([]sdk.Model, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []sdk.Model
	for m, inUse := range h.models {
		out = append(out, sdk.Model{Name: m, Memory: 6 << 30, InUse: inUse})
	}
	return out, nil
}

// unload never answers for the model "stuck".
func (h *holder) unload(_ context.Context, model string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m, inUse := range h.models {
		switch {
		case model != "" && m != model:
		case m == "stuck":
			select {}
		case inUse:
			return sdk.Fail("model "+m+" is in use", "")
		default:
			delete(h.models, m)
		}
	}
	if len(h.models) == 0 && h.memory != nil {
		h.memory.Close()
		h.memory = nil
	}
	return nil
}

// offspring starts a child, grandchildren, one of them in a session of its own, and gives this process and them.
func offspring() ([]int, error) {
	shell := exec.Command("sh", "-c", "sleep 1000 & echo $!; setsid sleep 1001 & echo $!; echo; exec sleep 1002")
	out, err := shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	all := []int{os.Getpid(), shell.Process.Pid}
	buf := make([]byte, 100)
	text := ""
	for !strings.HasSuffix(text, "\n\n") {
		n, err := out.Read(buf)
		if err != nil {
			return nil, err
		}
		text += string(buf[:n])
	}
	for _, f := range strings.Fields(text) {
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// tellOffspring starts processes and writes their numbers beside the program.
func tellOffspring() {
	all, err := offspring()
	if err != nil {
		panic(err)
	}
	path := filepath.Join(filepath.Dir(os.Args[0]), "pids")
	if err := os.WriteFile(path+".new", []byte(strings.Trim(fmt.Sprint(all), "[]")), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
}

// toldOffspring waits for what tellOffspring of the program writes.
func toldOffspring(t *testing.T, b Binary) []int {
	t.Helper()
	var all []int
	until(t, "the plugin's processes", func() bool {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(b.Path), "pids"))
		if err != nil {
			return false
		}
		for _, f := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
		return true
	})
	return all
}

// holds opens an executor of the holder, which stops when it is told to, but later on a busy machine.
func holds(t testing.TB, change func(*Config)) *Executor {
	t.Helper()
	b := as(t, "holder")
	b.UsesDevices = true
	return open(t, b, func(c *Config) {
		c.Grace = time.Minute
		if change != nil {
			change(c)
		}
	})
}

// loading is a task of the holder.
func loading(in sdk.Values, devices ...string) *sdk.Task {
	if in == nil {
		in = sdk.Values{}
	}
	return &sdk.Task{
		Type: "test.load", Inputs: in, Devices: devices,
		Address: sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "a"}, Attempt: 1},
	}
}

func load(t testing.TB, e *Executor, in sdk.Values, devices ...string) sdk.Values {
	t.Helper()
	r, err := e.Execute(t.Context(), loading(in, devices...))
	if err != nil {
		t.Fatalf("%v: %v\n%s", in, err, sdk.AsError(err).Detail)
	}
	return r.Outputs
}

// holding runs a task that lasts until stop, which gives how it ended; the task is in its process already.
func holding(t *testing.T, e *Executor, ctx context.Context, in sdk.Values, devices ...string) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	begun, ended := make(chan struct{}), make(chan error, 1)
	in["then"] = "hold"
	once := sync.OnceFunc(func() { close(begun) })
	go func() {
		_, err := e.Execute(ctx, loading(in, devices...).WithReporter(func(r sdk.Report) {
			if r.Message == "loaded" {
				once()
			}
		}))
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("it did not hold: %v", err)
	}
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { stop() })
	return stop
}

// noneLeft waits until no process is left.
func noneLeft(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		until(t, fmt.Sprintf("process %d of %v gone", pid, pids), func() bool { return !alive(pid) })
	}
}

// playOOMHost runs one task that takes memory without end.
func playOOMHost() {
	e, err := New(Config{Resolve: func(string) (Binary, error) {
		return Binary{Name: "test", Path: os.Getenv("TEST_PLUGIN"), SHA256: os.Getenv("TEST_SUM")}, nil
	}})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	_, err = e.Execute(context.Background(), loading(sdk.Values{"then": "eat"}))
	json.NewEncoder(os.Stdout).Encode(sdk.AsError(err))
}
