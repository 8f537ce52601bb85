package fleet

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

var record = flag.Bool("record", false, "record testdata/v<Version> from an exchange between both ends; what stands there is what older ends say")

const (
	recordedHost    = "box1"
	recordedAgent   = "box2"
	recordedAttempt = "run_01jexample/upscale/1"
	recordedBody    = `{"type":"render.upscale","inputs":{"factor":2,"image":{"$artifact":"sha256:aa","media_type":"image/png","size":1024,"name":"in.png"}},"time":"2026-11-26T12:00:00Z","seed":7,"timeout":60000000000,"owner":"local","pipeline":"p_1","devices":["GPU-1"]}`
	recordedOutcome = `{"outputs":{"image":{"$artifact":"sha256:bb","media_type":"image/png","size":4096,"name":"out.png"}},"usage":{"device_time":1200}}`
)

// recorder keeps what is written to Redis: of each kind the last, of beats the last that says what runs.
type recorder struct {
	mu  sync.Mutex
	got map[string]string
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error { r.take(c); return next(ctx, c) }
}

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, all []redis.Cmder) error {
		for _, c := range all {
			r.take(c)
		}
		return next(ctx, all)
	}
}

func (r *recorder) take(c redis.Cmder) {
	args := c.Args()
	var kind, text string
	switch c.Name() {
	case "xadd":
		kind, text = fmt.Sprint(args[len(args)-3]), fmt.Sprintf("%s", args[len(args)-1])
	case "hset":
		kind, text = map[bool]string{true: "hello", false: "host"}[strings.HasSuffix(fmt.Sprint(args[1]), "agents")], fmt.Sprintf("%s", args[3])
	default:
		return
	}
	if kind == kindControl {
		var parts map[string]any
		_ = json.Unmarshal([]byte(text), &parts)
		for _, part := range []string{"stop", "drop", "order"} {
			if parts[part] != nil {
				kind += "-" + part
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if kind != kindBeat || strings.Contains(text, `"running"`) {
		r.got[kind] = text
	}
}

func (r *recorder) has(kind string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[kind] != ""
}

// TestRecord records what both ends say of one attempt, which is stopped and ends well all the same.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	rec := &recorder{got: map[string]string{}}
	r := newRig(t, redistest.Shared(t))
	r.hook = rec
	h, _ := r.host(recordedHost)
	r.recordedAgent()
	r.hears(recordedAgent)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r.until("all is said", func() bool { return rec.has(kindBeat) && rec.has(kindSaved) && rec.has(kindLive) })
		cancel()
	}()
	h.Order(recordedAgent, protocol.Order{Drain: true, Grace: 60_000})
	if _, err := h.Execute(ctx, protocol.Attempt{Agent: recordedAgent, ID: recordedAttempt, Body: []byte(recordedBody)}, func(sdk.Report) {}, func(protocol.Result) bool { return true }); err != nil {
		t.Fatal(err)
	}
	h.Committed(recordedAttempt)
	r.until("it is done with", func() bool { return rec.has("control-drop") })
	dir := fmt.Sprintf("testdata/v%d", protocol.Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for kind, text := range rec.got {
		if err := os.WriteFile(filepath.Join(dir, kind+".json"), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// recordedAgent begins an agent that has something to say of itself.
func (r *rig) recordedAgent() {
	r.t.Helper()
	free := int64(20 << 30)
	a, err := NewAgent(AgentConfig{Client: r.client(recordedAgent), Namespace: r.ns, ID: recordedAgent, Session: "s1", Pace: fast, Log: slog.New(slog.DiscardHandler),
		Notes: filepath.Join(r.dir, "notes"), Boot: "boot", Order: func(protocol.Order) {},
		Deliver: func(context.Context, string, []string) error { return nil }, Delivered: func(string, []string) {},
		Run: func(ctx context.Context, _ protocol.Task, report func(sdk.Report)) protocol.Result {
			report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("so far")})
			report(sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.5, Message: "half of it"})
			<-ctx.Done()
			return protocol.Result{Body: []byte(recordedOutcome), Artifacts: []string{"sha256:bb"}}
		},
		Status: func() protocol.Status {
			return protocol.Status{RAM: 64 << 30, Disk: 1 << 40,
				Devices: []device.Device{{UUID: "GPU-1", Kind: "cuda", Name: "NVIDIA RTX 4090", Memory: 24 << 30, Reading: device.Reading{At: time.Unix(1_796_000_000, 0).UTC(), Free: &free}}},
				Warm:    []device.Warm{{ID: "render@GPU-1/sdxl", Process: "render@GPU-1", Plugin: "render", Devices: []string{"GPU-1"}, Model: "sdxl", Memory: 4 << 30, Used: time.Unix(1_796_000_000, 0).UTC()}}}
		},
		Hello: func() protocol.Hello {
			return protocol.Hello{Name: "attic", Version: "0.9.0", Platform: "linux/amd64", Labels: map[string]string{"room": "attic"}, Key: "x25519-1:AAAA", Started: 1_796_000_000, Tasks: 4,
				Plugins: []protocol.Offered{{Name: "render", Version: "1.2.0", Checksum: "sha256:cc", Manifest: sdk.Manifest{Name: "render", Version: "1.2.0", Description: "pictures"}}},
				Notes:   []string{"there is no driver for GPU 1"}}
		}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.running(a.Run)
}
