package api

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// BenchmarkSocket appends events at a pace, and measures how long each takes to every client.
func BenchmarkSocket(b *testing.B) {
	for _, c := range []struct {
		clients int
		pace    time.Duration // between events
	}{{100, 10 * time.Millisecond}, {1000, time.Millisecond}} {
		b.Run(fmt.Sprintf("%d_clients_%d_events_a_second", c.clients, time.Second/c.pace), func(b *testing.B) {
			for range b.N {
				spread(b, c.clients, c.pace, 2*time.Second)
			}
		})
	}
}

func spread(b *testing.B, clients int, pace, long time.Duration) {
	bench := start(b, nil)
	bench.record(b, "run_a", "running", "{}")
	events := int(long / pace)
	late := make([][]time.Duration, clients)
	var ready, reading sync.WaitGroup
	ready.Add(clients)
	for k := range clients {
		c, _, err := dialSocket(bench.url)
		if err != nil {
			b.Fatal(err)
		}
		reading.Go(func() {
			defer c.Close()
			_ = c.WriteMessage(websocket.TextMessage, []byte(`{"action": "SUBSCRIBE", "runId": "run_a"}`))
			if _, _, err := c.ReadMessage(); err != nil { // the snapshot
				b.Error(err)
			}
			ready.Done()
			for len(late[k]) < events {
				_, raw, err := c.ReadMessage()
				if err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				for _, piece := range bytes.Split(raw, []byte(`"At":`))[1:] { // a thousand readers of JSON would be what is measured
					at, err := strconv.ParseInt(string(piece[:bytes.IndexByte(piece, '}')]), 10, 64)
					if err != nil {
						b.Error(err)
						return
					}
					late[k] = append(late[k], now.Sub(time.Unix(0, at)))
				}
			}
		})
	}
	ready.Wait()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for k := range events {
		<-tick.C
		raw := fmt.Appendf(nil, `{"At":%d}`, time.Now().UnixNano())
		head := store.Head{Run: "run_a", State: "running", Seq: uint64(k + 2)}
		if err := bench.store.Append(b.Context(), store.Append{Run: "run_a", After: uint64(k + 1), Events: [][]byte{raw}, Head: &head}); err != nil {
			b.Fatal(err)
		}
	}
	reading.Wait()
	all := slices.Concat(late...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkIdleSockets measures what 1,000 clients cost that watch a run in which nothing happens; their own end of the
// connections counts too.
func BenchmarkIdleSockets(b *testing.B) {
	for range b.N {
		bench := start(b, nil)
		bench.record(b, "run_a", "running", "{}")
		before := inUse()
		const clients = 1000
		for range clients {
			c := bench.socket(b)
			c.say(`{"action": "SUBSCRIBE", "runId": "run_a"}`)
			c.want("snapshot run_a at 1")
		}
		b.ReportMetric(float64(inUse()-before)/(1<<20), "MiB")
	}
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
