package search_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/search"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
)

// rig is a search over files whose names say what they are about.
type rig struct {
	*search.Search
	store *memstore.Store
	log   strings.Builder

	mu    sync.Mutex
	texts []string // that were embedded, each time
	fail  error
	model func(text string) ([]float32, error)
	rests string
	runs  int
}

// letters counts those of a text, of which vectors are made.
func letters(text string) ([]float32, error) {
	v := make([]float32, 26)
	for _, c := range text {
		if 'a' <= c && c <= 'z' {
			v[c-'a']++
		}
	}
	return v, nil
}

func begin(t *testing.T) *rig {
	t.Helper()
	r := &rig{store: memstore.New(), model: letters}
	r.Search = r.anew()
	return r
}

// anew is a search in a process that has just begun.
func (r *rig) anew() *search.Search {
	return search.New(search.Config{Model: "letters", Store: r.store, Embed: r.embed, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Describe: func(_ context.Context, files []store.File) (texts []string, err error) {
			for _, f := range files {
				texts = append(texts, f.Name)
			}
			return texts, nil
		},
		Rests: func() string {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.rests
		}})
}

func (r *rig) embed(ctx context.Context, texts []string, _ bool) (out [][]float32, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, r.fail
	}
	for _, text := range texts {
		v, err := r.model(text)
		if err != nil {
			return nil, err
		}
		r.texts, out = append(r.texts, text), append(out, v)
	}
	return out, ctx.Err()
}

func (r *rig) set(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
}

// add has one run name files.
func (r *rig) add(t *testing.T, names ...string) {
	t.Helper()
	r.runs++
	id := fmt.Sprintf("run_%03d", r.runs)
	a := store.Append{Run: id, Events: [][]byte{{1}}, Head: &store.Head{Run: id, Pipeline: "p", Seq: 1}}
	for k, name := range names {
		a.Files = append(a.Files, store.File{Digest: fmt.Sprint(id, k), Name: name, MediaType: "image/png"})
	}
	if err := r.store.Append(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	r.Wake()
}

func (r *rig) want(t *testing.T, about string, limit int, want ...string) {
	t.Helper()
	got, _, err := r.Find(t.Context(), about, store.FileQuery{Limit: limit}, 0)
	var names []string
	for _, f := range got {
		names = append(names, f.Name)
	}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("%q: %q %v, want %q", about, names, err, want)
	}
}

// run has it describe until the test ends.
func run(t *testing.T, s *search.Search) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	stop = func() {
		cancel()
		done.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// TestDescribes: what there is, and what comes, is described once, and found.
func TestDescribes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		var many []string
		for k := range 100 {
			many = append(many, strings.Repeat("ab", k+1)+"c")
		}
		r.add(t, many...)
		r.add(t, "zebra", "zorro", "zorro")
		stop := run(t, r.Search)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.State(); s.Vectors != 103 || s.Files != 103 || s.Problem != "" || s.Dimensions != 26 {
			t.Errorf("%+v", s)
		}
		if n := len(r.texts); n != 103 { // each text once and the probe; of zorro there are two
			t.Errorf("%d texts were embedded", n)
		}
		r.want(t, "zzz", 3, "zebra", "zorro", "zorro")
		r.want(t, "zzz", 3, "zebra", "zorro", "zorro")
		if n := len(r.texts); n != 104 {
			t.Errorf("a question that was asked before was embedded again: %d", n)
		}
		r.add(t, "zz top")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.want(t, "zzz", 1, "zz top")

		// A process that begins anew has nothing to do, and so it is after one that died at any time.
		stop()
		before := len(r.texts)
		r.Search = r.anew()
		run(t, r.Search)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(r.texts) - before; n != 1 || r.State().Vectors != 104 {
			t.Errorf("%d were embedded again; %+v", n, r.State())
		}
		if err := r.Changed(t.Context(), "run_0020"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if last := r.texts[len(r.texts)-1]; last != "zebra" || r.State().Vectors != 104 {
			t.Errorf("described anew: %q, %+v", last, r.State())
		}
	})
}

// TestAway: while the model is away it is tried again, ever later; a person is told, and files are described when it is back.
func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.add(t, "zorro")
		r.fail = errors.New("Ollama cannot be reached")
		run(t, r.Search)
		time.Sleep(time.Hour)
		synctest.Wait()
		s := r.State()
		if s.Problem != "Ollama cannot be reached" || s.Vectors != 0 || s.Files != 1 || s.Failures < 10 || s.Failures > 20 {
			t.Errorf("%+v", s)
		}
		if n := strings.Count(r.log.String(), "not described"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
		var away *search.UnavailableError
		if _, _, err := r.Find(t.Context(), "zorro", store.FileQuery{Limit: 1}, 0); !errors.As(err, &away) || !strings.Contains(err.Error(), "cannot be reached") {
			t.Errorf("%v", err)
		}
		r.set(func() { r.fail = nil })
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if s := r.State(); s.Vectors != 1 || s.Problem != "" {
			t.Errorf("%+v", s)
		}
	})
}

// TestYields: who gave way to a run tries again soon, and that is no failure; who rests asks for nothing.
func TestYields(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.add(t, "zorro")
		r.fail = &sdk.Error{Cause: sdk.CausePreempted, Message: "given away"}
		r.rests = "the disk is full"
		run(t, r.Search)
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.State(); s.Problem != "the disk is full" || s.Failures != 0 {
			t.Errorf("%+v", s)
		}
		r.set(func() { r.rests = "" })
		r.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.State(); s.Failures != 0 || s.Vectors != 0 {
			t.Errorf("%+v", s)
		}
		r.set(func() { r.fail = nil })
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if s := r.State(); s.Vectors != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestRefused: a text that the model refuses for good keeps no other from being described, and is not tried again.
func TestRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		tried := 0
		r.model = func(text string) ([]float32, error) {
			if text == "bad" {
				tried++
				return nil, sdk.Refuse("too odd", "")
			}
			if text == "!" {
				return make([]float32, 26), nil
			}
			return letters(text)
		}
		r.add(t, "zorro", "bad", "!", "zebra")
		run(t, r.Search)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := r.State(); s.Vectors != 2 || s.Failed != 2 || s.Problem != "" || tried != 2 {
			t.Errorf("%+v, tried %d times", s, tried)
		}
		r.want(t, "zz", 10, "zebra", "zorro")
	})
}

// TestOtherModel: a model that makes vectors of another length under the same name has everything described anew, and it is said.
func TestOtherModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.add(t, "zorro", "zebra")
		run(t, r.Search)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.set(func() {
			r.model = func(text string) ([]float32, error) { v, err := letters(text); return append(v, 1), err }
		})
		r.add(t, "zz")
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.State(); s.Vectors != 3 || s.Dimensions != 27 || s.Failures != 1 || !strings.Contains(r.log.String(), "27 numbers now, and made some of 26 before") {
			t.Errorf("%+v %s", s, &r.log)
		}
		r.want(t, "zz", 1, "zz")
	})
}

// TestPages: pages follow each other without a gap, and there are only so many.
func TestPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		var names []string
		for k := range search.Most + 100 {
			names = append(names, "z"+strings.Repeat("a", k))
		}
		r.add(t, names...)
		run(t, r.Search)
		time.Sleep(time.Hour)
		synctest.Wait()
		skip, more := 0, true
		last := float32(math.Inf(1))
		for more {
			var got []store.Near
			var err error
			got, more, err = r.Find(t.Context(), "z", store.FileQuery{Limit: 70}, skip)
			if err != nil || len(got) == 0 {
				t.Fatal(len(got), err)
			}
			for _, n := range got {
				if n.Score > last {
					t.Errorf("%v comes after %v", n.Score, last)
				}
				last = n.Score
			}
			skip += len(got)
		}
		if skip != search.Most {
			t.Errorf("%d were found", skip)
		}
	})
}

// TestSlow: a person does not wait for long.
func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := search.New(search.Config{Model: "m", Store: memstore.New(), Log: slog.New(slog.DiscardHandler), Embed: func(ctx context.Context, _ []string, eager bool) ([][]float32, error) {
			if !eager {
				t.Error("a person does wait for it")
			}
			<-ctx.Done()
			return nil, fmt.Errorf("%w: GPU-1 is held by run_1", context.Cause(ctx))
		}})
		began := time.Now()
		_, _, err := s.Find(t.Context(), "x", store.FileQuery{Limit: 1}, 0)
		var away *search.UnavailableError
		if took := time.Since(began); !errors.As(err, &away) || took > 20*time.Second || !strings.Contains(err.Error(), "it took longer than 15s: GPU-1 is held by run_1") {
			t.Errorf("%v after %v", err, took)
		}
	})
}
