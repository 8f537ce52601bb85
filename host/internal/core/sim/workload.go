package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// job is a task with what nobody knows before it has run.
type job struct {
	placement.Task
	lasts, loads time.Duration
	came, began  time.Duration
	starts       int // how often it was placed
	cold         bool
	share        float64 // of the devices that it was placed on, in devices
}

// kind is tasks that are alike but for the model.
type kind struct {
	plugin    string
	memory    int64
	median    time.Duration
	sigma     float64 // of the logarithm of how long they take
	count     int
	limit     int // tasks of one process at once
	evictable bool
	weight    float64 // how many of them come
	model     string
}

// The kinds are estimates, not a trace: memory is that of the usual quantised weights with their working space, times are those
// of one request on the cards below. Models of a kind are chosen by Zipf's law with an exponent of 1.1.
var shapes = []kind{
	{plugin: "ollama", memory: 6 << 30, median: 8 * time.Second, sigma: 0.7, count: 1, limit: 4, weight: 30},            // a language model of 8 billion weights
	{plugin: "ollama", memory: 22 << 30, median: 20 * time.Second, sigma: 0.7, count: 1, limit: 2, weight: 12},          // one of 32 billion
	{plugin: "comfyui", memory: 11 << 30, median: 25 * time.Second, sigma: 0.5, count: 1, limit: 1, weight: 28},         // pictures
	{plugin: "comfyui", memory: 20 << 30, median: 4 * time.Minute, sigma: 0.6, count: 1, limit: 1, weight: 8},           // a video of some seconds
	{plugin: "voice", memory: 5 << 30, median: 12 * time.Second, sigma: 0.5, count: 1, limit: 1, weight: 16},            // speech
	{plugin: "lora", memory: 40 << 30, median: 12 * time.Minute, sigma: 0.4, count: 1, limit: 1, weight: 0.6},           // a small training
	{plugin: "comfyui", memory: 70 << 30, median: 6 * time.Minute, sigma: 0.4, count: 1, limit: 1, weight: 0.6},         // a large video model
	{plugin: "video", memory: 20 << 30, median: 3 * time.Minute, sigma: 0.4, count: 2, limit: 1, weight: 0.8},           // on two devices
	{plugin: "batch", memory: 8 << 30, median: time.Minute, sigma: 0.4, count: 1, limit: 1, evictable: true, weight: 4}, // whatever can wait
}

var sizes = [3]int64{24 << 30, 48 << 30, 80 << 30}

// workload makes tasks: language models that answer in seconds, pictures in half a minute, videos and trainings in
// minutes, of models of which few are popular.
type workload struct {
	c      Config
	r      *rand.Rand
	kinds  []kind
	picks  []float64 // cumulated popularity
	users  []float64
	made   int
	mean   time.Duration // between two tasks
	counts [3]int        // of devices, by size
	all    work
}

func newWorkload(c Config) *workload {
	w := &workload{c: c, all: work{turns: map[string][3]float64{}}, r: rand.New(rand.NewPCG(c.Seed, 1))}
	total := 0.0
	for k := range c.Models {
		s, nth := shapes[k%len(shapes)], k/len(shapes)
		s.model = fmt.Sprintf("%s-%d", s.plugin, k)
		s.memory += int64(nth%8) << 28
		w.kinds = append(w.kinds, s)
		total += s.weight / math.Pow(float64(nth+1), 1.1)
		w.picks = append(w.picks, total)
	}
	total = 0
	for k := range c.Users { // the first ask for more
		total += 1 / math.Sqrt(float64(k+1))
		w.users = append(w.users, total)
	}
	w.pace()
	return w
}

// pace finds how fast tasks have to come for the load that is asked for.
func (w *workload) pace() {
	probe := &workload{c: w.c, r: rand.New(rand.NewPCG(w.c.Seed, 2)), kinds: w.kinds, picks: w.picks, users: w.users, all: work{turns: map[string][3]float64{}}}
	probe.c.Tasks = 20_000
	for at := range w.c.Agents * w.c.Devices {
		probe.device("", at)
	}
	for range probe.c.Tasks {
		probe.next()
	}
	w.mean = time.Duration(float64(probe.all.bound(probe.counts)) / float64(probe.c.Tasks) / max(w.c.Load, 0.01))
}

func (w *workload) device(uuid string, at int) device.Device {
	k := []int{0, 1, 0, 2, 0, 1, 0, 2}[at%8]
	w.counts[k]++
	names := [3]string{"NVIDIA GeForce RTX 4090", "NVIDIA L40S", "NVIDIA H100"}
	return device.Device{UUID: uuid, Kind: device.Fake, Name: names[k], Compute: "8.9", Memory: sizes[k]}
}

func (w *workload) left() bool { return w.made < w.c.Tasks }

func (w *workload) gap() time.Duration { return time.Duration(w.r.ExpFloat64() * float64(w.mean)) }

func pick(r *rand.Rand, cumulated []float64) int {
	at, _ := slices.BinarySearch(cumulated, r.Float64()*cumulated[len(cumulated)-1])
	return at
}

func (w *workload) next() *job {
	w.made++
	k := w.kinds[pick(w.r, w.picks)]
	j := &job{lasts: time.Duration(float64(k.median) * math.Exp(k.sigma*w.r.NormFloat64())), loads: 3*time.Second + time.Duration(k.memory>>20)*time.Millisecond}
	j.Task = placement.Task{ID: fmt.Sprintf("t%d", w.made), Owner: fmt.Sprintf("user%d", pick(w.r, w.users)), Type: k.plugin + ".do", Plugin: k.plugin, Model: k.model,
		Request: device.Request{Count: k.count, Memory: k.memory, Exclusive: w.c.Rule.Alone}, Concurrency: k.limit, Evictable: k.evictable, Lasts: k.median, Loads: j.loads}
	w.all.add(j, j.lasts)
	return j
}

// work is what was done, or is to be: by the smallest size of device that it fits on.
type work struct {
	volume [3]float64            // memory times time
	turns  map[string][3]float64 // the time of each plugin's processes
}

func (w *work) add(j *job, lasted time.Duration) {
	s := 0
	for j.Request.Memory > sizes[s] {
		s++
	}
	n := float64(max(1, j.Request.Count))
	w.volume[s] += lasted.Seconds() * float64(j.Request.Memory) * n
	turns := w.turns[j.Plugin]
	turns[s] += lasted.Seconds() / float64(j.Concurrency) * n
	w.turns[j.Plugin] = turns
}

// bound is the least time in which the work can be done on so many devices, as if it could be cut to fill every device to its
// last byte, and no model had to be loaded: the larger of what memory allows and what a plugin's processes do, each for all
// work and for that which only larger devices can do. What does not fit together in one device it does not see.
func (w *work) bound(counts [3]int) time.Duration {
	var best, volume, memory float64
	turns := map[string]float64{}
	devices := 0
	for s := len(sizes) - 1; s >= 0; s-- {
		devices += counts[s]
		memory += float64(counts[s]) * float64(sizes[s])
		volume += w.volume[s]
		if devices == 0 {
			continue
		}
		best = max(best, volume/memory)
		for plugin, t := range w.turns {
			turns[plugin] += t[s]
			best = max(best, turns[plugin]/float64(devices))
		}
	}
	return time.Duration(best * float64(time.Second))
}
