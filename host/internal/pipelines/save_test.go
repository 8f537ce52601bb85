package pipelines

import (
	"errors"
	"io/fs"
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
		return r.Save(t.Context(), name, Change{Text: []byte(text), Version: version})
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
	if _, err := r.Save(t.Context(), "film", Change{Text: []byte("pipeline \"film\" {}")}); err != nil {
		t.Fatal(err)
	}
	version := VersionOf([]byte("pipeline \"film\" {}"))
	var group sync.WaitGroup
	saved := make(chan int, 16)
	for k := range cap(saved) {
		group.Go(func() {
			_, err := r.Save(t.Context(), "film", Change{Text: []byte("pipeline \"film\" {}" + strings.Repeat("\n", k+1)), Version: version})
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

// TestFolder: a pipeline's folder is where its file leads, and that of a new one is where it will be.
func TestFolder(t *testing.T) {
	t.Parallel()
	away := t.TempDir()
	later := filepath.Join(t.TempDir(), "later")
	r := newRig(t, later)
	r.write("near.hcl", "pipeline \"near\" {}\n")
	err := errors.Join(os.WriteFile(filepath.Join(away, "far.hcl"), []byte("pipeline \"far\" {}\n"), 0o644), os.WriteFile(filepath.Join(away, "x.txt"), nil, 0o644),
		os.Symlink(filepath.Join(away, "far.hcl"), filepath.Join(r.dir, "far.hcl")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"near": "near.hcl", "far": "x.txt"} {
		root, err := r.Folder(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if _, err := root.Stat(want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := root.Stat("../" + filepath.Base(r.dir)); err == nil {
			t.Errorf("%s: what is outside is seen", name)
		}
	}
	if _, err := r.Folder(t.Context(), "new"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := errors.Join(os.Mkdir(later, 0o755), os.WriteFile(filepath.Join(later, "new.hcl"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	root, err := r.Folder(t.Context(), "newer")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := root.Stat("new.hcl"); err != nil {
		t.Error(err)
	}
	if _, err := New(Config{Types: r.cfg.Types}).Folder(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// TestSaveBeside: files come with a pipeline, none of them outside its folder, and none in the place of another.
func TestSaveBeside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const text = "pipeline \"film\" {}\noutput \"x\" {\n  value = file(\"workflows/film.json\")\n}\n"
	save := func(name string, files map[string]string) error {
		c := Change{Text: []byte(strings.Replace(text, "film", name, 1)), Files: map[string][]byte{}}
		for name, content := range files {
			c.Files[name] = []byte(content)
		}
		_, err := r.Save(t.Context(), name, c)
		return err
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.Symlink(outside, filepath.Join(r.dir, "link")), os.WriteFile(filepath.Join(r.dir, "secret"), []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../b", "a//b", ".hidden", "a/.hidden/b", "other.hcl", "a/other.hcl", "a/"} {
		if err := save("film", map[string]string{"workflows/film.json": "{}", name: "x"}); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"secret", "link", "secret/x", "link/x"} {
		if err := save("film", map[string]string{name: "y"}); err == nil || strings.HasPrefix(name, "secret") && len(name) == 6 && !errors.Is(err, ErrTaken) {
			t.Errorf("%q: %v", name, err)
		}
	}
	r.want("what was refused", "")
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside there is %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "workflows")); err == nil {
		t.Error("a part of what was refused is there")
	}
	if err := save("film", map[string]string{"workflows/film.json": "{}"}); err != nil {
		t.Fatal(err)
	}
	r.want("with its file", "film ready")
	if err := save("again", map[string]string{"workflows/film.json": "{}"}); err != nil { // the same file is no other one
		t.Error(err)
	}
	if err := save("third", map[string]string{"workflows/film.json": "[]"}); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
	r.want("in the end", "again ready, film ready")
}
