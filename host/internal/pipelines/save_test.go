package pipelines

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	save := func(name, text, version string) (Entry, error) {
		return r.Save(t.Context(), name, []byte(text), version)
	}
	e, err := save("film", "pipeline \"film\" {}\n", "")
	if err != nil || e.Name != "film" || e.State != Ready {
		t.Fatalf("%+v %v", e, err)
	}
	_, raw, err := r.Source(t.Context(), "film")
	if err != nil || string(raw) != "pipeline \"film\" {}\n" {
		t.Fatalf("%s %v", raw, err)
	}
	was := VersionOf(raw)
	for _, version := range []string{"", "another"} {
		if _, err := save("film", "x", version); !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), was) {
			t.Errorf("%q: %v", version, err)
		}
	}
	if e, err := save("film", "pipeline \"film\" {\n", was); err != nil || e.State != Broken || e.Reason == "" { // kept, and out of use
		t.Errorf("%+v %v", e, err)
	}
	if _, err := save("film", "x", was); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
	if _, err := save("gone", "x", "some"); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a\\b", ".hidden", "x.test", "x\x00", strings.Repeat("x", 65), "-rf", "ü"} {
		if _, err := save(name, "pipeline \"x\" {}", ""); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := r.Remove(t.Context(), "film", was); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
	if err := r.Remove(t.Context(), "film", VersionOf([]byte("pipeline \"film\" {\n"))); err != nil {
		t.Error(err)
	}
	if err := r.Remove(t.Context(), "film", was); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Dir(e.File))
	if err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestSaveAtOnce: of those who saw the same version one saves.
func TestSaveAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.Save(t.Context(), "film", []byte("pipeline \"film\" {}"), ""); err != nil {
		t.Fatal(err)
	}
	version := VersionOf([]byte("pipeline \"film\" {}"))
	var group sync.WaitGroup
	saved := make(chan int, 16)
	for k := range cap(saved) {
		group.Go(func() {
			_, err := r.Save(t.Context(), "film", []byte("pipeline \"film\" {}"+strings.Repeat("\n", k+1)), version)
			switch {
			case err == nil:
				saved <- k
			case !errors.Is(err, ErrStale):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(saved) != 1 {
		t.Errorf("%d have saved", len(saved))
	}
}
