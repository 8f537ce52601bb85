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
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// benchHost begins a host without a journal; what it gives is told of every agent that gets tasks.
func benchHost(b *testing.B, server *redistest.Server) (*Host, <-chan string) {
	b.Helper()
	there := make(chan string, 10_000)
	h := NewHost(HostConfig{Client: server.Client(b), Namespace: "bench", Info: HostInfo{ID: "h"}, Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context, protocol.Unknown) (bool, error) { return false, nil },
		Changed: func(m Member) {
			if m.Session != "" && m.Away == "" {
				select {
				case there <- m.Agent:
				default: // whoever asked has heard enough
				}
			}
		}})
	if err := h.Begin(b.Context()); err != nil {
		b.Fatal(err)
	}
	benchRun(b, func(ctx context.Context) error { h.Run(ctx); return nil })
	return h, there
}

// benchAgent begins an agent whose tasks do nothing.
func benchAgent(b *testing.B, server *redistest.Server) {
	b.Helper()
	a, err := NewAgent(quietAgent(server.Client(b), filepath.Join(b.TempDir(), "notes"), func(_ context.Context, t protocol.Task, _ func(sdk.Report)) protocol.Result {
		return protocol.Result{Body: t.Body}
	}))
	if err != nil {
		b.Fatal(err)
	}
	benchRun(b, a.Run)
}

// quietAgent is an agent that says nothing while it works.
func quietAgent(c redis.UniversalClient, notes string, run func(context.Context, protocol.Task, func(sdk.Report)) protocol.Result) AgentConfig {
	return AgentConfig{Client: c, Namespace: "bench", ID: "a", Session: "1", Log: slog.New(slog.DiscardHandler), Notes: notes, Run: run,
		Status: func() protocol.Status { return protocol.Status{} }, Hello: func() protocol.Hello { return protocol.Hello{Name: "a"} },
		Delivered: func(string, []string) {}, Order: func(protocol.Order) {}}
}

func benchRun(b *testing.B, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

// pair is a host without a journal and an agent whose tasks do nothing, over a real Redis.
func pair(b *testing.B, fsync string) (*Host, *redistest.Server) {
	b.Helper()
	server := redistest.Start(b, redistest.Fsync(fsync))
	h, there := benchHost(b, server)
	benchAgent(b, server)
	<-there
	return h, server
}

// used is the processor time of this process and of Redis.
func used(b *testing.B, server *redistest.Server) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) + server.CPU()
}

// body is about as long as a small task with its assignment.
var body = json.RawMessage(`{"type":"noop.do","inputs":{"text":"` + strings.Repeat("x", 200) + `"},"time":"2026-11-26T12:00:00Z","seed":1,"owner":"local"}`)

func (h *Host) once(b *testing.B, id string) {
	res, err := h.Execute(context.Background(), protocol.Attempt{Agent: "a", ID: id, Body: body}, func(sdk.Report) {}, func(protocol.Result) bool { return true })
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
				h, server := pair(b, fsync)
				var next atomic.Int64
				var all sync.WaitGroup
				before := used(b, server)
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
				b.ReportMetric(float64((used(b, server)-before).Microseconds())/float64(b.N), "cpu-us/task")
			})
		}
	}
}

// BenchmarkQuiet counts what an agent, and a host, with nothing to do ask of Redis.
func BenchmarkQuiet(b *testing.B) {
	for _, who := range []string{"agent", "host"} {
		b.Run(who, func(b *testing.B) {
			server := redistest.Start(b, redistest.Fsync("everysec"))
			c := server.Client(b)
			if who == "agent" {
				benchAgent(b, server)
				first := &redis.XReadArgs{Streams: []string{KeysOf("bench").Beats(), "0"}, Block: time.Minute}
				if err := c.XRead(b.Context(), first).Err(); err != nil {
					b.Fatal(err)
				}
			} else {
				benchHost(b, server)
			}
			const over = 20 * time.Second // four beats
			before := commands(b, c)
			for b.Loop() {
				<-time.After(over)
			}
			b.ReportMetric(float64(commands(b, c)-before)/(over.Seconds()*float64(b.N)), "commands/s")
		})
	}
}

// commands says how many commands a server has carried out, but for those that ask for it.
func commands(b *testing.B, c redis.UniversalClient) (n int64) {
	text, err := c.Info(b.Context(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(text) {
		name, stats, ok := strings.Cut(line, ":calls=")
		if !ok || name == "cmdstat_info" {
			continue
		}
		calls, _, _ := strings.Cut(stats, ",")
		k, err := strconv.ParseInt(calls, 10, 64)
		if err != nil {
			b.Fatal(line)
		}
		n += k
	}
	return n
}
