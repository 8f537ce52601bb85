package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

// A thousand agents with eight devices each, at the pace of a real fleet.
const (
	manyAgents   = 1000
	manyDevices  = 8
	beatsASecond = manyAgents / 5
)

// BenchmarkBeats is what it costs a host to hear a thousand agents. They are played by one thread, whose cost is left out.
func BenchmarkBeats(b *testing.B) {
	server := redistest.Start(b, redistest.Fsync("everysec"))
	c := server.Client(b)
	say := make([]*redis.XAddArgs, manyAgents)
	for k := range say {
		say[k] = beatOf(k)
		raw, err := json.Marshal(protocol.Hello{V: protocol.Version, Agent: agentName(k), Session: "1", Name: agentName(k), Revision: 1})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.HSet(b.Context(), KeysOf("bench").Agents(), agentName(k), raw).Err(); err != nil {
			b.Fatal(err)
		}
	}
	_, there := benchHost(b, server)
	for reads := false; !reads; { // a host reads beats from when it begins to
		if err := c.XAdd(b.Context(), say[0]).Err(); err != nil {
			b.Fatal(err)
		}
		select {
		case <-there:
			reads = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	heard := map[string]bool{agentName(0): true}
	for k := range say[1:] { // it knows all of them, and has read what they are
		if err := c.XAdd(b.Context(), say[1+k]).Err(); err != nil {
			b.Fatal(err)
		}
	}
	for len(heard) < manyAgents {
		heard[<-there] = true
	}
	runtime.GC()
	b.ResetTimer()
	began := cpu(b, unix.CLOCK_PROCESS_CPUTIME_ID)
	played := make(chan time.Duration)
	go func() { played <- play(b, c, say) }()
	others := <-played
	own := cpu(b, unix.CLOCK_PROCESS_CPUTIME_ID) - began - others
	perBeat := own / time.Duration(b.N)
	b.ReportMetric(float64(perBeat.Nanoseconds())/1e3, "cpu-us/beat")
	b.ReportMetric(100*perBeat.Seconds()*beatsASecond, "%-of-a-core")
}

// play says b.N beats at the real pace, and gives what its thread has used.
func play(b *testing.B, c *redis.Client, say []*redis.XAddArgs) time.Duration {
	runtime.LockOSThread() // it ends with the thread
	began := cpu(b, unix.CLOCK_THREAD_CPUTIME_ID)
	t := time.NewTicker(time.Second / beatsASecond)
	defer t.Stop()
	for n := range b.N {
		<-t.C
		if err := c.XAdd(b.Context(), say[n%len(say)]).Err(); err != nil {
			b.Error(err)
			break
		}
	}
	return cpu(b, unix.CLOCK_THREAD_CPUTIME_ID) - began
}

func cpu(b *testing.B, clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		b.Error(err)
	}
	return time.Duration(t.Nano())
}

func agentName(k int) string { return fmt.Sprintf("agent-%03d", k) }

// beatOf is what a machine with eight busy GPUs says.
func beatOf(k int) *redis.XAddArgs {
	status := protocol.Status{RAM: 512 << 30, Disk: 3 << 40, Revision: 1}
	used, free, foreign, busy := int64(61<<30), int64(19<<30), int64(1<<30), 97
	for d := range manyDevices {
		uuid := fmt.Sprintf("GPU-%08x-5a11-4c1e-9f00-00000000%04x", k, d)
		status.Devices = append(status.Devices, device.Device{UUID: uuid, Kind: device.CUDA, Name: "NVIDIA H100 80GB HBM3", Architecture: "hopper", Compute: "9.0",
			Memory: 80 << 30, PCI: fmt.Sprintf("00000000:%02x:00.0", d), Driver: "580.82.07",
			Reading: device.Reading{At: time.Unix(1795700000, 123456789).UTC(), Used: &used, Free: &free, Foreign: &foreign, Utilisation: &busy}})
		status.Warm = append(status.Warm, device.Warm{ID: "render/" + strconv.Itoa(d), Process: "render@" + uuid, Plugin: "render", Devices: []string{uuid}, Model: "flux-dev", Memory: 24 << 30})
	}
	add := entry(KeysOf("bench").Beats(), kindBeat, protocol.Beat{V: protocol.Version, Agent: agentName(k), Session: "1", Status: &status})
	add.MaxLen, add.Approx = keptBeats, true
	return add
}

const queued = 10_000

// BenchmarkQueued is what a host holds of ten thousand tasks that one agent has and does not end. The agent is a process
// of its own.
func BenchmarkQueued(b *testing.B) {
	server := redistest.Start(b, redistest.Fsync("everysec"))
	h, there := benchHost(b, server)
	begun := startBlocked(b, server.Socket)
	<-there
	heapBefore, rssBefore := heap(), resident(b)
	for b.Loop() {
		ctx, letGo := context.WithCancelCause(context.Background())
		var all sync.WaitGroup
		for k := range queued {
			all.Go(func() {
				_, _ = h.Execute(ctx, protocol.Attempt{Agent: "a", ID: "run/" + strconv.Itoa(k), Body: body}, func(sdk.Report) {}, func(protocol.Result) bool { return true })
			})
		}
		for n := 0; n < queued; n++ {
			if _, err := begun.ReadString('\n'); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(resident(b)-rssBefore, "rss-MiB")
		b.ReportMetric(heap()-heapBefore, "heap-MiB")
		b.ReportMetric((heap()-heapBefore)*(1<<20)/queued, "heap-B/task")
		letGo(errLetGo)
		all.Wait()
	}
}

// heap is what is reachable, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc+m.StackInuse) / (1 << 20)
}

// resident is the memory of this process, in MiB.
func resident(b *testing.B) float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("this system does not tell what a process has resident")
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
