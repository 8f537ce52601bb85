package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
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
	var cold, warm float64
	for b.Loop() {
		c := command(b, "serve", "--listen", "127.0.0.1:0")
		errs, err := c.StderrPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		line, err := bufio.NewReader(errs).ReadString('\n')
		found := regexp.MustCompile(`http://\S+`).FindString(line)
		if err != nil || found == "" {
			b.Fatalf("%q, %v", line, err)
		}
		cold += resident(b, c.Process.Pid, 3*time.Second)
		file := filepath.Join(b.TempDir(), "p.hcl")
		if err := os.WriteFile(file, []byte(wide), 0o644); err != nil {
			b.Fatal(err)
		}
		run := command(b, "run", file)
		run.Env = c.Env
		output(b, run)
		warm += resident(b, c.Process.Pid, 45*time.Second)
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(cold/float64(b.N), "cold-MiB")
	b.ReportMetric(warm/float64(b.N), "warm-MiB")
}

const wide = `
pipeline "wide" {}

node "control.split_text" "n" {
  for_each = range(50)
  text     = "One. Two. Three."
}
`

// resident is the smallest resident set in MiB within a time in which the host does nothing.
func resident(b *testing.B, pid int, within time.Duration) float64 {
	ctx, cancel := context.WithTimeout(b.Context(), within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	least := 0.0
	for {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			b.Fatal(err)
		}
		var kib float64
		if _, text, ok := strings.Cut(string(raw), "VmRSS:"); ok {
			_, _ = fmt.Sscan(text, &kib)
		}
		if mib := kib / 1024; least == 0 || mib < least {
			least = mib
		}
		select {
		case <-ctx.Done():
			return least
		case <-tick.C:
		}
	}
}
