package exec_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/sdk"
)

// bench is a Stage over a real store, around one function.
type bench struct {
	root  string
	store *dir.Store
	exec.Executor
}

func newBench(t *testing.T, root string, scratch func(string) bool, fn exec.Func) bench {
	t.Helper()
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := exec.Stage(fn, exec.StageConfig{Root: root, Artifacts: store, Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	return bench{root, store, e}
}

func (b bench) put(t *testing.T, data, name string) sdk.Artifact {
	t.Helper()
	a, err := b.store.Put(t.Context(), strings.NewReader(data), sdk.Artifact{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b bench) content(t *testing.T, a sdk.Artifact) string {
	t.Helper()
	r, err := b.store.Open(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func (b bench) wantEmpty(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(b.root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(b.root, path)
		if task, sub, _ := strings.Cut(rel, "/"); rel != "." && (!strings.HasPrefix(task, "task-") || sub != "" && sub != "out") {
			t.Errorf("left in the scratch folder: %s", rel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func task(inputs sdk.Values) *sdk.Task {
	return &sdk.Task{Type: "film.cut", Inputs: inputs, Address: sdk.Address{Run: "run_1", Node: sdk.Step{Kind: "node", Name: "cut"}, Attempt: 2}}
}

func write(t *testing.T, path, data string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStageInputs(t *testing.T) {
	t.Parallel()
	var seen *sdk.Task
	b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		seen = in
		left, err := os.ReadDir(in.Scratch)
		if err != nil || len(left) != 0 {
			t.Errorf("scratch: %v, %v", left, err)
		}
		for _, c := range []struct {
			x          any
			name, data string
		}{
			{in.Inputs["a"], "in/1/evil.png", "A"},
			{in.Inputs["list"].([]any)[0], "in/1/evil.png", "A"},
			{in.Inputs["list"].([]any)[1].(map[string]any)["b"], "artifact", "B"},
		} {
			a := c.x.(sdk.Artifact)
			got, err := os.ReadFile(a.Path)
			if err != nil || string(got) != c.data || !strings.HasSuffix(filepath.ToSlash(a.Path), c.name) {
				t.Errorf("%s holds %q, %v", a.Path, got, err)
			}
			if rel, err := filepath.Rel(filepath.Dir(in.Scratch), a.Path); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("%s lies outside the task's folder", a.Path)
			}
		}
		return sdk.Result{}, nil
	})
	a, bb := b.put(t, "A", "../../../evil.png"), b.put(t, "B", "..")
	inputs := sdk.Values{"a": a, "list": []any{a, map[string]any{"b": bb, "n": json.Number("1.50")}}, "plain": []any{"x"}}
	before := sdk.Values{"a": a, "list": []any{a, map[string]any{"b": bb, "n": json.Number("1.50")}}, "plain": []any{"x"}}
	if _, err := b.Execute(t.Context(), task(inputs)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(inputs, before) {
		t.Errorf("the caller's inputs were changed: %v", inputs)
	}
	if seen.Inputs["list"].([]any)[1].(map[string]any)["n"] != json.Number("1.50") {
		t.Error("a number was changed")
	}
	b.wantEmpty(t)
}

func TestStageOutputs(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		write(t, filepath.Join(in.Scratch, "a.txt"), "new")
		if err := os.Mkdir(filepath.Join(in.Scratch, "locked"), 0o700); err != nil {
			t.Fatal(err)
		}
		deep := write(t, filepath.Join(in.Scratch, "locked", "b.png"), "text in truth")
		if err := os.Chmod(filepath.Dir(deep), 0o500); err != nil {
			t.Fatal(err)
		}
		given := in.Inputs["given"].(sdk.Artifact)
		return sdk.Result{Outputs: sdk.Values{
			"file":   sdk.File(filepath.Join(in.Scratch, "a.txt"), "", ""),
			"nested": []any{map[string]any{"b": sdk.File("locked/b.png", "shown.png", "image/png")}},
			"passed": sdk.Artifact{Digest: given.Digest, Size: 999, MediaType: "video/mp4", Path: given.Path},
			"copied": sdk.File(given.Path, "", ""),
			"n":      json.Number("1"),
		}}, nil
	})
	given := b.put(t, "given", "g.md")
	res, err := b.Execute(t.Context(), task(sdk.Values{"given": given}))
	if err != nil {
		t.Fatal(err)
	}
	file, nested := res.Outputs["file"].(sdk.Artifact), res.Outputs["nested"].([]any)[0].(map[string]any)["b"].(sdk.Artifact)
	if file.Name != "a.txt" || file.MediaType != "text/plain" || file.Size != 3 || file.Path != "" || b.content(t, file) != "new" {
		t.Errorf("file: %+v", file)
	}
	if nested.Name != "shown.png" || nested.MediaType != "text/plain" || b.content(t, nested) != "text in truth" {
		t.Errorf("nested: %+v", nested)
	}
	if res.Outputs["passed"] != given {
		t.Errorf("passed: %+v, want %+v", res.Outputs["passed"], given)
	}
	if c := res.Outputs["copied"].(sdk.Artifact); c.Digest != given.Digest {
		t.Errorf("copied: %+v", c)
	}
	b.wantEmpty(t)
}

func TestStageRefuses(t *testing.T) {
	t.Parallel()
	secret := write(t, filepath.Join(t.TempDir(), "secret"), "secret")
	for _, c := range []struct {
		name      string
		make      func(scratch string) any
		message   string
		permanent bool
	}{
		{"outside", func(string) any { return sdk.File(secret, "", "") }, "outside the task's scratch", true},
		{"dots", func(string) any { return sdk.File("../../../secret", "", "") }, "outside the task's scratch", true},
		{"link", func(s string) any { return sdk.File(link(t, secret, s+"/l"), "", "") }, "outside the task's scratch", true},
		{"link folder", func(s string) any { return sdk.File(link(t, filepath.Dir(secret), s+"/d")+"/secret", "", "") }, "outside the task's scratch", true},
		{"folder", func(s string) any { return sdk.File(s, "", "") }, "no regular file", false},
		{"missing", func(s string) any { return sdk.File(s+"/clip.mp4", "", "") }, "clip.mp4, but did not make it", false},
		{"empty", func(s string) any { return sdk.File(write(t, s+"/clip.mp4", ""), "", "") }, "clip.mp4 is empty", false},
		{"forged", func(string) any { return sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64)} }, "neither a new file", true},
		{"nothing", func(string) any { return sdk.Artifact{Name: "x"} }, "without a file", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
				return sdk.Result{Outputs: sdk.Values{"clips": []any{"x", c.make(in.Scratch)}}}, nil
			})
			_, err := b.Execute(t.Context(), task(nil))
			var e *sdk.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Message, "clips[1]") || e.Permanent != c.permanent {
				t.Errorf("%v, want %q of output clips[1]", err, c.message)
			}
			b.wantEmpty(t)
		})
	}
}

// TestStageReuses: an empty folder serves the next task, one that was written to or tampered with does not.
func TestStageReuses(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	var before string
	for _, c := range []struct {
		name  string
		do    func(scratch string) error
		again bool
	}{
		{"nothing", func(string) error { return nil }, true},
		{"fails", func(string) error { return errors.New("no") }, false},
		{"leaves a file", func(s string) error { return os.WriteFile(filepath.Join(s, "x"), nil, 0o600) }, false},
		{"leaves a folder", func(s string) error { return os.Mkdir(filepath.Join(s, "x"), 0o700) }, false},
		{"removes it", os.Remove, false},
		{"replaces it", func(s string) error { return errors.Join(os.Remove(s), os.Symlink(elsewhere, s)) }, false},
		{"opens it to others", func(s string) error { return os.Chmod(s, 0o777) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			do := c.do
			b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
				left, err := os.ReadDir(in.Scratch)
				if err != nil || len(left) > 0 {
					t.Errorf("scratch: %v, %v", left, err)
				}
				before = in.Scratch
				return sdk.Result{}, do(in.Scratch)
			})
			_, _ = b.Execute(t.Context(), task(nil)) // its failure is told elsewhere
			first := before
			do = func(string) error { return nil }
			if _, err := b.Execute(t.Context(), task(nil)); err != nil || (before == first) != c.again {
				t.Errorf("%s, then %s, %v", first, before, err)
			}
			b.wantEmpty(t)
		})
	}
}

func link(t *testing.T, to, at string) string {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestStageFails(t *testing.T) {
	t.Parallel()
	boom := sdk.Refuse("boom", "")
	b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		write(t, filepath.Join(in.Scratch, "half"), "half")
		return sdk.Result{}, boom
	})
	if _, err := b.Execute(t.Context(), task(nil)); !errors.Is(err, boom) {
		t.Errorf("%v, want the node's own error", err)
	}
	b.wantEmpty(t)
	gone := sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64), Name: "x"}
	if _, err := b.Execute(t.Context(), task(sdk.Values{"pic": gone})); !errors.Is(err, artifacts.ErrNotFound) && !strings.Contains(err.Error(), "input pic: ") {
		t.Errorf("absent input: %v", err)
	}
	b.wantEmpty(t)
}

// TestStagePlain: control nodes get no folder, but files where they get artifacts.
func TestStagePlain(t *testing.T) {
	t.Parallel()
	var out any
	root := t.TempDir()
	b := newBench(t, root, func(string) bool { return false }, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		left, err := os.ReadDir(root)
		if err != nil || in.Scratch != "" || len(left) > 0 != (in.Inputs["a"] != nil) {
			t.Errorf("scratch %q, folders %v, %v", in.Scratch, left, err)
		}
		return sdk.Result{Outputs: sdk.Values{"out": out}}, nil
	})
	in := task(sdk.Values{"n": json.Number("1")})
	if _, err := b.Execute(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out = sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64)}
	if _, err := b.Execute(t.Context(), in); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("forged artifact of a control node: %v", err)
	}
	a := b.put(t, "text", "a.md")
	out = a
	res, err := b.Execute(t.Context(), task(sdk.Values{"a": a}))
	if err != nil || res.Outputs["out"] != a {
		t.Errorf("handed on: %v, %v", res, err)
	}
	b.wantEmpty(t)
}

func TestStagePreview(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		p := sdk.File(write(t, filepath.Join(in.Scratch, "p.txt"), "look"), "", "")
		in.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &p, Message: "so far"})
		q := sdk.File("/etc/passwd", "", "")
		in.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &q})
		return sdk.Result{}, nil
	})
	var got []sdk.Report
	if _, err := b.Execute(t.Context(), task(nil).WithReporter(func(r sdk.Report) { got = append(got, r) })); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Preview == nil || b.content(t, *got[0].Preview) != "look" || got[0].Message != "so far" || got[1].Preview != nil {
		t.Errorf("reports %+v", got)
	}
}

// TestStageSweeps: a new Stage removes what a dead process left, and nothing that is not its own.
func TestStageSweeps(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "task-x-1-2", "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "mine.txt"), "x")
	newBench(t, root, nil, nil)
	left, err := os.ReadDir(root)
	if err != nil || len(left) != 1 || left[0].Name() != "mine.txt" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestStageDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if out, err := osexec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("needs a disk of 1 MiB: mount: %v: %s(run the tests as root)", err, out)
	}
	t.Cleanup(func() {
		if out, err := osexec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	b := newBench(t, filepath.Join(disk, "scratch"), nil, func(_ context.Context, in *sdk.Task) (sdk.Result, error) {
		err := os.WriteFile(filepath.Join(in.Scratch, "film.mp4"), make([]byte, 4<<20), 0o600)
		return sdk.Result{}, sdk.Fail("ffmpeg ended with status 1: "+err.Error(), "")
	})
	_, err := b.Execute(t.Context(), task(nil))
	var e *sdk.Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Message, "the disk is full") || !strings.Contains(e.Hint, b.root) || e.Permanent {
		t.Errorf("node on a full disk: %v", err)
	}
	b.wantEmpty(t)
	big := b.put(t, strings.Repeat("x", 4<<20), "big")
	if _, err := b.Execute(t.Context(), task(sdk.Values{"big": big})); !errors.As(err, &e) || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "input big") {
		t.Errorf("input on a full disk: %v", err)
	}
	b.wantEmpty(t)
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a/../b.png", `c:\x\y.md`, "\x00", strings.Repeat("long", 99) + ".mp4", "." + strings.Repeat("e", 300), "-rf", "ü.png"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := exec.SafeName(name)
		if got == "" || len(got) > 100 || !filepath.IsLocal(got) || filepath.Base(got) != got || strings.HasPrefix(got, "-") || strings.HasPrefix(got, ".") {
			t.Errorf("%q became %q", name, got)
		}
	})
}

func BenchmarkStagePlain(b *testing.B) {
	staged, err := exec.Stage(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) {
		return sdk.Result{Outputs: sdk.Values{"n": json.Number("2")}}, nil
	}), exec.StageConfig{Root: b.TempDir(), Scratch: func(string) bool { return false }})
	if err != nil {
		b.Fatal(err)
	}
	t := task(sdk.Values{"n": json.Number("1"), "list": []any{"a", "b"}})
	e := exec.Limit(exec.Deadline(exec.Route(func(string) (exec.Executor, error) { return staged, nil }), nil), 64, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Execute(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
}

// slow has to wait for artifacts.
type slow struct{ artifacts.Store }

func (s slow) Fetch(ctx context.Context, digest, path string) error {
	artifacts.Waits(ctx, errors.New("host box1 answered 503: the host is starting"))
	return s.Store.Fetch(ctx, digest, path)
}

// TestWaitingIsTold: a task that waits for an input says so in its progress.
func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), nil, nil)
	a := b.put(t, "hello", "in.txt")
	e, err := exec.Stage(exec.Func(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }), exec.StageConfig{Root: t.TempDir(), Artifacts: slow{b.store}})
	if err != nil {
		t.Fatal(err)
	}
	var said []sdk.Report
	task := (sdk.Task{Inputs: sdk.Values{"in": a}}).WithReporter(func(r sdk.Report) { said = append(said, r) })
	if _, err := e.Execute(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	const want = "it waits for what it works on: host box1 answered 503: the host is starting"
	if len(said) != 1 || said[0].Kind != sdk.ReportProgress || said[0].Fraction >= 0 || said[0].Message != want {
		t.Errorf("it said %+v", said)
	}
}
