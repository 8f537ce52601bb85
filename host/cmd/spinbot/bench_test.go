package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// command is the real binary over a fresh state directory.
func command(b *testing.B, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(built, "bin", "spinbot"), args...)
	c.Env = append(os.Environ(), "SPINBOT_STATE_DIR="+filepath.Join(b.TempDir(), "state"), "SPINBOT_PLUGIN_DIR=")
	return c
}

func output(b *testing.B, c *exec.Cmd) []byte {
	b.Helper()
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		b.Fatalf("%s: %v\n%s", c, err, errs.String())
	}
	return out
}

// BenchmarkDemo makes the film of make demo: its wall time, and how much of that is beyond the longest chain of nodes.
func BenchmarkDemo(b *testing.B) {
	if ok, err := condition("media"); err != nil || !ok {
		b.Skip("no ffmpeg here")
	}
	var wall, beyond, film float64
	for b.Loop() {
		demo := command(b, "demo", "--out", b.TempDir(), "--json")
		start := time.Now()
		output(b, demo)
		took := time.Since(start)
		show := command(b, "show", "last", "--json")
		show.Env = demo.Env
		var got struct{ Run client.Run }
		if err := json.Unmarshal(output(b, show), &got); err != nil {
			b.Fatal(err)
		}
		wall += took.Seconds()
		beyond += 100 * float64(took-longestChain(got.Run.Nodes)) / float64(took)
		seconds, _ := got.Run.Outputs["seconds"].(json.Number).Float64()
		film += seconds
	}
	n := float64(b.N)
	b.ReportMetric(wall/n, "wall-s")
	b.ReportMetric(beyond/n, "beyond-%")
	b.ReportMetric(film/n, "film-s")
}

// BenchmarkAvatar makes a film like that of make demo-avatar, some 20 seconds long: a portrait that speaks.
func BenchmarkAvatar(b *testing.B) {
	if ok, err := condition("media"); err != nil || !ok {
		b.Skip("no ffmpeg here")
	}
	pipelines := filepath.Join(built, "pipelines")
	said := strings.Repeat("I was drawn by a program, and my lips follow the sounds of what I say. ", 5)
	var wall, film float64
	for b.Loop() {
		out := b.TempDir()
		run := command(b, "run", filepath.Join(pipelines, "talking_avatar.hcl"), "--var", "profile=cpu", "--var", "consent=true", "--var", "narration="+said,
			"--artifact", "portrait="+filepath.Join(pipelines, "talking_avatar", "portrait.jpg"), "--out", out)
		start := time.Now()
		output(b, run)
		wall += time.Since(start).Seconds()
		film += filmSeconds(b, filepath.Join(out, "video.mp4"))
	}
	b.ReportMetric(wall/float64(b.N), "wall-s")
	b.ReportMetric(film/float64(b.N), "film-s")
}

// filmSeconds is how long a film is.
func filmSeconds(b *testing.B, path string) float64 {
	b.Helper()
	s, err := strconv.ParseFloat(strings.TrimSpace(string(output(b, exec.Command("ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path)))), 64)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// longestChain adds up the times of the nodes that the end waited for: from the last that ended back, each time to the
// one that ended last before this one began, because this one needed its output or its slot.
func longestChain(nodes []client.Node) (sum time.Duration) {
	before := time.Now()
	for {
		var last *client.Node
		for i := range nodes {
			n := &nodes[i]
			if n.Ended != nil && !n.Ended.After(before) && (last == nil || n.Ended.After(*last.Ended)) {
				last = n
			}
		}
		if last == nil {
			return sum
		}
		sum += last.Ended.Sub(*last.Started)
		before = *last.Started
	}
}

// BenchmarkIdle is the memory of a host that waits: before it did anything, and after a pipeline of control nodes.
func BenchmarkIdle(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	var cold, warm, own, idle float64
	for b.Loop() {
		c, _ := serving(b, nil)
		all, part := resident(b, c.Process.Pid, 3*time.Second)
		cold, own = cold+all, own+part
		file := filepath.Join(b.TempDir(), "p.hcl")
		if err := os.WriteFile(file, []byte(wide), 0o644); err != nil {
			b.Fatal(err)
		}
		run := command(b, "run", file)
		run.Env = c.Env
		output(b, run)
		all, _ = resident(b, c.Process.Pid, 45*time.Second)
		warm += all
		used := ticks(b, c.Process.Pid)
		resident(b, c.Process.Pid, 10*time.Second)
		idle += ticks(b, c.Process.Pid) - used
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(cold/float64(b.N), "cold-MiB")
	b.ReportMetric(own/float64(b.N), "cold-own-MiB")
	b.ReportMetric(warm/float64(b.N), "warm-MiB")
	b.ReportMetric(idle/float64(b.N), "cpu-ms/s")
}

// BenchmarkReady is how long a host takes from its start until it answers, with compiled modules from an earlier one.
func BenchmarkReady(b *testing.B) {
	first, _ := serving(b, nil)
	stop := func(c *exec.Cmd) {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	stop(first)
	var took time.Duration
	for b.Loop() {
		start := time.Now()
		c, _ := serving(b, first.Env)
		took += time.Since(start)
		stop(c)
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ready-ms")
}

// ticks is the processor time that a process has used, in hundredths of a second: what ten seconds add is the
// milliseconds of one.
func ticks(b *testing.B, pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(raw)[strings.LastIndexByte(string(raw), ')')+1:])
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system
}

// serving starts a host, over the state of an earlier one when its environment is given, and gives its address.
func serving(b *testing.B, env []string) (*exec.Cmd, string) {
	b.Helper()
	c := command(b, "serve", "--listen", "127.0.0.1:0", "--min-free", "off")
	if env != nil {
		c.Env = env
	}
	errs, err := c.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Process.Kill() })
	lines := bufio.NewReader(errs)
	line, err := lines.ReadString('\n')
	found := regexp.MustCompile(`http://\S+`).FindString(line)
	if err != nil || found == "" {
		b.Fatalf("%q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return c, found
}

// finish runs a pipeline over HTTP to its end.
func finish(b *testing.B, c *client.Client, text string) {
	b.Helper()
	r, err := c.Submit(b.Context(), client.Submission{Pipeline: client.Source{Text: text}})
	if err == nil {
		err = c.Watch(b.Context(), r.ID, r.Seq, func(client.Frame) error { return nil })
	}
	if err == nil {
		r, err = c.Run(b.Context(), r.ID)
	}
	if err != nil || r.State != "succeeded" {
		b.Fatal(r.State, err)
	}
}

// submit submits a pipeline n times from 64 sides.
func submit(b *testing.B, c *client.Client, text string, n int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := c.Submit(b.Context(), client.Submission{Pipeline: client.Source{Text: text}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// chain is a pipeline of ten control nodes, each of which needs the one before.
var chain = func() string {
	var t strings.Builder
	t.WriteString("pipeline \"chain\" {}\n")
	before := `"One. Two. Three."`
	for k := range 10 {
		fmt.Fprintf(&t, "node \"control.split_text\" \"n%d\" {\n  text = %s\n}\n", k, before)
		before = fmt.Sprintf("node.n%d.chunks[0]", k)
	}
	return t.String()
}()

// BenchmarkHTTP is runs of ten control nodes over HTTP, one after the other, each followed to its end.
func BenchmarkHTTP(b *testing.B) {
	_, address := serving(b, nil)
	c := client.New(address, nil)
	finish(b, c, chain)
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		finish(b, c, chain)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// crash kills the host, starts another over its state, and gives the time from that start to the end of a new run.
func crash(b *testing.B, c *exec.Cmd) (*exec.Cmd, time.Duration) {
	b.Helper()
	_ = c.Process.Kill()
	_ = c.Wait()
	start := time.Now()
	c, address := serving(b, c.Env)
	finish(b, client.New(address, nil), chain)
	return c, time.Since(start)
}

// BenchmarkParked is 10,000 runs that wait for a person, kill -9, and the first new run after it.
func BenchmarkParked(b *testing.B) {
	const runs = 10_000
	var each, first float64
	for b.Loop() {
		c, address := serving(b, nil)
		finish(b, client.New(address, nil), chain)
		before, _ := resident(b, c.Process.Pid, 2*time.Second)
		submit(b, client.New(address, nil), "pipeline \"parked\" {}\ngate \"ok\" {}\n", runs)
		after, _ := resident(b, c.Process.Pid, 5*time.Second)
		each += (after - before) * 1024 / runs
		_, took := crash(b, c)
		first += took.Seconds()
	}
	b.ReportMetric(each/float64(b.N), "KiB/run")
	b.ReportMetric(first/float64(b.N), "first-s")
}

// BenchmarkInFlight has 256 runs in flight, each of which is followed by the next one, for three seconds: the most memory, kill -9, and the
// first new run after it.
func BenchmarkInFlight(b *testing.B) {
	var most, own, first float64
	for b.Loop() {
		c, address := serving(b, nil)
		over := client.New(address, nil)
		finish(b, over, chain)
		resident(b, c.Process.Pid, time.Second) // it gives back what compiling took
		peak := largest(b, c.Process.Pid)
		var all sync.WaitGroup
		var runs atomic.Int64
		for range 256 {
			all.Go(func() {
				for { // until it is killed
					r, err := over.Submit(b.Context(), client.Submission{Pipeline: client.Source{Text: chain}})
					if err != nil || over.Watch(b.Context(), r.ID, r.Seq, func(client.Frame) error { return nil }) != nil {
						return
					}
					runs.Add(1)
				}
			})
		}
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			own = max(own, status(b, c.Process.Pid)("RssAnon"))
		}
		most = max(most, peak())
		if runs.Load() < 256 {
			b.Fatalf("only %d runs were done", runs.Load())
		}
		_, took := crash(b, c)
		first += took.Seconds()
		all.Wait()
	}
	b.ReportMetric(most, "MiB")
	b.ReportMetric(own, "own-MiB")
	b.ReportMetric(first/float64(b.N), "first-s")
}

const wide = `
pipeline "wide" {}

node "control.split_text" "n" {
  for_each = range(50)
  text     = "One. Two. Three."
}
`

// largest gives what the resident set in MiB was at most since then.
func largest(b *testing.B, pid int) func() float64 {
	b.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	return func() float64 { return status(b, pid)("VmHWM") }
}

// status gives what the kernel says of a process's memory, in MiB by name.
func status(b *testing.B, pid int) func(name string) float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	return func(name string) (kib float64) {
		_, text, _ := strings.Cut(string(raw), name+":")
		_, _ = fmt.Sscan(text, &kib)
		return kib / 1024
	}
}

// resident is the smallest resident set in MiB within a time in which the host does nothing, and how much of it is the host's own: the
// rest is of the program's file, which a kernel that maps large pages counts two MiB at a time.
func resident(b *testing.B, pid int, within time.Duration) (all, own float64) {
	ctx, cancel := context.WithTimeout(b.Context(), within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		mib := status(b, pid)
		if now := mib("VmRSS"); all == 0 || now < all {
			all, own = now, mib("RssAnon")
		}
		select {
		case <-ctx.Done():
			return all, own
		case <-tick.C:
		}
	}
}
