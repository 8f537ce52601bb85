package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// TestOlderEndsAreUnderstood: what ends of this version and the one before have said is understood by each end as it is now,
// and so is the same with what a later version may add.
func TestOlderEndsAreUnderstood(t *testing.T) {
	t.Parallel()
	tried := 0
	for v := max(1, protocol.Version-1); v <= protocol.Version; v++ {
		dir := fmt.Sprintf("testdata/v%d", v)
		for name, change := range map[string]func(map[string]any){"as recorded": func(map[string]any) {}, "of a later version": later} {
			tried++
			t.Run(fmt.Sprintf("v%d/%s/agent", v, name), func(t *testing.T) { t.Parallel(); understoodByAgent(t, recorded(t, dir, change)) })
			t.Run(fmt.Sprintf("v%d/%s/host", v, name), func(t *testing.T) { t.Parallel(); understoodByHost(t, recorded(t, dir, change)) })
		}
	}
	if tried == 0 {
		t.Error("nothing was tried")
	}
}

// TestEndsTooFarApart: an agent ends that a host too far from it greets, and says what to do; a host gives one nothing.
func TestEndsTooFarApart(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t))
	c, keys := r.redis.Client(t), KeysOf(r.ns)
	a, err := NewAgent(AgentConfig{Client: r.redis.Client(t), Namespace: r.ns, ID: "a", Session: "1", Pace: fast, Log: slog.New(slog.DiscardHandler),
		Notes: filepath.Join(r.dir, "notes"), Boot: "boot", Run: r.run, Delivered: func(string, []string) {}, Order: func(o protocol.Order) { t.Errorf("it is told %+v", o) },
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: "box2", Version: "0.9.0"} }})
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, keys.Control("a"), kindControl, fmt.Sprintf(`{"order":{"seen":{"v":%d,"host":"box1","version":"9.0.0","devices":0}}}`, protocol.Version+2))
	err = a.Run(t.Context())
	var apart *protocol.IncompatibleError
	if !errors.As(err, &apart) || apart.Host.Speaks != protocol.Version+2 || !strings.Contains(err.Error(), "install spinbot 9.0.0 on box2, and start spinbot agent there again") {
		t.Errorf("%v", err)
	}

	h, _ := r.host("h")
	hello := fmt.Sprintf(`{"v":%d,"agent":"b","session":"1","name":"box3","version":"9.0.0"}`, protocol.Version+2)
	if err := c.HSet(t.Context(), keys.Agents(), "b", hello).Err(); err != nil {
		t.Fatal(err)
	}
	r.until("the agent is heard", func() bool {
		say(t, c, keys.Beats(), "beat", fmt.Sprintf(`{"v":%d,"agent":"b","session":"1"}`, protocol.Version+2))
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.members["b"].V == protocol.Version+2 && r.members["b"].Away == "incompatible"
	})
	res, err := h.Execute(t.Context(), protocol.Attempt{Agent: "b", ID: "run/1", Body: []byte(`"echo"`)}, func(sdk.Report) {}, func(protocol.Result) bool { return true })
	if err != nil || res.Error == nil || res.Error.Cause != sdk.CauseRefused {
		t.Errorf("%+v, %v", res, err)
	}
	if n, err := c.XLen(t.Context(), keys.Tasks("b")).Result(); n != 0 || err != nil {
		t.Errorf("%d tasks, %v", n, err)
	}
	var info HostInfo
	if err := json.Unmarshal([]byte(c.HGet(t.Context(), keys.Hosts(), "h").Val()), &info); err != nil || info.V != protocol.Version {
		t.Errorf("it announces %+v, %v", info, err)
	}
}

func later(m map[string]any) {
	m["later"] = map[string]any{"a": []any{1, "b"}}
	if _, ok := m["v"]; ok {
		m["v"] = protocol.Version + 1
	}
}

// recorded reads what was recorded, by kind.
func recorded(t *testing.T, dir string, change func(map[string]any)) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v: record them with -run TestRecord -record", len(files), err)
	}
	out := map[string]string{}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if json.Unmarshal(raw, &m) == nil { // live is a list
			change(m)
			raw, _ = json.Marshal(m)
		}
		out[strings.TrimSuffix(filepath.Base(path), ".json")] = string(raw)
	}
	return out
}

// say writes a recorded message as its end did.
func say(t *testing.T, c *redis.Client, stream, kind, text string) {
	t.Helper()
	kind, _, _ = strings.Cut(kind, "-")
	if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{kindField, kind, dataField, text}}).Err(); err != nil {
		t.Fatal(err)
	}
}

func understoodByAgent(t *testing.T, said map[string]string) {
	r := newRig(t, redistest.Shared(t))
	c, keys := r.redis.Client(t), KeysOf(r.ns)
	var orders atomic.Int64
	a, err := NewAgent(AgentConfig{Client: r.redis.Client(t), Namespace: r.ns, ID: recordedAgent, Session: "1", Pace: fast, Log: slog.New(slog.DiscardHandler),
		Notes: filepath.Join(r.dir, "notes"), Boot: "boot", Delivered: func(string, []string) {},
		Run: func(ctx context.Context, task protocol.Task, report func(sdk.Report)) protocol.Result {
			if string(task.Body) == "" || task.Host != recordedHost {
				t.Errorf("%+v", task)
			}
			return r.run(ctx, protocol.Task{ID: task.ID, Body: []byte(`"hang"`)}, report)
		},
		Order: func(o protocol.Order) {
			if o.Drain && o.Grace == 60_000 {
				orders.Add(1)
			}
		},
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{} }})
	if err != nil {
		t.Fatal(err)
	}
	r.running(a.Run)
	if err := c.HSet(t.Context(), keys.Hosts(), recordedHost, said["host"]).Err(); err != nil {
		t.Fatal(err)
	}
	if info, err := a.Host(t.Context(), recordedHost); err != nil || info.ID != recordedHost {
		t.Errorf("%+v, %v", info, err)
	}
	say(t, c, keys.Tasks(recordedAgent), "task", said["task"])
	r.begins(recordedAttempt)
	say(t, c, keys.Control(recordedAgent), "control-stop", said["control-stop"])
	var res protocol.Result
	r.until("its result is there", func() bool {
		got, err := c.XRange(t.Context(), keys.In(recordedHost), "-", "+").Result()
		if err != nil || len(got) == 0 || kindOf(got[0]) != kindResult {
			return false
		}
		res, err = decode[protocol.Result](got[0])
		return err == nil
	})
	if res.ID != recordedAttempt || res.Agent != recordedAgent || res.Error == nil || res.Error.Cause != sdk.CauseCancelled {
		t.Errorf("%+v", res)
	}
	say(t, c, keys.Control(recordedAgent), "control-order", said["control-order"])
	r.until("it has its order", func() bool { return orders.Load() == 1 })
	say(t, c, keys.Control(recordedAgent), "control-drop", said["control-drop"])
	r.until("it holds nothing", func() bool {
		n, err := c.XLen(t.Context(), keys.Tasks(recordedAgent)).Result()
		running, done := a.Holds()
		return err == nil && n+int64(running+done) == 0
	})
}

func understoodByHost(t *testing.T, said map[string]string) {
	r := newRig(t, redistest.Shared(t))
	c, keys := r.redis.Client(t), KeysOf(r.ns)
	h := NewHost(HostConfig{Client: r.redis.Client(t), Namespace: r.ns, Info: HostInfo{ID: recordedHost}, Log: slog.New(slog.DiscardHandler),
		Open:    func(context.Context, protocol.Unknown) (bool, error) { return true, nil },
		Changed: func(m Member) { r.mu.Lock(); r.members[m.Agent] = m; r.mu.Unlock() }})
	if err := c.HSet(t.Context(), keys.Agents(), recordedAgent, said["hello"]).Err(); err != nil {
		t.Fatal(err)
	}
	if err := h.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.running(func(ctx context.Context) error { h.Run(ctx); return nil })
	// Only what comes after its first read counts of beats: they come until one is heard.
	r.until("the agent is heard", func() bool {
		say(t, c, keys.Beats(), "beat", said["beat"])
		r.mu.Lock()
		defer r.mu.Unlock()
		return !r.members[recordedAgent].Offline && r.members[recordedAgent].Agent != ""
	})
	r.mu.Lock()
	m := r.members[recordedAgent]
	r.mu.Unlock()
	if len(m.Status.Devices) != 1 || len(m.Status.Warm) != 1 || m.Status.Warm[0].Model != "sdxl" || m.Name != "attic" || m.Tasks != 4 || len(m.Plugins) != 1 || m.Key == "" {
		t.Errorf("%+v", m)
	}
	reports := make(chan sdk.Report, 10)
	ended := make(chan protocol.Result, 1)
	go func() {
		res, err := h.Execute(t.Context(), protocol.Attempt{Agent: recordedAgent, ID: recordedAttempt, Body: []byte(recordedBody)}, func(x sdk.Report) { reports <- x }, func(protocol.Result) bool { return true })
		if err != nil {
			t.Error(err)
		}
		ended <- res
	}()
	r.until("it is sent", func() bool {
		n, err := c.XLen(t.Context(), keys.Tasks(recordedAgent)).Result()
		return n == 1 && err == nil
	})
	say(t, c, keys.In(recordedHost), "saved", said["saved"])
	if x := <-reports; string(x.Checkpoint) != "so far" {
		t.Errorf("%+v", x)
	}
	say(t, c, keys.Live(recordedHost), "live", said["live"])
	if x := <-reports; x.Fraction != 0.5 {
		t.Errorf("%+v", x)
	}
	say(t, c, keys.In(recordedHost), "result", said["result"])
	if res := <-ended; res.Error != nil || !strings.Contains(string(res.Body), "sha256:bb") || len(res.Artifacts) != 1 {
		t.Errorf("%+v", res)
	}
}
