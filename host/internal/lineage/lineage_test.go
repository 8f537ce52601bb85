package lineage

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk"
)

type makeIn struct {
	Text string        `spin:"text,optional"`
	From *sdk.Artifact `spin:"from,optional"`
	Pad  int           `spin:"pad" default:"0"`
}

type makeOut struct {
	File sdk.Artifact `spin:"file"`
	From sdk.Artifact `spin:"from,optional"`
	Pad  string       `spin:"pad"`
}

var makeType = sdk.NodeOf(sdk.NodeType{Name: "test.make", Idempotent: true}, func(context.Context, makeIn, *sdk.Task) (makeOut, error) { return makeOut{}, nil }).Type()

type said struct {
	Text string `spin:"text"`
}

var sayType = sdk.NodeOf(sdk.NodeType{Name: "test.say", Idempotent: true}, func(context.Context, said, *sdk.Task) (said, error) { return said{}, nil }).Type()

// counting counts the reads of journals.
type counting struct {
	*memstore.Store
	reads atomic.Int32
}

func (c *counting) Read(ctx context.Context, id string, after uint64, limit int) ([]store.Event, error) {
	c.reads.Add(1)
	return c.Store.Read(ctx, id, after, limit)
}

type rig struct {
	*Lineage
	t       *testing.T
	engine  *engine.Engine
	journal *counting
	files   *dir.Store
	assets  []asset.Asset
}

// begin makes a host whose node type test.make writes its text, and which file it was given, into a file, and passes that on.
func begin(t *testing.T) *rig {
	t.Helper()
	files, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, journal: &counting{Store: memstore.New()}, files: files}
	vault := secrets.New(secrets.Config{Environ: []string{}})
	r.engine = engine.New(engine.Config{Journal: r.journal.Store, Index: r.journal.Store, Artifacts: files, Vault: vault, Mask: vault.Mask().String,
		Executor: exec.Func(func(ctx context.Context, task *sdk.Task) (sdk.Result, error) {
			if task.Type == sayType.Name {
				return sdk.Result{Outputs: sdk.Values{"text": task.Inputs["text"]}}, nil
			}
			out := sdk.Values{"pad": strings.Repeat("x", 70_000)[:pad(task.Inputs["pad"])]}
			from, given := task.Inputs["from"].(sdk.Artifact)
			if given {
				out["from"] = from
			}
			a, err := files.Put(ctx, strings.NewReader(fmt.Sprint(task.Inputs["text"], " of ", from.Digest)), sdk.Artifact{Name: fmt.Sprint(task.Inputs["text"], ".txt")})
			out["file"] = a
			return sdk.Result{Outputs: out}, err
		})})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.engine.Close(ctx)
	})
	r.Lineage = New(Config{Journal: r.journal, Index: r.journal, Artifacts: files, Vault: vault})
	return r
}

func pad(v any) int {
	n := 0
	_, _ = fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

// run runs a pipeline to its end and gives its id and outputs.
func (r *rig) run(text string, inputs sdk.Values) (string, sdk.Values) {
	r.t.Helper()
	return r.runFiles(map[string]string{"p.hcl": text}, inputs)
}

// runFiles is run of p.hcl, with modules beside it.
func (r *rig) runFiles(texts map[string]string, inputs sdk.Values) (string, sdk.Values) {
	r.t.Helper()
	files := map[string][]byte{}
	for name, text := range texts {
		files[name] = []byte(text)
	}
	p, diags := load.Load(pipeline.Bundle{Files: files}.FS(), "p.hcl", pipeline.Bundle{Types: []sdk.NodeType{makeType, sayType}, Assets: r.assets})
	if diags.HasErrors() {
		r.t.Fatal(diags)
	}
	if inputs, diags = eval.Inputs(p, inputs); diags.HasErrors() {
		r.t.Fatal(diags)
	}
	id, err := r.engine.Submit(r.t.Context(), engine.Submission{Pipeline: p, Inputs: inputs, Owner: "anna"})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.engine.Wait(r.t.Context(), id); err != nil {
		r.t.Fatal(err)
	}
	s, err := r.engine.State(r.t.Context(), id)
	if err != nil || s.Status != run.Succeeded {
		r.t.Fatal(s.Status, s.Error, err)
	}
	return string(id), s.Outputs
}

// story tells it in short: the nodes of what made an artifact, and of what used it.
func (r *rig) story(v any, depth int) string {
	r.t.Helper()
	a, ok := v.(sdk.Artifact)
	if !ok {
		r.t.Fatalf("%v is no artifact", v)
	}
	s, err := r.Of(r.t.Context(), a.Digest, depth)
	if err != nil {
		r.t.Fatal(err)
	}
	list := func(attempts []Attempt) string {
		var names []string
		for _, x := range attempts {
			if x.Type != "test.make" || x.Pipeline == "" || x.Ended.IsZero() || x.At.Attempt != 1 || len(x.Makes) != 1 || x.Makes[0].Name == "" {
				r.t.Errorf("got %+v", x)
			}
			names = append(names, x.At.Node.Name+x.At.Node.Key.String())
		}
		return strings.Join(names, " ")
	}
	text := list(s.Made) + " > " + list(s.Used)
	if s.Cut {
		text += " …"
	}
	return text
}

const first = `
pipeline "first" {}
variable "pad" {
  type    = number
  default = 0
}
node "test.make" "a" { text = "a" }
node "test.make" "b" {
  text = "b"
  from = node.a.file
  pad  = var.pad
}
node "test.make" "aside" { text = "aside" }
output "a" { value = node.a.file }
output "b" { value = node.b.file }
`

const second = `
pipeline "second" {}
variable "b" { type = artifact }
node "test.make" "c" {
  for_each = ["x", "y"]
  text     = each.value
  from     = var.b
}
node "test.make" "d" {
  text = "d"
  from = node.c[1].file
}
output "c" { value = node.c[0].file }
output "d" { value = node.d.file }
`

// TestAcrossRuns: up and down, through what one run was given of another, also where values are too big for events.
func TestAcrossRuns(t *testing.T) {
	t.Parallel()
	for _, big := range []int{0, 70_000} {
		r := begin(t)
		_, one := r.run(first, sdk.Values{"pad": big})
		_, two := r.run(second, sdk.Values{"b": one["b"]})
		for what, c := range map[string]struct {
			of    any
			depth int
			want  string
		}{
			"the first":            {one["a"], 0, "a > b c[0] c[1] d"},
			"the first, near":      {one["a"], 1, "a > b"},
			"the first, two steps": {one["a"], 2, "a > b c[0] c[1]"},
			"between":              {one["b"], 0, "b a > c[0] c[1] d"},
			"a side":               {two["c"], 0, "c[0] b a > "},
			"the last":             {two["d"], 0, "d c[1] b a > "},
			"the last, near":       {two["d"], 1, "d > "},
			"nobody's":             {sdk.Artifact{Digest: "sha256:" + strings.Repeat("0", 64)}, 0, " > "},
			"none":                 {sdk.Artifact{Digest: "sha256:x"}, 0, " > "},
		} {
			if got := r.story(c.of, c.depth); got != c.want {
				t.Errorf("%s, %d: got %s, want %s", what, big, got, c.want)
			}
		}
	}
}

// TestAssets: what a pipeline names by asset() was used, though no event says so.
func TestAssets(t *testing.T) {
	t.Parallel()
	r := begin(t)
	l := asset.StandIn([]asset.Ref{{Kind: asset.Style, Name: "noir"}, {Kind: asset.Style, Name: "pop"}})
	r.assets = l.Assets
	for range 2 {
		r.run("pipeline \"p\" {}\nnode \"test.make\" \"a\" {\n  text = \"a\"\n  from = asset(\"style/noir\")\n}\n", nil)
	}
	for name, want := range map[string]string{"noir": " > a a", "pop": " > "} {
		if _, v := l.Find(asset.Ref{Kind: asset.Style, Name: name}); r.story(v.Artifact, 0) != want {
			t.Errorf("%s: %s, want %s", name, r.story(v.Artifact, 0), want)
		}
	}
}

// TestGrows: what is appended later counts, and what was removed does not.
func TestGrows(t *testing.T) {
	t.Parallel()
	r := begin(t)
	id, one := r.run(first, nil)
	if got := r.story(one["a"], 0); got != "a > b" {
		t.Error(got)
	}
	_, again := r.run(second, sdk.Values{"b": one["b"]})
	if got := r.story(one["a"], 0); got != "a > b c[0] c[1] d" {
		t.Error(got)
	}
	head, err := r.journal.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.journal.Remove(t.Context(), id, head.Seq); err != nil {
		t.Fatal(err)
	}
	if got := r.story(again["d"], 0); got != "d c[1] > " {
		t.Error(got)
	}
}

// TestForgets: of runs that were removed nothing stays in the index, and what it knows of the others does, for which it reads nothing again.
func TestForgets(t *testing.T) {
	t.Parallel()
	r := begin(t)
	gone, one := r.run(first, nil)
	_, again := r.run(second, sdk.Values{"b": one["b"]})
	if got := r.story(one["a"], 0); got != "a > b c[0] c[1] d" {
		t.Error(got)
	}
	remove := func(id string) {
		head, err := r.journal.Find(t.Context(), id)
		if err == nil {
			err = r.journal.Remove(t.Context(), id, head.Seq)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remove(gone)
	for k := range 2 * few {
		id := fmt.Sprintf("run_%05d", k)
		event := fmt.Sprintf(`{"kind":"x","inputs":{"a":{"$artifact":"sha256:%064d"}}}`, k)
		if err := r.journal.Append(t.Context(), store.Append{Run: id, Events: [][]byte{[]byte(event)}, Head: &store.Head{Run: id, Seq: 1}}); err != nil {
			t.Fatal(err)
		}
		if k == few {
			r.story(one["a"], 0)
		}
	}
	r.story(one["a"], 0)
	if len(r.runs) < 2*few {
		t.Fatalf("the index has %d runs", len(r.runs))
	}
	for k := range 2 * few {
		remove(fmt.Sprintf("run_%05d", k))
	}
	r.journal.reads.Store(0)
	if got := r.story(again["d"], 0); got != "d c[1] > " || r.journal.reads.Load() != 0 {
		t.Errorf("%s after %d reads", got, r.journal.reads.Load())
	}
	if len(r.runs) != 1 || len(r.seen) != 1 || len(r.told) > 1 || len(r.order) != len(r.told) || len(r.named) > 20 {
		t.Errorf("%d runs, %d of which are looked at, %d digests and %d replays, and there is one run", len(r.runs), len(r.seen), len(r.named), len(r.told))
	}
}

// TestManyRuns: of 10,000 runs nobody's journal is read again, but that of who has gone on.
func TestManyRuns(t *testing.T) {
	t.Parallel()
	r := begin(t)
	_, one := r.run(first, nil)
	a, _ := one["a"].(sdk.Artifact)
	add := func(id string, after uint64) {
		event := fmt.Sprintf(`{"kind":"x","inputs":{"a":{"$artifact":"sha256:%064d"}}}`, after)
		if err := r.journal.Append(t.Context(), store.Append{Run: id, After: after, Events: [][]byte{[]byte(event)}, Head: &store.Head{Run: id, Seq: after + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	for k := range 10_000 {
		add(fmt.Sprintf("run_%05d", k), 0)
	}
	story := func() string { return r.story(a, 0) }
	if got := story(); got != "a > b" {
		t.Error(got)
	}
	r.journal.reads.Store(0)
	began := time.Now()
	if got := story(); got != "a > b" || r.journal.reads.Load() != 0 {
		t.Errorf("%s after %d reads", got, r.journal.reads.Load())
	}
	t.Logf("an answer takes %v", time.Since(began))
	add("run_00007", 1)
	if got := story(); got != "a > b" || r.journal.reads.Load() != 1 {
		t.Errorf("%s after %d reads", got, r.journal.reads.Load())
	}
	// One that all name, and none can be replayed: the answer says that it is not whole.
	s, err := r.Of(t.Context(), "sha256:"+strings.Repeat("0", 64), 0)
	if err != nil || !s.Cut || len(s.Made)+len(s.Used) != 0 {
		t.Errorf("%+v %v", s, err)
	}
}
