package book_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/host/internal/core/placement/book"
)

// cpu is what the process has computed so far: other programs on the machine do not count.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ending is a placed task and when it ends.
type ending struct {
	at time.Duration
	id string
}

type endings []ending

func (h endings) Len() int           { return len(h) }
func (h endings) Less(i, j int) bool { return h[i].at < h[j].at }
func (h endings) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endings) Push(x any)        { *h = append(*h, x.(ending)) }
func (h *endings) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// fleet is a book whose devices are all busy while many tasks wait.
type fleet struct {
	book    *book.Book
	r       *rand.Rand
	now     time.Duration
	endings endings
	made    int
	out     []placement.Assignment
}

var epoch = time.Unix(1_700_000_000, 0)

func newFleet(agents, pending int) *fleet {
	f := &fleet{book: book.New(placement.Policy{}), r: rand.New(rand.NewPCG(1, 2))}
	for k := range agents {
		id := fmt.Sprintf("agent%04d", k)
		f.book.SetAgent(placement.Agent{ID: id, Name: id})
		var devices []device.Device
		for d := range 8 {
			devices = append(devices, device.Device{UUID: fmt.Sprintf("GPU-%04d-%d", k, d), Kind: device.Fake, Name: "Fake", Compute: "8.9", Memory: []int64{24 << 30, 48 << 30, 80 << 30}[(k+d)%3]})
		}
		f.book.Observe(id, devices, -1, -1)
	}
	for waiting := 0; waiting < pending; waiting, _ = f.book.Len() {
		for range pending - waiting {
			f.add()
		}
		f.decide()
	}
	return f
}

// add gives the book one more task: of 60 models, 20 users and three priorities.
func (f *fleet) add() {
	f.made++
	k := min(f.r.IntN(60), f.r.IntN(60)) // the first are the popular ones
	plugin := []string{"ollama", "comfyui", "voice"}[k%3]
	t := placement.Task{ID: fmt.Sprintf("t%d", f.made), Owner: fmt.Sprintf("user%d", f.r.IntN(20)), Priority: f.r.IntN(3), Type: plugin + ".do", Plugin: plugin,
		Model: fmt.Sprintf("m%d", k), Request: device.Request{Count: 1, Memory: int64(4+k%20) << 30}, Concurrency: 1 + 3*(k%2), Lasts: time.Duration(5+k) * time.Second}
	if k%30 == 29 {
		t.Request.Count = 2
	}
	f.book.Add(t, epoch.Add(f.now))
}

func (f *fleet) decide() {
	f.out = f.book.Decide(epoch.Add(f.now), f.out[:0])
	for _, a := range f.out {
		heap.Push(&f.endings, ending{f.now + time.Duration(f.r.ExpFloat64()*float64(a.Task.Lasts)), a.Task.ID})
	}
}

// step lets the next task end, and places what can be.
func (f *fleet) step() (placed int) {
	e := heap.Pop(&f.endings).(ending)
	f.now = e.at
	f.book.Ended(e.id, true, epoch.Add(f.now))
	f.decide()
	for range f.out {
		f.add()
	}
	return len(f.out)
}

// BenchmarkPlace measures placements a second of CPU, with everything busy, and a look after each task that ends.
func BenchmarkPlace(b *testing.B) {
	for _, size := range []struct{ agents, pending int }{{100, 1000}, {1000, 10_000}} {
		b.Run(fmt.Sprintf("agents=%d/pending=%d", size.agents, size.pending), func(b *testing.B) {
			f := newFleet(size.agents, size.pending)
			for range size.pending { // the first models are loaded, the first ends are past
				f.step()
			}
			b.ResetTimer()
			began, placed := cpu(), 0
			for b.Loop() {
				for done := 0; done == 0; {
					done = f.step()
					placed += done
				}
			}
			b.ReportMetric(float64(placed)/(cpu()-began).Seconds(), "placements/s")
		})
	}
}

// newCrew is a book of agents that have no devices, all of them as busy as they may be, while many tasks wait: of twelve
// plugins, half of which bound what their process takes, and twenty users.
func newCrew(agents, pending int) *fleet {
	f := &fleet{book: book.New(placement.Policy{}), r: rand.New(rand.NewPCG(1, 2))}
	for k := range agents {
		f.book.SetAgent(placement.Agent{ID: fmt.Sprintf("agent%04d", k), Tasks: 64})
	}
	for waiting := 0; waiting < pending; waiting, _ = f.book.Len() {
		for range pending - waiting {
			f.addFree()
		}
		f.decide()
	}
	return f
}

func (f *fleet) addFree() {
	f.made++
	k := f.r.IntN(24)
	plugin := fmt.Sprintf("plugin%d", k%12)
	f.book.Add(placement.Task{ID: fmt.Sprintf("t%d", f.made), Owner: fmt.Sprintf("user%d", f.r.IntN(20)), Priority: f.r.IntN(3), Type: fmt.Sprintf("%s.do%d", plugin, k/12), Plugin: plugin,
		Concurrency: k % 2 * 8, Lasts: time.Duration(5+k) * time.Second}, epoch.Add(f.now))
}

// BenchmarkPlaceFree measures placements of tasks without devices a second of CPU, with everything busy, and a look after each
// task that ends. lines is how many lines of tasks that need devices wait beside them.
func BenchmarkPlaceFree(b *testing.B) {
	for _, size := range []struct{ agents, lines int }{{1, 0}, {4, 0}, {4, 200}, {1000, 0}} {
		b.Run(fmt.Sprintf("agents=%d/lines=%d", size.agents, size.lines), func(b *testing.B) {
			f := newCrew(size.agents, 10_000)
			f.busy(size.lines)
			b.ResetTimer()
			began, placed := cpu(), 0
			for b.Loop() {
				for done := 0; done == 0; {
					e := heap.Pop(&f.endings).(ending)
					f.now = e.at
					f.book.Ended(e.id, true, epoch.Add(f.now))
					f.decide()
					for range f.out {
						f.addFree()
					}
					done = len(f.out)
					placed += done
				}
			}
			took := cpu() - began
			b.ReportMetric(float64(placed)/took.Seconds(), "placements/s")
			b.ReportMetric(float64(took.Nanoseconds())/float64(placed), "ns/placement")
		})
	}
}

// busy gives the first agent a device that is never free, and has a task of each of so many models wait for it.
func (f *fleet) busy(lines int) {
	f.book.Observe("agent0000", []device.Device{{UUID: "GPU-0", Kind: device.Fake, Memory: 1 << 30}}, -1, -1)
	for k := range lines + 1 {
		f.book.Add(placement.Task{ID: fmt.Sprintf("device%d", k), Owner: "gpu", Type: "gpu.do", Plugin: "gpu", Model: fmt.Sprintf("m%d", k), Request: device.Request{Count: 1, Memory: 1 << 30}}, epoch.Add(f.now))
		f.book.Decide(epoch.Add(f.now), nil)
	}
}
