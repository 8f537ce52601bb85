package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// withFleet makes a host with a Redis, and an agent in this process whose node type noop.do does nothing.
func withFleet(tb testing.TB, fsync string) (*Host, *redistest.Server) {
	tb.Helper()
	server := redistest.Start(tb, redistest.Fsync(fsync))
	h := open(tb, func(c *Config) {
		c.Fleet = &agents.Settings{Dial: dial.Config{URL: server.URL()}, Listen: "127.0.0.1:0", NoAgent: true, Name: "bench"}
		c.Parallel = 512
	})
	if _, err := h.Serve(context.Background(), "127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	manifest := sdk.Manifest{Name: "noop", Version: "1.0.0", NodeTypes: []sdk.NodeType{{Name: "noop.do", Description: "Does nothing", Revision: "1", Idempotent: true,
		Inputs: sdk.Schema{Type: "object"}, Outputs: sdk.Schema{Type: "object"}}}}
	a, err := fleet.NewAgent(fleet.AgentConfig{Client: server.Client(tb), Namespace: dial.DefaultNamespace, ID: "noops", Session: "1", Notes: filepath.Join(tb.TempDir(), "notes"),
		Run: func(context.Context, protocol.Task, func(sdk.Report)) protocol.Result {
			return protocol.Result{Body: json.RawMessage(`{"outputs":{}}`)}
		},
		Status: func() protocol.Status { return protocol.Status{RAM: -1, Disk: -1} }, Order: func(protocol.Order) {}, Delivered: func(string, []string) {}, Log: slog.New(slog.DiscardHandler),
		Hello: func() protocol.Hello {
			return protocol.Hello{Name: "noops", Tasks: 512, Plugins: []protocol.Offered{{Name: "noop", Version: "1.0.0", Checksum: "0", Manifest: manifest}}}
		}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if v, err := h.catalog.View(ctx); err == nil {
			if _, ok := v.NodeType("noop.do"); ok {
				return h, server
			}
		}
		if time.Now().After(deadline) {
			tb.Fatal("the agent is never heard")
		}
	}
}

// BenchmarkFleet is tasks that do nothing, on an agent behind Redis: the whole path with the journal. The processor time is
// that of host, agent and Redis.
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct {
		fsync string
		runs  int
	}{{"everysec", 1}, {"everysec", 16}, {"everysec", 64}, {"always", 64}} {
		b.Run(fmt.Sprintf("appendfsync=%s/runs=%d", c.fsync, c.runs), func(b *testing.B) {
			h, server := withFleet(b, c.fsync)
			const tasks = 100
			p := h.parse(b, fmt.Sprintf("pipeline \"wide\" {}\nnode \"noop.do\" \"n\" {\n  for_each = range(%d)\n}\n", tasks))
			h.finish(b, p)
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			used := cpu() + server.CPU()
			b.ResetTimer()
			for range min(c.runs, b.N) {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						h.finish(b, p)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)*tasks/b.Elapsed().Seconds(), "tasks/s")
			b.ReportMetric(float64((cpu()+server.CPU()-used).Microseconds())/(float64(b.N)*tasks), "cpu-us/task")
		})
	}
}
