package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// pair is a host without a journal and an agent whose tasks do nothing, over a real Redis.
func pair(b *testing.B, fsync string) (*Host, *redistest.Server) {
	b.Helper()
	server := redistest.Start(b, redistest.Fsync(fsync))
	heard := make(chan struct{})
	var once sync.Once
	h := NewHost(HostConfig{Client: server.Client(b), Namespace: "bench", Info: HostInfo{ID: "h"}, Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context, string) (bool, error) { return false, nil },
		Changed: func(m Member) {
			if m.Session != "" && m.Away == "" {
				once.Do(func() { close(heard) })
			}
		}})
	if err := h.Begin(b.Context()); err != nil {
		b.Fatal(err)
	}
	a, err := NewAgent(AgentConfig{Client: server.Client(b), Namespace: "bench", ID: "a", Session: "1", Log: slog.New(slog.DiscardHandler), Notes: filepath.Join(b.TempDir(), "notes"),
		Run: func(_ context.Context, t protocol.Task, _ func(sdk.Report)) protocol.Result {
			return protocol.Result{Body: t.Body}
		},
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: "a"} },
		Delivered: func(string, []string) {}, Order: func(protocol.Order) {}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { h.Run(ctx) })
	all.Go(func() {
		if err := a.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() { stop(); all.Wait() })
	<-heard
	return h, server
}

// body is about as long as a small task with its assignment.
var body = json.RawMessage(`{"type":"noop.do","inputs":{"text":"` + strings.Repeat("x", 200) + `"},"time":"2026-11-26T12:00:00Z","seed":1,"owner":"local"}`)

func (h *Host) once(b *testing.B, id string) {
	res, err := h.Execute(context.Background(), "a", id, body, func(sdk.Report) {}, func(protocol.Result) bool { return true })
	if err != nil || res.Error != nil {
		b.Errorf("%+v, %v", res.Error, err)
	}
	h.Committed(id)
}

// BenchmarkRoundTrip is one task after another: from the host to the agent and back.
func BenchmarkRoundTrip(b *testing.B) {
	h, _ := pair(b, "everysec")
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		began := time.Now()
		h.once(b, "run/"+strconv.Itoa(n))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkTasks is many at once.
func BenchmarkTasks(b *testing.B) {
	for _, fsync := range []string{"everysec", "always"} {
		for _, inFlight := range []int{128, 512} {
			b.Run(fmt.Sprintf("appendfsync=%s/in_flight=%d", fsync, inFlight), func(b *testing.B) {
				h, _ := pair(b, fsync)
				var next atomic.Int64
				var all sync.WaitGroup
				b.ResetTimer()
				for range inFlight {
					all.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							h.once(b, "run/"+strconv.FormatInt(n, 10))
						}
					})
				}
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			})
		}
	}
}

// BenchmarkQuiet counts what an agent and a host with nothing to do ask of Redis.
func BenchmarkQuiet(b *testing.B) {
	_, server := pair(b, "everysec")
	c := server.Client(b)
	commands := func() (n int64) {
		for line := range strings.SplitSeq(c.Info(context.Background(), "stats").Val(), "\r\n") {
			if text, ok := strings.CutPrefix(line, "total_commands_processed:"); ok {
				n, _ = strconv.ParseInt(text, 10, 64)
			}
		}
		return n
	}
	const over = 10 * time.Second
	before := commands()
	for b.Loop() {
		<-time.After(over)
	}
	b.ReportMetric(float64(commands()-before-1)/(over.Seconds()*float64(b.N)), "commands/s")
}
