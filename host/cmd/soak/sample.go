package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/cmd/soak/growth"
	"github.com/myspinbot/spinbot/host/cmd/soak/house"
)

// sample is what was measured after one round.
type sample struct {
	Runs   int                `json:"runs"`
	Host   int                `json:"host"`  // which process of the host it was
	Agent  int                `json:"agent"` // the same of the first agent
	Values map[string]float64 `json:"values"`
}

func redisEntry(n int) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: fmt.Sprint("spinbot:planted:", n), Values: []any{"n", n}}
}

// The least of several looks counts: what is just being done is over at one of them.
const (
	looks = 6
	pause = 500 * time.Millisecond
)

// measure looks at everything several times.
func (s *soak) measure(ctx context.Context) (sample, error) {
	m := sample{Runs: s.book.runs(), Values: map[string]float64{}}
	for range looks {
		rest(ctx, pause)
		now, err := s.see(ctx)
		if err != nil {
			return m, err
		}
		for name, v := range now {
			if least, ok := m.Values[name]; !ok || v < least {
				m.Values[name] = v
			}
		}
	}
	m.Host, m.Agent = s.Host.Begun(), s.Agents[0].Begun()
	return m, nil
}

func (s *soak) see(ctx context.Context) (map[string]float64, error) {
	out := map[string]float64{"processes": float64(len(s.Processes()))}
	if err := s.asked(ctx, out); err != nil {
		return nil, err
	}
	plugins := float64(len(s.PluginsOf(s.Host.PID())))
	for name, svc := range map[string]*house.Service{"host": s.Host, "agent": s.Agents[0], "Redis": s.Redis} {
		ofProcess(out, name, svc.PID())
	}
	out["host plugins"] = plugins // that are warm just now
	out["host goroutines"] -= plugins * 23
	out["host descriptors"] -= plugins * 5
	if err := s.inRedis(ctx, out); err != nil {
		return nil, err
	}
	for _, name := range []string{"host", "box1", "tmp", "home"} {
		files(out, filepath.Join(s.Dir, name), name)
	}
	return out, nil
}

// asked has the host collect garbage, and say what it holds. What counts is what the collector has found in use: the profile, which is as
// large as there are places that have ever allocated, is garbage by then.
func (s *soak) asked(ctx context.Context, out map[string]float64) error {
	over := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", s.Socket)
	}}
	defer over.CloseIdleConnections()
	get := func(path string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://spinbot"+path, nil)
		if err != nil {
			return nil, err
		}
		res, err := over.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return io.ReadAll(res.Body)
	}
	heap, err := get("/debug/pprof/heap?gc=1")
	if err == nil { // it says what grows
		err = os.WriteFile(filepath.Join(s.Dir, fmt.Sprintf("heap-%03d.pprof", len(s.samples)+1)), heap, 0o600)
	}
	if err != nil {
		return err
	}
	raw, err := get("/metrics")
	if err != nil {
		return err
	}
	return told(out, raw)
}

// told adds what a host says of itself as metrics.
func told(out map[string]float64, raw []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		as, ok := map[string]string{"go_goroutines": "host goroutines", "go_gc_heap_live_bytes": "host heap", "spinbot_runs_active": "host active runs", "spinbot_websockets": "host WebSockets",
			"spinbot_leases": "host leases", "spinbot_fleet_unsent": "host unsent", "spinbot_sandboxes_idle": "host sandboxes", "spinbot_sandboxes_idle_bytes": "host sandboxes' memory"}[name]
		if v, err := strconv.ParseFloat(text, 64); ok && err == nil {
			out[as] = v
		}
	}
	// Sandboxes are made when so many control nodes compute at once, and let go when they do not: a few, but large.
	out["host heap"] = max(0, out["host heap"]-out["host sandboxes' memory"]-out["host sandboxes"]*sandbox)
	return lines.Err()
}

// sandboxes is how many the host keeps: two for each processor.
var sandboxes = float64(max(4, 2*runtime.GOMAXPROCS(0)))

// sandbox is what one takes beside its memory, in bytes: above all wazero's list of its module's data.
const sandbox = 1.75 * (1 << 20)

// ofProcess adds what the kernel knows of a process.
func ofProcess(out map[string]float64, name string, pid int) {
	folder := fmt.Sprintf("/proc/%d", pid)
	if fds, err := os.ReadDir(folder + "/fd"); err == nil {
		out[name+" descriptors"] = float64(len(fds))
	}
	raw, _ := os.ReadFile(folder + "/status")
	for line := range strings.Lines(string(raw)) {
		key, rest, _ := strings.Cut(line, ":")
		var v float64
		if _, err := fmt.Sscan(rest, &v); err != nil {
			continue
		}
		switch key {
		case "RssAnon":
			out[name+" resident"] = v * 1024
		case "Threads":
			out[name+" threads"] = v
		}
	}
}

// inRedis adds how much is in Redis: keys, entries of streams, bytes.
func (s *soak) inRedis(ctx context.Context, out map[string]float64) error {
	var entries, data int64
	keys := s.Streams.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		key := keys.Val()
		if strings.HasSuffix(key, ":live") || strings.HasSuffix(key, ":beats") {
			continue // rings of reports and of beats, that fill up
		}
		out["Redis keys"]++
		if n, err := s.Streams.XLen(ctx, key).Result(); err == nil { // else it is no stream
			entries += n
		}
		if n, err := s.Streams.MemoryUsage(ctx, key).Result(); err == nil {
			data += n
		}
	}
	out["Redis entries"], out["Redis data"] = float64(entries), float64(data)
	return keys.Err()
}

// files adds the files of a folder and their bytes, by what is in it.
func files(out map[string]float64, dir, name string) {
	count := func(path string) (n, size float64) {
		err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil // it has gone meanwhile
			}
			if info, err := e.Info(); err == nil {
				n++
				size += float64(info.Size())
			}
			return nil
		})
		_ = err // it gives none
		return n, size
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		say("%v", err)
	}
	out[name+" files"] = 0
	for _, e := range entries {
		if name != "host" && e.Name() == "artifacts" {
			continue // an agent's cache, which fills up to --cache
		}
		n, size := count(filepath.Join(dir, e.Name()))
		out[name+" files"] += n
		as := name + "/" + e.Name()
		if strings.HasPrefix(e.Name(), "spinbot.db") {
			as = name + "/spinbot.db*"
		}
		out[as] += size
	}
}

// tolerances say by how much what was measured may differ: by the end of its name, the first that fits. What the kernel, the
// garbage collector and SQLite hold beside what is used comes and goes.
var tolerances = []struct {
	end          string
	unit         string
	slack, share float64
}{
	{" goroutines", "", 30, 0},
	{" plugins", "", 4, 0},
	{"agent descriptors", "", 12, 0}, // five for each plugin that is warm just now
	{" descriptors", "", 6, 0},
	{" threads", "", 6, 0.15},
	{" heap", "B", 3 << 20, 0.1},
	{" sandboxes", "", sandboxes, 0},
	{" sandboxes' memory", "B", sandboxes * (8 << 20), 0}, // as much as all have when they are new
	{"Redis resident", "B", 8 << 20, 0.2},
	{" resident", "B", 40 << 20, 0.15}, // it follows the heap, which is measured more sharply
	{"processes", "", 4, 0},
	{" entries", "", 20, 0.05},
	{" keys", "", 3, 0},
	{" data", "B", 1 << 20, 0.1},
	{" files", "", 8, 0.02},
	{"box1/fleet", "B", 13 << 20, 0}, // its notes are written anew from 4 MiB on: until then they only grow, and a third of this has room for that
	{" active runs", "", 0, 0},
	{" WebSockets", "", 0, 0},
	{" leases", "", 0, 0},
	{" unsent", "", 0, 0},
	{"", "B", 512 << 10, 0.1},
}

// remembered is what is kept of each run for a day or more after it was removed, in bytes: its bill, the keys of submissions, so that none is
// made twice, those of webhooks' deliveries, and the audit trail, which is cut at 64 MiB. More than that is growth.
var remembered = map[string]float64{"host/spinbot.db*": 1000, "host/triggers": 40, "host/auth": 400}

// series makes of the samples what is judged. What belongs to a process counts from when the last one began.
func (s *soak) series() []growth.Series {
	if len(s.samples) == 0 {
		return nil
	}
	last := s.samples[len(s.samples)-1]
	names := map[string]bool{}
	for _, m := range s.samples {
		for name := range m.Values {
			names[name] = true
		}
	}
	var out []growth.Series
	for _, name := range slices.Sorted(maps.Keys(names)) {
		g := growth.Series{Name: name}
		for _, m := range s.samples {
			if strings.HasPrefix(name, "host ") && m.Host != last.Host || strings.HasPrefix(name, "agent ") && m.Agent != last.Agent {
				continue
			}
			g.Values = append(g.Values, max(0, m.Values[name]-remembered[name]*float64(m.Runs)))
		}
		for _, t := range tolerances {
			if strings.HasSuffix(name, t.end) {
				g.Unit, g.Slack, g.Share = t.unit, t.slack, t.share
				break
			}
		}
		out = append(out, g)
	}
	return out
}
