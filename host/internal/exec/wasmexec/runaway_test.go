package wasmexec

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

func quantile(d []time.Duration, q float64) float64 {
	slices.Sort(d)
	return float64(d[int(q*float64(len(d)-1))]) / float64(time.Millisecond)
}

// BenchmarkRunaway: how late guests that loop are stopped, how long the garbage collector waits for one, and what one
// costs the tasks beside it.
func BenchmarkRunaway(b *testing.B) {
	e := newExecutor(b, build(b, "./testdata/probe", "-buildmode=c-shared"), Config{Ceilings: sdk.Limits{Time: time.Hour}})
	task := func(ctx context.Context, node string, limit time.Duration) time.Duration {
		in := exectest.Task(node, nil)
		in.Limits.Time = limit
		began := time.Now()
		if _, err := e.Execute(ctx, in); (err != nil) != (node == "test.loop") {
			b.Fatal(node, err)
		}
		return time.Since(began)
	}
	task(b.Context(), "test.count", time.Minute)
	for b.Loop() {
		var late, alone, beside []time.Duration
		for range 200 {
			task(b.Context(), "test.count", time.Minute) // the instance is there
			late = append(late, task(b.Context(), "test.loop", 20*time.Millisecond)-20*time.Millisecond)
		}
		for k := range 2000 {
			alone = append(alone, task(b.Context(), "test.count", time.Minute))
			if k%20 == 0 {
				runtime.GC()
			}
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			task(ctx, "test.loop", time.Hour)
		}()
		before := stopping()
		for k := range 2000 {
			beside = append(beside, task(b.Context(), "test.count", time.Minute))
			if k%20 == 0 {
				runtime.GC()
			}
		}
		wait := longest(before, stopping())
		cancel()
		<-ended
		b.ReportMetric(quantile(late, 0.5), "p50-late-ms")
		b.ReportMetric(quantile(late, 0.99), "p99-late-ms")
		b.ReportMetric(1000*wait, "gc-wait-ms")
		b.ReportMetric(quantile(alone, 0.99), "p99-alone-ms")
		b.ReportMetric(quantile(beside, 0.99), "p99-beside-ms")
	}
}

// stopping is how long the collector has waited until everything stood still.
func stopping() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{Counts: slices.Clone(h.Counts), Buckets: h.Buckets}
}

// longest is the upper end of the last bucket that grew, in seconds.
func longest(before, after *metrics.Float64Histogram) float64 {
	for i := len(after.Counts) - 1; i >= 0; i-- {
		if after.Counts[i] > before.Counts[i] {
			return min(after.Buckets[i+1], math.MaxFloat64)
		}
	}
	return 0
}

// TestRunaway: beside a guest that loops, the collector and other tasks go on; it ends when it is cancelled.
func TestRunaway(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{Ceilings: sdk.Limits{Time: time.Hour}})
	outputs(t, e, exectest.Task("test.count", nil))
	in := exectest.Task("test.loop", nil)
	in.Limits.Time = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := e.Execute(ctx, in)
		ended <- err
	}()
	for range 10 {
		outputs(t, e, exectest.Task("test.count", nil))
		runtime.GC()
	}
	select {
	case err := <-ended:
		t.Fatalf("the guest ended by itself: %v", err)
	default:
	}
	cancel()
	if err := sdk.AsError(<-ended); err == nil || err.Cause != sdk.CauseCancelled {
		t.Errorf("got %v", err)
	}
}

// BenchmarkModules: how much memory a thousand different modules take that were run one after the other, 20 of them
// made by Go.
func BenchmarkModules(b *testing.B) {
	big, small := build(b, "./testdata/command"), command(vector(12, 14)+`{"outputs":{}}`, write(1)...)
	next := 0
	e := New(Config{CacheDir: b.TempDir(), Resolve: func(string) (Module, error) {
		code := small
		if next++; next%50 == 0 {
			code = big
		}
		c := slices.Concat(code, []byte{0, 4, 1, 'n', byte(next), byte(next >> 8)}) // a section that says nothing
		return Module{Bytes: c, SHA256: checksum(c)}, nil
	}})
	defer e.Close()
	for b.Loop() {
		for range 1000 {
			if _, err := e.Execute(b.Context(), exectest.Task("test.echo", sdk.Values{"value": "x"})); err != nil {
				b.Fatal(err)
			}
		}
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			b.Skip(err)
		}
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(kib)/1024, "MiB")
	}
}
