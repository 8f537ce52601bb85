package wasmexec

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/sdk"
)

// payload is about 150 bytes as JSON.
var payload = map[string]any{
	"title": "A pipeline file makes a real video", "seed": "18446744073709551615", "height": "1080",
	"tags": []any{"film", "talking", "portrait"}, "text": strings.Repeat("x", 40),
}

func benchmark(b *testing.B, e *Executor, inFlight int, owners int) {
	b.Helper()
	if _, err := e.Execute(b.Context(), exectest.Task("test.echo", sdk.Values{"value": payload})); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.SetParallelism(max(1, inFlight/2))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			t := exectest.Task("test.echo", sdk.Values{"value": payload})
			t.Owner = fmt.Sprint(n.Add(1) % int64(owners))
			if _, err := e.Execute(b.Context(), t); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func BenchmarkReactorOneAtATime(b *testing.B) {
	e := newExecutor(b, reactorCode(b), Config{})
	t := exectest.Task("test.echo", sdk.Values{"value": payload})
	if _, err := e.Execute(b.Context(), t); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Execute(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func BenchmarkReactor64InFlight(b *testing.B) {
	benchmark(b, newExecutor(b, reactorCode(b), Config{}), 64, 1)
}

// Every task belongs to another owner than the one before: instances are reset.
func BenchmarkReactorOwnersAlternate(b *testing.B) {
	benchmark(b, newExecutor(b, reactorCode(b), Config{}), 64, 1<<30)
}

func BenchmarkCommand(b *testing.B) {
	benchmark(b, newExecutor(b, commandCode(b), Config{}), 64, 1)
}

func BenchmarkLoadFromCache(b *testing.B) {
	code := reactorCode(b)
	newExecutor(b, code, Config{})
	for b.Loop() {
		e := New(Config{CacheDir: compiled, Resolve: func(string) (Module, error) {
			return Module{Bytes: code, SHA256: checksum(code)}, nil
		}})
		if _, err := e.Execute(b.Context(), exectest.Task("test.echo", sdk.Values{"value": "x"})); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReset makes an instance that another owner used as it was when it was fresh.
func BenchmarkReset(b *testing.B) {
	e := newExecutor(b, reactorCode(b), Config{})
	t := exectest.Task("test.echo", sdk.Values{"value": payload})
	if _, err := e.Execute(b.Context(), t); err != nil {
		b.Fatal(err)
	}
	i := loadedModule(b, e).pool.list[0]
	b.ReportMetric(float64(len(i.saved.data))/(1<<20), "MiB")
	for b.Loop() {
		if !i.reset() {
			b.Fatal("it cannot be reset")
		}
	}
}
