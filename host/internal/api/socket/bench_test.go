package socket

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store/memstore"
)

// frame reads one frame of a server, and gives what it carries.
func frame(r *bufio.Reader, into []byte) ([]byte, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	long, size := 2, int(head[1])
	switch size {
	case 126:
		long = 4
	case 127:
		long = 10
	}
	if head, err = r.Peek(long); err != nil {
		return nil, err
	}
	if long > 2 {
		size = 0
		for _, b := range head[2:] {
			size = size<<8 | int(b)
		}
	}
	_, _ = r.Discard(long)
	into = slices.Grow(into[:0], size)[:size]
	_, err = io.ReadFull(r, into)
	return into, err
}

// BenchmarkClients is from the moment in which an event is recorded to when a client has it.
func BenchmarkClients(b *testing.B) {
	for _, c := range []struct{ clients, rate int }{{100, 100}, {1000, 1000}} {
		b.Run(fmt.Sprintf("clients=%d/rate=%d", c.clients, c.rate), func(b *testing.B) {
			files(b, c.clients)
			s := memstore.New()
			r := start(b, s, "127.0.0.1:0", Config{})
			r.record("run_a", "running", `{}`)
			var joined atomic.Int64
			var reading sync.WaitGroup
			late := make([][]int64, c.clients)
			for k := range c.clients {
				conn, err := raw(r.address, `{"action":"SUBSCRIBE","runId":"run_a","after":1}`)
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				reading.Go(func() { late[k] = listen(conn, &joined) })
			}
			for joined.Load() < int64(c.clients) {
				runtime.Gosched()
			}
			b.ResetTimer()
			begin := time.Now()
			tick := time.NewTicker(time.Millisecond)
			for n := 0; n < b.N; {
				<-tick.C
				due := min(int(time.Since(begin).Seconds()*float64(c.rate)), b.N)
				for ; n < due; n++ {
					r.record("run_a", "running", fmt.Sprintf(`{"kind":"attempt_ended","node":"node.shot","sent":%019d}`, time.Now().UnixNano()))
				}
			}
			tick.Stop()
			r.record("run_a", "succeeded", `{}`)
			reading.Wait()
			took := time.Since(begin)
			b.StopTimer()
			all := slices.Concat(late...)
			slices.Sort(all)
			if len(all) != b.N*c.clients {
				b.Errorf("%d events came, of %d", len(all), b.N*c.clients)
				return
			}
			at := func(part float64) float64 { return float64(all[int(part*float64(len(all)-1))]) / 1e6 }
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.99), "p99-ms")
			b.ReportMetric(float64(len(all))/took.Seconds(), "delivered/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// listen reads until the run's end, and gives how late each event was in nanoseconds.
func listen(conn net.Conn, joined *atomic.Int64) (late []int64) {
	r := bufio.NewReaderSize(conn, 16<<10)
	var raw []byte
	var err error
	for {
		if raw, err = frame(r, raw); err != nil {
			return nil
		}
		now := time.Now().UnixNano()
		if bytes.Contains(raw, []byte(`"snapshot"`)) {
			joined.Add(1)
		}
		for rest := raw; ; {
			_, sent, ok := bytes.Cut(rest, []byte(`"sent":`))
			if !ok {
				break
			}
			at, _ := strconv.ParseInt(string(bytes.TrimLeft(sent[:19], "0")), 10, 64)
			late = append(late, now-at)
			rest = sent
		}
		if bytes.Contains(raw, []byte(`{"type":"end"`)) {
			return late
		}
	}
}

// BenchmarkIdleClients is what clients take of which each follows a run in which nothing happens.
func BenchmarkIdleClients(b *testing.B) {
	const clients = 1000
	for range b.N {
		files(b, clients)
		r := newRig(b, Config{})
		r.record("run_a", "running", `{}`)
		before := footprint()
		var conns []net.Conn
		for range clients {
			conn, err := raw(r.address, `{"action":"SUBSCRIBE","runId":"run_a"}`)
			if err != nil {
				b.Fatal(err)
			}
			conns = append(conns, conn)
		}
		for _, c := range conns {
			if _, err := frame(bufio.NewReaderSize(c, 256), nil); err != nil { // the snapshot
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(footprint()-before)/(1<<20), "MiB")
		for _, c := range conns {
			c.Close()
		}
		r.until("all are gone", func() bool { return r.Len() == 0 })
	}
	b.ReportMetric(0, "ns/op")
}

// footprint is the memory in use: what lives on the heap, and all stacks.
func footprint() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
