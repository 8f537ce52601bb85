package agent

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// plant makes plugins' folders whose one file says which they are.
func plant(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "was"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// holds lists the folders, with what they were.
func holds(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		was, err := os.ReadFile(filepath.Join(dir, e.Name(), "was"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name()+": "+string(was))
	}
	return out
}

func TestSwap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, ".new-1", ".new-2", ".new-3")
	for _, c := range []struct {
		folder string
		want   []string
	}{
		{".new-1", []string{".new-2: .new-2", ".new-3: .new-3", "hello: .new-1"}},
		{".new-2", []string{".new-3: .new-3", ".old-hello: .new-1", "hello: .new-2"}},
		{".new-3", []string{".old-hello: .new-2", "hello: .new-3"}},
	} {
		if err := swap(filepath.Join(dir, c.folder), filepath.Join(dir, "hello")); err != nil {
			t.Fatal(err)
		}
		if got := holds(t, dir); !slices.Equal(got, c.want) {
			t.Errorf("after %s: got %v, want %v", c.folder, got, c.want)
		}
	}
	if err := swap(filepath.Join(dir, "missing"), filepath.Join(dir, "hello")); err == nil {
		t.Error("a folder that is not there took a place")
	}
	if got, want := holds(t, dir), []string{".old-hello: .new-2", "hello: .new-3"}; !slices.Equal(got, want) {
		t.Errorf("after one that is not there: got %v, want %v", got, want)
	}
}

// TestRestore: a process that died while it installed leaves the new plugin or the old one, never none.
func TestRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, ".new-1", ".old-gone", ".old-there", "there", "other")
	restore(dir)
	if got, want := holds(t, dir), []string{"gone: .old-gone", "other: other", "there: there"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	plant(t, dir, ".old-removed")
	restore(dir)
	if got, want := holds(t, dir), []string{"gone: .old-gone", "other: other", "there: there"}; !slices.Equal(got, want) {
		t.Errorf("one that a person removed: got %v, want %v", got, want)
	}
}
