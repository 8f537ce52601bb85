package host

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/sdk"
)

// These benchmarks are the engine and its journal at sizes that no demo reaches.

func resident() float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}

// BenchmarkAccept is runs that are submitted from 64 sides and wait in the queue: each submission is durable.
func BenchmarkAccept(b *testing.B) {
	h := open(b)
	h.engine.PauseQueue(true)
	p := h.parse(b, chain(1, controlNode))
	var left atomic.Int64
	left.Store(int64(b.N))
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				start := time.Now()
				if _, err := h.engine.Submit(context.Background(), engine.Submission{Pipeline: p, Inputs: sdk.Values{}}); err != nil {
					b.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkQueued is 10,000 runs that wait, a restart, and the first new run done after it.
func BenchmarkQueued(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := open(b)
		h.engine.PauseQueue(true)
		p := h.parse(b, chain(1, controlNode))
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 200 {
					if _, err := h.engine.Submit(context.Background(), engine.Submission{Pipeline: p, Inputs: sdk.Values{}}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := os.WriteFile(h.cfg.State.Paused(), nil, 0o600); err != nil { // so that they still wait
			b.Fatal(err)
		}
		stop(b, h)
		b.StartTimer()
		h = reopen(b, h)
		if _, err := h.Serve(context.Background(), "127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
		for {
			if _, total, _ := h.engine.Queue(1); total == 10_000 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		b.StopTimer()
		b.ReportMetric(resident(), "MiB")
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/restart")
}

// BenchmarkGraph is one run of 10,000 nodes, of which each needs the one a hundred before it.
func BenchmarkGraph(b *testing.B) {
	h := open(b)
	var text strings.Builder
	text.WriteString("pipeline \"large\" {}\n")
	for i := range 10_000 {
		need := fmt.Sprintf("%q", caption)
		if i >= 100 {
			need = fmt.Sprintf("node.n%d.chunks[0]", i-100)
		}
		fmt.Fprintf(&text, "node \"control.split_text\" \"n%d\" {\n  text = %s\n}\n", i, need)
	}
	p := h.parse(b, text.String())
	b.ResetTimer()
	for range b.N {
		h.finish(b, p)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/run")
}

// BenchmarkReplay reads and folds a journal of 100,000 events.
func BenchmarkReplay(b *testing.B) {
	h := open(b)
	p := h.parse(b, fmt.Sprintf("pipeline \"wide\" {}\nnode \"control.split_text\" \"n\" {\n  for_each = range(10000)\n  text = \"${each.value} %s\"\n}\n", "x"))
	var ids []run.ID
	events := uint64(0)
	for events < 100_000 {
		s := h.finish(b, p)
		if s == nil {
			b.FailNow()
		}
		ids = append(ids, s.ID)
		events += s.Seq
	}
	b.ResetTimer()
	for range b.N {
		for _, id := range ids {
			if _, err := h.engine.State(context.Background(), id); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*100_000/float64(events), "s/100k-events")
}
