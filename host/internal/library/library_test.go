package library_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/library"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// records is a store.Records in memory, which several hosts share.
type records struct {
	mu       sync.Mutex
	raw      []byte
	revision int64
	broken   error
}

func (r *records) Record(context.Context, string) ([]byte, int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raw, r.revision, r.broken
}

func (r *records) Keep(_ context.Context, _ string, raw []byte, revision int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision != r.revision {
		return fmt.Errorf("somebody was first: %w", store.ErrConflict)
	}
	r.raw, r.revision = raw, r.revision+1
	return nil
}

var anna = asset.Ref{Kind: asset.Voice, Name: "anna"}

func add(l *asset.Library) error {
	_, err := l.Add(anna, asset.Version{Artifact: sdk.Artifact{Digest: "sha256:a", MediaType: "audio/wav", Size: 3, Name: "a.wav"}})
	return err
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	ctx, shared := t.Context(), &records{}
	here, there := library.New(shared), library.New(shared)
	before, err := here.Now(ctx)
	if err != nil || len(before.Names()) != 0 {
		t.Fatal(before, err)
	}
	if err := here.Change(ctx, add); err != nil {
		t.Fatal(err)
	}
	if len(before.Assets) != 0 {
		t.Error("what was given away has changed")
	}
	now, err := there.Now(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, v := now.Find(anna); v == nil || v.Artifact != (sdk.Artifact{Digest: "sha256:a", MediaType: "audio/wav", Size: 3, Name: "a.wav"}) {
		t.Errorf("the other host sees %+v", v)
	}
	if again, err := there.Now(ctx); again != now || err != nil {
		t.Error("nothing has changed, and it is another value", err)
	}
	no := errors.New("no")
	if err := there.Change(ctx, func(l *asset.Library) error { l.Remove(anna); return no }); !errors.Is(err, no) {
		t.Error(err)
	}
	if again, err := there.Now(ctx); again != now || err != nil || len(now.Names()) != 1 {
		t.Error("what failed has changed something", err)
	}
}

// TestHammer has two hosts add versions at once: none is lost, and no number is given twice.
func TestHammer(t *testing.T) {
	t.Parallel()
	shared := &records{}
	hosts := []*library.Library{library.New(shared), library.New(shared)}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if err := hosts[i%2].Change(t.Context(), add); err != nil {
				t.Error(err)
			}
			if _, err := hosts[i%2].Now(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	now, err := hosts[0].Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := now.Find(anna); a == nil || len(a.Versions) != 40 || a.Versions[0].Number != 40 {
		t.Errorf("%+v", a)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]*records{
		"is damaged":    {raw: []byte(`{"version":`), revision: 1},
		"has version 9": {raw: []byte(`{"version":9}`), revision: 1},
		"disk":          {broken: errors.New("disk")},
	} {
		l := library.New(r)
		if _, err := l.Now(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err := l.Change(t.Context(), add); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
