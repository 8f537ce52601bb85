package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/sdk"
)

// types offers one node type, or none.
type types struct{ name string }

func (t *types) NodeType(name string) (sdk.NodeType, bool) {
	return sdk.NodeType{Name: name}, name == t.name && name != ""
}
func (t *types) Names() []string { return []string{t.name} }

// rig is a folder, looked at.
type rig struct {
	*testing.T
	*Folders
	dir   string
	types *types
	clock int
}

func newRig(t *testing.T, more ...string) *rig {
	r := &rig{T: t, dir: t.TempDir(), types: &types{}}
	r.Folders = New(Config{Dirs: append([]string{r.dir}, more...), Types: func(context.Context) (pipeline.Types, error) { return r.types, nil }})
	return r
}

// write writes a file with a time long past, later by a second with each change.
func (r *rig) write(name, text string) {
	r.Helper()
	path := filepath.Join(r.dir, name)
	r.clock++
	when := time.Date(2026, 1, 1, 0, 0, r.clock, 0, time.UTC)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, when, when)); err != nil {
		r.Fatal(err)
	}
}

// see gives what there is, as "name state" lines.
func (r *rig) see() string {
	r.Helper()
	all, err := r.View(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	var lines []string
	for _, e := range all {
		if (e.Pipeline != nil) != (e.State == Ready) || (e.Reason != "") != (e.State == Broken) {
			r.Errorf("%+v", e)
		}
		lines = append(lines, e.Name+" "+string(e.State))
	}
	return strings.Join(lines, ", ")
}

func (r *rig) want(what, want string) {
	r.Helper()
	if got := r.see(); got != want {
		r.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func (r *rig) find(name string) Entry {
	r.Helper()
	e, err := r.Find(r.Context(), name)
	if err != nil {
		r.Fatal(err)
	}
	return e
}

const film = "pipeline \"film\" {}\n"

func TestFiles(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	r := newRig(t, filepath.Join(t.TempDir(), "none"), other, other)
	r.want("an empty folder", "")
	r.write("film.hcl", film)
	for _, name := range []string{"film.test.hcl", "film.lock.hcl", "spinbot.trust.hcl", ".hidden.hcl", "prose.txt", "sub/deep.hcl", "folder.hcl/x"} {
		r.write(name, "nothing")
	}
	if err := os.WriteFile(filepath.Join(other, "again.hcl"), []byte(film), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "b.hcl"), []byte("pipeline \"b\" {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.want("files", "film ready, film broken, b ready")
	all, _ := r.View(t.Context())
	if why := all[1].Reason; !strings.Contains(why, filepath.Join(r.dir, "film.hcl")+" comes first") {
		t.Error(why)
	}
	if _, err := r.Find(t.Context(), "nobody"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), other) {
		t.Error(err)
	}
}

// TestChanges: whatever a pipeline is made of, it is loaded again when that changes, and only then.
func TestChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("film.hcl", film+`
variable "face" {
  default = null
}
module "part" {
  source = "./parts/part.hcl"
}
output "text" {
  value = [file("text.txt"), module.part.x, var.face]
}
trigger "cron" "nightly" {
  schedule = "@daily"
  inputs   = { face = artifact("face.png") }
}
`)
	r.want("without its parts", "film broken")
	r.write("text.txt", "hello")
	r.write("parts/part.hcl", "pipeline \"part\" {}\noutput \"x\" {\n  value = file(\"x.txt\")\n}\n")
	r.write("parts/x.txt", "x")
	r.want("without its face", "film broken")
	if e := r.find("film"); !strings.Contains(e.Reason, `there is no file "face.png"`) || len(e.Diagnostics) != 1 {
		t.Errorf("%+v", e)
	}
	r.write("face.png", "PNG")
	r.want("whole", "film ready")
	was := r.find("film").Pipeline
	for i, change := range []func(){
		func() { r.write("text.txt", "bye") },
		func() { r.write("parts/part.hcl", "pipeline \"part\" {}\noutput \"x\" {\n  value = 6\n}\n") },
		func() {
			r.write("parts/part.hcl", "pipeline \"part\" {}\noutput \"x\" {\n  value = file(\"x.txt\")\n}\n")
		},
		func() { r.write("parts/x.txt", "y") },
		func() { r.write("face.png", "other") },
		func() { r.types = &types{} },
	} {
		if again := r.find("film").Pipeline; again != was {
			t.Errorf("%d: loaded again, and nothing changed", i)
		}
		change()
		now := r.find("film").Pipeline
		if now == was || now == nil {
			t.Errorf("%d: %v", i, now)
		}
		was = now
	}
	// what lies about is no part of it
	r.write("parts/other.hcl", "nothing")
	if r.find("film").Pipeline != was {
		t.Error("loaded again for a file that it does not read")
	}
	if err := os.Remove(filepath.Join(r.dir, "face.png")); err != nil {
		t.Fatal(err)
	}
	r.want("a part taken away", "film broken")
	if err := os.Remove(filepath.Join(r.dir, "film.hcl")); err != nil {
		t.Fatal(err)
	}
	r.want("taken away", "")
}

// TestBroken: a broken file is out of use under the name it had, with the reason, and comes back once it is mended.
func TestBroken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("f.hcl", film)
	r.want("good", "film ready")
	r.write("f.hcl", "pipeline \"film\" {\n")
	r.want("syntax", "film broken")
	r.want("still", "film broken")
	r.write("f.hcl", film+"output \"a\" {\n  value = lenth([])\n}\noutput \"b\" {\n  value = var.b\n}\n")
	if e := r.find("film"); e.State != Broken || !strings.Contains(e.Reason, `f.hcl:3:11: unknown function "lenth"`) || !strings.HasSuffix(e.Reason, "(and 1 more)") {
		t.Errorf("%+v", e)
	}
	r.write("f.hcl", film)
	r.want("mended", "film ready")
	r.write("f.hcl", film+"node \"test.echo\" \"x\" {}\n")
	r.want("without its node type", "film broken")
	r.types = &types{"test.echo"}
	r.want("with it", "film ready")
	r.write("new.hcl", "")
	r.want("a new one that is empty", "film ready, new broken")
}

// TestRacy: a file that changes twice within one tick of the file system's clock is not taken for what it was.
func TestRacy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := filepath.Join(r.dir, "f.hcl")
	now := time.Now()
	for i := range 3 {
		if err := os.WriteFile(path, fmt.Appendf(nil, "pipeline \"film%d\" {}\n", i), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
		r.want("changed", fmt.Sprintf("film%d ready", i))
	}
}

func TestLinksAndOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	away := &rig{T: t, dir: t.TempDir()}
	away.write("film.hcl", film+"output \"a\" {\n  value = file(\"a.txt\")\n}\n")
	away.write("a.txt", "hello")
	away.write("../outside.txt", "secret")
	if err := os.Symlink(filepath.Join(away.dir, "film.hcl"), filepath.Join(r.dir, "film.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(away.dir, "none.hcl"), filepath.Join(r.dir, "none.hcl")); err != nil {
		t.Fatal(err)
	}
	r.want("a link", "film ready, none broken")
	e := r.find("film")
	file, err := e.Open("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if raw, err := io.ReadAll(file); err != nil || string(raw) != "hello" {
		t.Errorf("%s %v", raw, err)
	}
	if err := os.Symlink("../outside.txt", filepath.Join(away.dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside.txt", "/etc/passwd", "none", "link.txt"} {
		if file, err := e.Open(name); err == nil {
			file.Close()
			t.Errorf("opened %s", name)
		}
	}
}

// TestHammer: looks from everywhere while files change.
func TestHammer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("f.hcl", film)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if _, err := r.View(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 50 {
		r.write("f.hcl", film+strings.Repeat("#\n", i))
	}
	all.Wait()
	r.want("in the end", "film ready")
}
