package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// job is a task with what nobody knows before it has run.
type job struct {
	placement.Task
	lasts, loads time.Duration
	came         time.Duration
	share        float64 // of the largest device, as many as can be side by side there
}

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
	// What only devices of at least a size can do: memory times time, and the time of each plugin's processes.
	volume [3]float64
	turns  map[string][3]float64
}

type kind struct {
	plugin, model string
	memory        int64
	median        time.Duration
	sigma         float64
	count         int
	limit         int
}

var sizes = [3]int64{24 << 30, 48 << 30, 80 << 30}

func newWorkload(c Config) *workload {
	w := &workload{c: c, turns: map[string][3]float64{}, r: rand.New(rand.NewPCG(c.Seed, 1))}
	shapes := []kind{
		{plugin: "ollama", memory: 6 << 30, median: 8 * time.Second, sigma: 0.7, count: 1, limit: 4},
		{plugin: "ollama", memory: 22 << 30, median: 20 * time.Second, sigma: 0.7, count: 1, limit: 2},
		{plugin: "comfyui", memory: 11 << 30, median: 25 * time.Second, sigma: 0.5, count: 1, limit: 1},
		{plugin: "comfyui", memory: 20 << 30, median: 4 * time.Minute, sigma: 0.6, count: 1, limit: 1},
		{plugin: "voice", memory: 5 << 30, median: 12 * time.Second, sigma: 0.5, count: 1, limit: 1},
		{plugin: "lora", memory: 40 << 30, median: 12 * time.Minute, sigma: 0.4, count: 1, limit: 1},
		{plugin: "comfyui", memory: 70 << 30, median: 6 * time.Minute, sigma: 0.4, count: 1, limit: 1},
	}
	weights := []float64{30, 12, 28, 8, 16, 0.6, 0.6}
	total := 0.0
	for k := range c.Models {
		s := shapes[k%len(shapes)]
		s.model = fmt.Sprintf("%s-%d", s.plugin, k)
		s.memory += int64(k/len(shapes)) << 28
		w.kinds = append(w.kinds, s)
		total += weights[k%len(shapes)] / math.Pow(float64(k/len(shapes)+1), 1.1)
		w.picks = append(w.picks, total)
	}
	total = 0
	for range c.Users {
		total++
		w.users = append(w.users, total)
	}
	w.pace()
	return w
}

// pace finds how fast tasks have to come for the load that is asked for.
func (w *workload) pace() {
	probe := &workload{c: w.c, r: rand.New(rand.NewPCG(w.c.Seed, 2)), kinds: w.kinds, picks: w.picks, users: w.users, turns: map[string][3]float64{}}
	probe.c.Tasks = 20_000
	for at := range w.c.Agents * w.c.Devices {
		probe.device("", at)
	}
	for range probe.c.Tasks {
		probe.next()
	}
	w.mean = time.Duration(float64(probe.bound()) / float64(probe.c.Tasks) / max(w.c.Load, 0.01))
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
	x := r.Float64() * cumulated[len(cumulated)-1]
	lo, hi := 0, len(cumulated)-1
	for lo < hi {
		mid := (lo + hi) / 2
		if cumulated[mid] > x {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func (w *workload) next() *job {
	w.made++
	k := w.kinds[pick(w.r, w.picks)]
	j := &job{lasts: time.Duration(float64(k.median) * math.Exp(k.sigma*w.r.NormFloat64())), loads: 3*time.Second + time.Duration(k.memory>>20)*time.Millisecond}
	j.Task = placement.Task{ID: fmt.Sprintf("t%d", w.made), Owner: fmt.Sprintf("user%d", pick(w.r, w.users)), Type: k.plugin + ".do", Plugin: k.plugin, Model: k.model,
		Request: device.Request{Count: k.count, Memory: k.memory}, Concurrency: k.limit, Lasts: k.median, Loads: j.loads}
	j.share = float64(k.memory) / float64(sizes[len(sizes)-1])
	s := 0
	for k.memory > sizes[s] {
		s++
	}
	w.volume[s] += j.lasts.Seconds() * float64(k.memory)
	turns := w.turns[k.plugin]
	turns[s] += j.lasts.Seconds() / float64(k.limit)
	w.turns[k.plugin] = turns
	return j
}

// bound is the least time in which all tasks made so far could be done, as if work could be cut to fill every device to its
// last byte, and no model had to be loaded: the larger of what memory allows and what the plugins do.
func (w *workload) bound() time.Duration {
	var best, volume, memory float64
	turns := map[string]float64{}
	devices := 0
	for s := len(sizes) - 1; s >= 0; s-- {
		devices += w.counts[s]
		memory += float64(w.counts[s]) * float64(sizes[s])
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
