package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// cut ends each answer after that many bytes, and notes which ranges were asked for.
type cut struct {
	next  http.Handler
	after int64

	mu     sync.Mutex
	ranges []string
}

func (c *cut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.ranges = append(c.ranges, r.Header.Get("Range"))
	after := c.after
	c.mu.Unlock()
	c.next.ServeHTTP(&cutWriter{w, after}, r)
}

func (c *cut) asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ranges
}

type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(int64(len(b)), c.left)])
	if c.left -= int64(n); c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// TestBrokenLine: a download continues where it broke off, as often as need be while it gets on.
func TestBrokenLine(t *testing.T) {
	t.Parallel()
	c := &cut{after: 100_000}
	var last int64
	f := start(t, setup{between: func(next http.Handler) http.Handler { c.next = next; return c }, config: func(c *remote.Config) {
		c.Progress = func(_ string, done, total int64) {
			if done <= last || total != 1_500_000 {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}
	}})
	data := noise(1_500_000, 1)
	d := put(t, f.host, data)
	if got := read(t, f.store, d); !bytes.Equal(got, data) || last != 1_500_000 {
		t.Fatalf("%d bytes, progress %d", len(got), last)
	}
	if asked := c.asked(); len(asked) < 15 || asked[0] != "" || asked[1] != "bytes=100000-" {
		t.Errorf("asked for %q", asked)
	}
}

// away answers so many requests as a host that is not there yet, below zero: all.
func away(times int64) func(http.Handler) http.Handler {
	var asked atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := asked.Add(1); times < 0 || n <= times {
				http.Error(w, "the host is starting", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestWaitsForTheHost: a download waits for a host that is away however long that takes, and tells of each try.
func TestWaitsForTheHost(t *testing.T) {
	t.Parallel()
	f := start(t, setup{between: away(50)})
	d, told := put(t, f.host, []byte("at last")), 0
	ctx := artifacts.Waiting(t.Context(), func(why error) {
		if told++; !strings.Contains(why.Error(), "host host_a answered 503: the host is starting") {
			t.Errorf("told of %v", why)
		}
	})
	r, err := f.store.Open(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "at last" || told != 50 {
		t.Errorf("%q, %v, told of %d", got, err, told)
	}
}

// TestWaitingEnds: who waits for a host that is away ends at once when it is stopped, and says why, and what was wrong.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	f := start(t, setup{between: away(-1)})
	ctx, stop := context.WithCancelCause(t.Context())
	why, tries := errors.New("the task was cancelled"), 0
	st := f.forHost(t, "host_b", f.url, nil)
	st.Hasten(func(int) {
		if tries++; tries == 20 {
			stop(why)
		}
	})
	_, err := st.Open(ctx, digestOf(nil))
	if !errors.Is(err, why) || !strings.Contains(err.Error(), "the host is starting") || tries != 20 {
		t.Errorf("%v after %d", err, tries)
	}
}

// TestOtherHostWhileOneIsAway: a host that is there gives what one that is not was asked for first.
func TestOtherHostWhileOneIsAway(t *testing.T) {
	t.Parallel()
	f := start(t, setup{between: away(-1)})
	second := start(t, setup{})
	d := put(t, second.host, []byte("only at the second"))
	waits, first := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		r, err := f.store.Open(artifacts.Waiting(t.Context(), func(error) {
			select {
			case waits <- struct{}{}:
			default:
			}
		}), d)
		if err == nil {
			r.Close()
		}
		first <- err
	}()
	<-waits
	if got := read(t, f.forHost(t, "host_b", second.url, nil), d); string(got) != "only at the second" {
		t.Errorf("%q", got)
	}
	if err := <-first; err != nil {
		t.Errorf("what has come meanwhile is not taken: %v", err)
	}
}

// TestContinuesAfterRestart: what an agent had when it died is not asked for again; what is damaged of it is.
func TestContinuesAfterRestart(t *testing.T) {
	t.Parallel()
	data := noise(1_000_000, 2)
	damaged := bytes.Clone(data[:600_000])
	damaged[7]++
	for name, p := range map[string]struct {
		left   []byte
		ranges string
	}{
		"half":           {data[:600_000], "[bytes=600000-]"},
		"all":            {data, "[bytes=1000000-]"},
		"damaged":        {damaged, "[bytes=600000- ]"},
		"longer":         {append(bytes.Clone(data), 0), "[bytes=1000001- ]"},
		"damaged at end": {append(bytes.Clone(data[:999_999]), ^data[999_999]), "[bytes=1000000- ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cut{after: 1 << 40}
			f := start(t, setup{between: func(next http.Handler) http.Handler { c.next = next; return c }})
			d := put(t, f.host, data)
			partial := filepath.Join(f.folder, "remote", "partial", d[7:])
			if err := os.WriteFile(partial, p.left, 0o400); err != nil { // as it was when it was about to be adopted
				t.Fatal(err)
			}
			f.restart(t, setup{})
			if got := read(t, f.store, d); !bytes.Equal(got, data) {
				t.Errorf("%d bytes", len(got))
			}
			if got := fmt.Sprint(c.asked()); got != p.ranges {
				t.Errorf("asked for %s, want %s", got, p.ranges)
			}
		})
	}
}

// TestOtherBytes: what the host sends is not believed; it does not become visible, and the error says so.
func TestOtherBytes(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	d := put(t, f.host, []byte("hello"))
	path := blob(f.root, d)
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("hellO"), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := f.store.Open(t.Context(), d)
	if err == nil || !strings.Contains(err.Error(), "damaged") || has(t, f.local, d) || has(t, f.local, digestOf([]byte("hellO"))) {
		t.Errorf("%v", err)
	}
	if left := files(t, f.folder); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// gate holds the first answer until it is opened, and tells when a request has come and when one was broken off.
type gate struct {
	next       http.Handler
	open       chan struct{}
	came, gone chan struct{}
	count      atomic.Int64
}

func newGate() *gate {
	return &gate{open: make(chan struct{}), came: make(chan struct{}, 100), gone: make(chan struct{}, 100)}
}

func (g *gate) between(next http.Handler) http.Handler { g.next = next; return g }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.count.Add(1)
	g.came <- struct{}{}
	select {
	case <-g.open:
		g.next.ServeHTTP(w, r)
	case <-r.Context().Done():
		g.gone <- struct{}{}
	}
}

// TestOneTransfer: many wait for one download; one that gives up does not end it for the others.
func TestOneTransfer(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := start(t, setup{between: g.between})
	other := f.forHost(t, "host_b", f.url, nil)
	d := put(t, f.host, noise(1<<20, 3))
	impatient, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := f.store.Open(impatient, d); left <- err }()
	<-g.came
	var wg sync.WaitGroup
	for i := range 8 {
		st := []artifacts.Store{f.store, other}[i%2]
		wg.Go(func() {
			if got := read(t, st, d); len(got) != 1<<20 {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
	f.cache.Await(d, 9)
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that left: %v", err)
	}
	close(g.open)
	wg.Wait()
	if n := g.count.Load(); n != 1 {
		t.Errorf("%d requests, want one", n)
	}
}

// TestLastLeaves: when nobody waits any more the transfer is cancelled, and the next who asks starts another.
func TestLastLeaves(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := start(t, setup{between: g.between})
	d := put(t, f.host, []byte("late"))
	ctx, leave := context.WithCancelCause(t.Context())
	why := errors.New("the task was cancelled")
	left := make(chan error, 2)
	for range 2 {
		go func() { _, err := f.store.Open(ctx, d); left <- err }()
	}
	<-g.came
	f.cache.Await(d, 2)
	leave(why)
	for range 2 {
		if err := <-left; !errors.Is(err, why) {
			t.Errorf("%v, want its cause", err)
		}
	}
	<-g.gone
	close(g.open)
	if got := read(t, f.store, d); string(got) != "late" {
		t.Errorf("%q", got)
	}
}

// TestOtherHost: a waiter for another host's transfer asks its own host when that one has nothing.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	g := newGate()
	f := start(t, setup{between: g.between})
	second := start(t, setup{})
	d := put(t, second.host, []byte("only at the second"))
	other := f.forHost(t, "host_b", second.url, nil)
	first := make(chan error, 1)
	go func() { _, err := f.store.Open(t.Context(), d); first <- err }()
	<-g.came
	got := make(chan string, 1)
	go func() { got <- string(read(t, other, d)) }()
	f.cache.Await(d, 2)
	close(g.open)
	if err := <-first; !errors.Is(err, artifacts.ErrNotFound) {
		t.Errorf("first host: %v", err)
	}
	if s := <-got; s != "only at the second" {
		t.Errorf("second host: %q", s)
	}
}

// TestStall: a host that goes silent is left, and asked again.
func TestStall(t *testing.T) {
	t.Parallel()
	silent := true
	f := start(t, setup{config: func(c *remote.Config) { c.Stall = 30 * time.Millisecond }, between: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if silent {
				silent = false
				w.Header().Set("Content-Length", "5")
				io.WriteString(w, "he")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	if got := read(t, f.store, put(t, f.host, []byte("hello"))); string(got) != "hello" {
		t.Errorf("%q", got)
	}
}

// TestHostMoves: where the host is, is asked for each request.
func TestHostMoves(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	where := []string{"http://127.0.0.1:1", "", f.url} // nobody is there at first
	st := f.forHost(t, "host_a", "", func(c *remote.Config) {
		c.Host = func(context.Context) (string, string, error) {
			url := where[0]
			where = where[1:]
			if url == "" {
				return "", "", errors.New("the host has not said")
			}
			return url, token, nil
		}
	})
	if got := read(t, st, put(t, f.host, []byte("moved"))); string(got) != "moved" {
		t.Errorf("%q", got)
	}
}

// TestHammerDownloads: two Stores over one cache, many readers, some of which give up at once.
func TestHammerDownloads(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	var want [][]byte
	for i := range 4 {
		want = append(want, noise(1<<18+i, uint64(i)))
		put(t, f.host, want[i])
	}
	stores := []artifacts.Store{f.store, f.forHost(t, "host_b", f.url, nil)}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			data := want[i%4]
			if i%5 == 0 {
				go cancel()
			}
			r, err := stores[i%2].Open(ctx, digestOf(data))
			if err != nil {
				if !errors.Is(err, context.Canceled) || i%5 != 0 {
					t.Error(err)
				}
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}
