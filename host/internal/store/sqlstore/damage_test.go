package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
)

// TestMain lets this binary be a process that is killed in the middle of its work: see killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("SPINBOT_TEST_FILL"); path != "" {
		st, err := sqlstore.Open(context.Background(), path)
		if err == nil {
			err = fill(st, os.Getenv("SPINBOT_TEST_ROUNDS"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	os.Exit(m.Run())
}

// fill appends what the damage is done to: runs of few and of many events, small and larger than a page. With many
// rounds the log is copied into the file now and then.
func fill(st *sqlstore.Store, rounds string) error {
	var n int
	if _, err := fmt.Sscan(rounds, &n); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	after := map[string]uint64{}
	for i := range n {
		run := fmt.Sprintf("run_%03d", i%17)
		if i%5 == 0 {
			run = fmt.Sprintf("run_%03d", 100+i)
		}
		a := store.Append{Run: run, After: after[run]}
		for range 1 + random.IntN(3) {
			size := 20 + random.IntN(300)
			if random.IntN(8) == 0 {
				size = 6000
			}
			data := make([]byte, size)
			for k := range data {
				data[k] = byte(random.Uint32())
			}
			a.Events = append(a.Events, data)
		}
		after[run] += uint64(len(a.Events))
		if i%3 == 0 || a.After == 0 {
			a.Head = &store.Head{Run: run, Pipeline: "film", Digest: "sha256:x", State: "running", Error: strings.Repeat("e", i%40), Owner: "o",
				Created: time.Unix(int64(i), 5), Updated: time.Unix(int64(i)+9, 7), Seq: after[run]}
		}
		if err := st.Append(context.Background(), a); err != nil {
			return err
		}
		switch run := fmt.Sprintf("run_%03d", (i-20)%17); {
		case i%23 == 22:
			if err := st.Pin(context.Background(), run, true); err != nil {
				return err
			}
		case i%29 == 28:
			if err := st.Remove(context.Background(), run, after[run]); err != nil && !errors.Is(err, store.ErrPinned) && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if got, err := st.Read(context.Background(), run, 0, 0); err != nil || len(got) == 0 {
				after[run] = 0
			}
		}
	}
	return nil
}

// everything reads the whole store.
func everything(ctx context.Context, st *sqlstore.Store) (string, error) {
	heads, err := st.List(ctx, store.Query{})
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for i, h := range heads {
		var found store.Head
		if i%8 == 0 { // through the index over ids
			if found, err = st.Find(ctx, h.Run); err != nil {
				return "", err
			}
		}
		events, err := st.Read(ctx, h.Run, 0, 0)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "%+v %+v\n", h, found)
		for _, e := range events {
			fmt.Fprintf(&all, "%d %x\n", e.Seq, e.Data)
		}
	}
	return all.String(), nil
}

// image is the files of a store.
type image map[string][]byte

func snapshot(t *testing.T, folder string) image {
	t.Helper()
	entries, err := os.ReadDir(folder)
	check(t, err)
	out := image{}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(folder, e.Name()))
		check(t, err)
		out[e.Name()] = raw
	}
	return out
}

func (m image) write(folder string) error {
	var err error
	for name, raw := range m {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), raw, 0o600))
	}
	return err
}

const file = "spinbot.db"

// inMemory gives a folder in memory where there is one: what these tests write needs no disk.
func inMemory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "spinbot-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// closed is a store that was closed as it should be.
func closed(t *testing.T) image {
	folder := inMemory(t)
	st, err := sqlstore.Open(t.Context(), filepath.Join(folder, file))
	check(t, err)
	check(t, fill(st, "150"), st.Close())
	return snapshot(t, folder)
}

// killed is a store whose process was killed, with a log that was not merged into the file, or only in part.
func killed(t *testing.T, rounds string) image {
	folder := inMemory(t)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "SPINBOT_TEST_FILL="+filepath.Join(folder, file), "SPINBOT_TEST_ROUNDS="+rounds)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process that was to be killed: %v: %s", err, out)
	}
	m := snapshot(t, folder)
	if len(m[file+"-wal"]) == 0 {
		t.Fatal("the killed process left no log")
	}
	return m
}

// outcome is what became of a damaged store.
type outcome struct{ same, refused atomic.Int64 }

// try opens the store and reads everything: it has to hold what it held, or be refused with a message that helps.
func (o *outcome) try(t *testing.T, folder, want, what string) {
	path := filepath.Join(folder, file)
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	got := ""
	st, err := sqlstore.Open(t.Context(), path)
	if err == nil {
		defer func() { _ = st.Close() }()
		if got, err = everything(t.Context(), st); err == nil && got != want {
			t.Errorf("%s: it opened, and does not hold what it held: %s", what, difference(want, got))
			return
		}
	}
	if err == nil {
		o.same.Add(1)
		if err := st.Append(t.Context(), store.Append{Run: "run_new", Events: [][]byte{bytes.Repeat([]byte("x"), 9000)}}); err != nil && !tells(err, path) {
			t.Errorf("%s: append: %v", what, err)
		}
		return
	}
	o.refused.Add(1)
	if !tells(err, path) {
		t.Errorf("%s: refused without saying what is wrong where: %v", what, err)
	}
}

// tells says whether the message names the file, says that it is damaged and what to do.
func tells(err error, path string) bool {
	text := err.Error()
	return errors.Is(err, store.ErrDamaged) && strings.Contains(text, path) && strings.Contains(text, "backup") && strings.Contains(text, "move the file away")
}

func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d of %d, now %d lines", i, len(w), len(g))
		}
	}
	return fmt.Sprintf("%d lines, now %d", len(w), len(g))
}

// TestDamage flips single bits and cuts files off, as a failing medium does, with the log merged, not merged and
// merged in part.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		make              func(*testing.T) image
		flips, truncation int
	}{
		{"closed", closed, 500, 80},
		{"killed", func(t *testing.T) image { return killed(t, "60") }, 380, 80},
		{"killed after a checkpoint", func(t *testing.T) image { return killed(t, "420") }, 120, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := c.make(t)
			whole := filepath.Join(t.TempDir(), "whole")
			check(t, os.Mkdir(whole, 0o700), m.write(whole))
			st, err := sqlstore.Open(t.Context(), filepath.Join(whole, file))
			check(t, err)
			want, err := everything(t.Context(), st)
			check(t, err, st.Close())
			if strings.Count(want, "\n") < 60 {
				t.Fatalf("the store holds too little to be damaged: %d lines", strings.Count(want, "\n"))
			}
			t.Run("flips", func(t *testing.T) { t.Parallel(); damage(t, m, want, c.flips/slow, flip) })
			t.Run("truncations", func(t *testing.T) { t.Parallel(); damage(t, m, want, c.truncation/slow, truncate) })
		})
	}
}

// damage does something to a copy of the store, again and again.
func damage(t *testing.T, m image, want string, times int, do func(*rand.Rand, image) (image, string)) {
	memory := inMemory(t)
	var next atomic.Int64
	var o outcome
	workers := runtime.GOMAXPROCS(0)
	done := make(chan struct{}, workers)
	for range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := next.Add(1); i <= int64(times); i = next.Add(1) {
				folder, err := os.MkdirTemp(memory, "")
				if err != nil {
					t.Error(err)
					return
				}
				spoiled, what := do(rand.New(rand.NewPCG(uint64(i), 7)), m)
				if err := spoiled.write(folder); err != nil {
					t.Error(err)
					return
				}
				o.try(t, folder, want, fmt.Sprintf("%d: %s", i, what))
				os.RemoveAll(folder)
			}
		}()
	}
	for range workers {
		<-done
	}
	t.Logf("%d: %d held the same, %d were refused", times, o.same.Load(), o.refused.Load())
	if o.refused.Load() == 0 {
		t.Error("nothing was refused: the test damages nothing")
	}
}

// flip inverts one bit somewhere in the files.
func flip(r *rand.Rand, m image) (image, string) {
	total := 0
	for _, raw := range m {
		total += len(raw)
	}
	at := r.IntN(total)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if at >= len(m[name]) {
			at -= len(m[name])
			continue
		}
		bit := r.IntN(8)
		out := maps.Clone(m)
		out[name] = bytes.Clone(m[name])
		out[name][at] ^= 1 << bit
		return out, fmt.Sprintf("bit %d of byte %d in %s flipped", bit, at, name)
	}
	panic("unreachable")
}

// truncate cuts one file off somewhere: at any byte, at a page or whole.
func truncate(r *rand.Rand, m image) (image, string) {
	names := slices.Sorted(maps.Keys(m))
	name := names[r.IntN(len(names))]
	to := r.IntN(len(m[name]))
	switch r.IntN(6) {
	case 0:
		to = 0
	case 1, 2:
		to = to / 4096 * 4096
	case 3:
		if strings.HasSuffix(name, "-wal") {
			to = 32 + max(0, to-32)/4120*4120
		}
	}
	out := maps.Clone(m)
	out[name] = m[name][:to]
	return out, fmt.Sprintf("%s cut off after %d of %d bytes", name, to, len(m[name]))
}
