package pluginexec

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

func benchTask(i int) *sdk.Task {
	return &sdk.Task{
		Address: sdk.Address{Run: "run_bench", Node: sdk.Step{Kind: "node", Name: "a", Key: sdk.NumberKey(i)}, Attempt: 1},
		Type:    "test.echo", Inputs: sdk.Values{"value": "a caption of a hundred and fifty bytes or so, as a scene of a film has: it says what is to be seen and to be heard in it, more or less " + strconv.Itoa(i)},
	}
}

// BenchmarkWarm is one task in a process that runs already.
func BenchmarkWarm(b *testing.B) {
	for _, tls := range []bool{false, true} {
		for _, inFlight := range []int{1, 64} {
			b.Run("tls="+strconv.FormatBool(tls)+"/in flight="+strconv.Itoa(inFlight), func(b *testing.B) {
				e := open(b, as(b, "plugin"), func(c *Config) { c.MutualTLS = tls })
				mustRun(b, e, "test.echo", sdk.Values{"value": "warm"})
				tasks := make(chan int)
				var wg sync.WaitGroup
				b.ReportAllocs()
				b.ResetTimer()
				for range inFlight {
					wg.Go(func() {
						for i := range tasks {
							if _, err := e.Execute(b.Context(), benchTask(i)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				for i := range b.N {
					tasks <- i
				}
				close(tasks)
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			})
		}
	}
}

// BenchmarkCold is a new process up to the end of its first task, its checksum known or not.
func BenchmarkCold(b *testing.B) {
	for _, tls := range []bool{false, true} {
		for _, known := range []bool{true, false} {
			b.Run("tls="+strconv.FormatBool(tls)+"/checksum known="+strconv.FormatBool(known), func(b *testing.B) {
				binary := as(b, "plugin")
				for range b.N {
					b.StopTimer()
					e := open(b, binary, func(c *Config) { c.MutualTLS = tls })
					if known {
						if err := e.sums.Verify(binary.Name, binary.Path, binary.SHA256); err != nil {
							b.Fatal(err)
						}
					}
					b.StartTimer()
					mustRun(b, e, "test.echo", sdk.Values{"value": "cold"})
					b.StopTimer()
					e.Close()
					b.StartTimer()
				}
			})
		}
	}
}

// BenchmarkWarmOnDevice is one task in a process that holds a device and models, and is asked for them after it.
func BenchmarkWarmOnDevice(b *testing.B) {
	for _, inFlight := range []int{1, 16} {
		b.Run("in flight="+strconv.Itoa(inFlight), func(b *testing.B) {
			e := holds(b, nil)
			load(b, e, sdk.Values{"model": "m"}, "fake-a")
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range inFlight {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := e.Execute(b.Context(), loading(sdk.Values{"model": "m"}, "fake-a")); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkFresh is a task on a fresh process: the end of the one before it, until nothing is left, and a new start.
func BenchmarkFresh(b *testing.B) {
	e := holds(b, nil)
	load(b, e, nil, "fake-a")
	b.ResetTimer()
	for range b.N {
		if _, err := e.Execute(exec.WithFresh(b.Context()), loading(nil, "fake-a")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWarmList is what a look at all that is warm costs, with three processes.
func BenchmarkWarmList(b *testing.B) {
	e := holds(b, nil)
	for i := range 3 {
		load(b, e, nil, "fake-"+strconv.Itoa(i))
	}
	b.ResetTimer()
	for range b.N {
		if len(e.Warm()) != 3 {
			b.Fatal("not three")
		}
	}
}
