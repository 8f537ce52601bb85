package host

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
)

// These benchmarks are the whole path of a run behind the API: engine, journal in SQLite with synchronous FULL, staging,
// and the real sandbox or plugin process.

const steps = 10

// cpu is the processor time that this process and the children that have ended used; that of plugin processes still
// running is not in it.
func cpu() (used time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return used
}

func benchmarkChain(b *testing.B, body func(int, string) string, change ...func(*Config)) {
	for _, inFlight := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("in_flight=%d", inFlight), func(b *testing.B) {
			h := open(b, change...)
			p := h.parse(b, chain(steps, body))
			h.finish(b, p) // warm
			var left atomic.Int64
			left.Store(int64(b.N))
			var mu sync.Mutex
			var took []time.Duration
			var all sync.WaitGroup
			commits, used := h.store.Commits(), cpu()
			b.ResetTimer()
			for range min(inFlight, b.N) {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						start := time.Now()
						h.finish(b, p)
						d := time.Since(start)
						mu.Lock()
						took = append(took, d)
						mu.Unlock()
					}
				})
			}
			all.Wait()
			b.StopTimer()
			slices.Sort(took)
			of := float64(b.N) * steps
			b.ReportMetric(of/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/steps/1000, "p50-ms/step")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/steps/1000, "p99-ms/step")
			b.ReportMetric(float64((cpu()-used).Microseconds())/of, "cpu-us/step")
			b.ReportMetric(float64(h.store.Commits()-commits)/float64(b.N), "commits/run")
		})
	}
}

// BenchmarkControl is runs of 10 control nodes, one after the other.
func BenchmarkControl(b *testing.B) { benchmarkChain(b, controlNode) }

// BenchmarkTraced is BenchmarkControl with each run traced, and a collector that takes everything.
func BenchmarkTraced(b *testing.B) {
	takes := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(takes.Close)
	benchmarkChain(b, controlNode, func(c *Config) {
		c.File = config.Default()
		c.File.Tracing = &config.Tracing{Endpoint: takes.URL}
	})
}

// BenchmarkPlugin is runs of 10 plugin nodes, one after the other, in a warm process.
func BenchmarkPlugin(b *testing.B) { benchmarkChain(b, pluginNode) }

// BenchmarkFanOut is one run of 1,000 control nodes side by side.
func BenchmarkFanOut(b *testing.B) {
	h := open(b)
	p := h.parse(b, fmt.Sprintf("pipeline \"wide\" {}\nnode \"control.split_text\" \"n\" {\n  for_each = range(1000)\n  text = \"${each.value} %s\"\n}\noutput \"n\" {\n  value = length(node.n)\n}\n", caption))
	h.finish(b, p)
	for b.Loop() {
		h.finish(b, p)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/run")
}

// BenchmarkColdPlugin is the first task of a process that has to be started.
func BenchmarkColdPlugin(b *testing.B) {
	h := open(b)
	v, err := h.catalog.View(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	e, ok := v.Entry(pluginName)
	if !ok || e.State != catalog.Ready {
		b.Fatalf("the test plugin is not ready: %+v", e)
	}
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		h := open(b)
		p := h.parse(b, chain(1, pluginNode))
		b.StartTimer()
		start := time.Now()
		h.finish(b, p)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
