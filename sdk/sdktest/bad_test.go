package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// raw is a node without the care of sdk.NodeOf.
type raw struct {
	sdk.NodeType
	run func(context.Context, *sdk.Task) (sdk.Result, error)
}

func (r raw) Type() sdk.NodeType { return r.NodeType }

func (r raw) Run(ctx context.Context, t *sdk.Task) (sdk.Result, error) { return r.run(ctx, t) }

// rawPlugin has the good plugin's node type and runs something else.
func rawPlugin(run func(context.Context, *sdk.Task) (sdk.Result, error)) sdk.Plugin {
	p := pluginOf(good, nil)
	p.Nodes[0] = raw{p.Nodes[0].Type(), run}
	return p
}

func gives(v sdk.Values) func(context.Context, *sdk.Task) (sdk.Result, error) {
	return func(_ context.Context, t *sdk.Task) (sdk.Result, error) { return sdk.Result{Outputs: v}, nil }
}

// outside is a file that no task may return.
func outside(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "outside.txt")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func file(fill func(scratch string) error) runFunc {
	return func(_ context.Context, _ in, t *sdk.Task) (out, error) {
		return out{File: sdk.File("x.txt", "", "text/plain")}, fill(t.Scratch)
	}
}

func report(r sdk.Report) runFunc {
	return func(ctx context.Context, in in, t *sdk.Task) (out, error) { t.Report(r); return good(ctx, in, t) }
}

func TestBadNodes(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	elsewhere := outside(t)
	for want, p := range map[string]sdk.Plugin{
		"outputs do not fit their schema: text: want text, got a list": rawPlugin(gives(sdk.Values{"text": []any{}})),
		"outputs do not fit their schema: more: is unknown here":       rawPlugin(gives(sdk.Values{"more": "x"})),
		"it failed: no luck":               pluginOf(func(context.Context, in, *sdk.Task) (out, error) { return out{}, errors.New("no luck") }, nil),
		"node type fake.node panicked: oh": pluginOf(func(context.Context, in, *sdk.Task) (out, error) { panic("oh") }, nil),
		"its error has no message":         pluginOf(func(context.Context, in, *sdk.Task) (out, error) { return out{}, &sdk.Error{} }, nil),
		"outputs that cannot be passed on": rawPlugin(gives(sdk.Values{"text": math.NaN()})),
		"lies outside the task's scratch folder": pluginOf(func(context.Context, in, *sdk.Task) (out, error) {
			return out{File: sdk.File(elsewhere, "", "text/plain")}, nil
		}, nil),
		"is no file in the task's scratch folder": pluginOf(file(func(string) error { return nil }), nil),
		"escapes": pluginOf(file(func(dir string) error { return os.Symlink(elsewhere, filepath.Join(dir, "x.txt")) }), nil),
		"x.txt is empty": pluginOf(file(func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "x.txt"), nil, 0o600)
		}), nil),
		"is no regular file":         pluginOf(file(func(dir string) error { return os.Mkdir(filepath.Join(dir, "x.txt"), 0o700) }), nil),
		"an artifact without a Path": rawPlugin(gives(sdk.Values{"file": sdk.Artifact{MediaType: "text/plain"}})),
		"may hold no slash":          rawPlugin(gives(sdk.Values{"file": sdk.Artifact{Path: "x", Name: "a/b", MediaType: "text/plain"}})),
		"is none of the task's inputs": pluginOf(func(context.Context, in, *sdk.Task) (out, error) {
			return out{File: sdk.Artifact{Digest: "sha256:1", MediaType: "text/plain"}}, nil
		}, nil),
		`output "text" differs between two runs`: pluginOf(func(context.Context, in, *sdk.Task) (out, error) {
			return out{Text: time.Unix(count.Add(1), 0).String()}, nil
		}, nil),
		`output "file" differs between two runs`: pluginOf(func(ctx context.Context, in in, t *sdk.Task) (out, error) {
			in.Name = time.Unix(count.Add(1), 0).String()
			o, err := good(ctx, in, t)
			o.Text = ""
			return o, err
		}, nil),
		"a report of progress has a fraction above 1": pluginOf(report(sdk.Report{Kind: sdk.ReportProgress, Fraction: 50}), nil),
		"a report has the log level loud":             pluginOf(report(sdk.Report{Kind: sdk.ReportLog, Level: "loud"}), nil),
		"a report of a preview has none":              pluginOf(report(sdk.Report{Kind: sdk.ReportPreview}), nil),
		"has a preview that cannot be shown": pluginOf(report(sdk.Report{
			Kind: sdk.ReportPreview, Preview: &sdk.Artifact{Path: elsewhere},
		}), nil),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if said := record(t, func(tb testing.TB) { cases(one).run(tb, p, full) }); !strings.Contains(said, want) {
				t.Errorf("the suite said %q", said)
			}
		})
	}
}

func TestCareless(t *testing.T) {
	t.Parallel()
	for want, run := range map[string]func(context.Context, *sdk.Task) (sdk.Result, error){
		`with input "name" missing it succeeded`:         gives(nil),
		`with input "list" of another kind it succeeded`: gives(nil),
		`came up with input "name" missing`: func(_ context.Context, t *sdk.Task) (sdk.Result, error) {
			return sdk.Result{Outputs: sdk.Values{"text": t.Inputs["name"].(string)}}, nil
		},
		`which would be tried again in vain: use sdk.Refuse`: func(context.Context, *sdk.Task) (sdk.Result, error) {
			return sdk.Result{}, errors.New("no")
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if said := record(t, func(tb testing.TB) { Suite{}.run(tb, rawPlugin(run), full) }); !strings.Contains(said, want) {
				t.Errorf("the suite said %q", said)
			}
		})
	}
}

func TestCasesThatDoNotHold(t *testing.T) {
	t.Parallel()
	wrong := one
	wrong.Fails = "something"
	other := Case{Type: "fake.node", Inputs: sdk.Values{"name": ""}, Fails: "something"}
	want := one
	want.Want = func(t testing.TB, _ sdk.Values) { t.Errorf("not what was wanted") }
	for text, c := range map[string]Case{
		"want a failure that says": wrong, "want a message that says": other, "not what was wanted": want,
		`offers no node type "fake.absent"`: {Type: "fake.absent"},
	} {
		if said := record(t, func(tb testing.TB) { cases(c).run(tb, pluginOf(good, nil), full) }); !strings.Contains(said, text) {
			t.Errorf("the suite said %q, not %q", said, text)
		}
	}
}

// TestTogether has a node that goes wrong only when two of its tasks run at the same time.
func TestTogether(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	met := make(chan struct{})
	p := pluginOf(func(ctx context.Context, in in, t *sdk.Task) (out, error) {
		switch calls.Add(1) {
		case 1:
			return good(ctx, in, t)
		case 3:
			close(met)
		}
		select {
		case <-met:
			return out{}, sdk.Fail("two at once", "")
		case <-ctx.Done():
			return out{}, ctx.Err()
		}
	}, func(nt *sdk.NodeType) { nt.Revision = "" })
	if said := record(t, func(tb testing.TB) {
		cases(Case{Type: "fake.node", Inputs: one.Inputs, Task: func(*sdk.Task) {}}).run(tb, p, full)
	}); !strings.Contains(said, "two at once") {
		t.Errorf("the suite said %q", said)
	}
}

// TestDeaf has a node that does not listen to its context once it has been seen to work.
func TestDeaf(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	p := pluginOf(func(ctx context.Context, in in, t *sdk.Task) (out, error) {
		if calls.Add(1) > 2+atOnce {
			<-release
		}
		return good(ctx, in, t)
	}, nil)
	said := record(t, func(tb testing.TB) { cases(one).run(tb, p, effort{patience: 50 * time.Millisecond}) })
	if !strings.Contains(said, "it did not return when its context ended") {
		t.Errorf("the suite said %q", said)
	}
}

func TestTypeFrom(t *testing.T) {
	t.Parallel()
	type asks struct {
		Answer sdk.Schema `doc:"The type of the answer"`
	}
	type answers struct {
		Answer any `type_from:"answer"`
	}
	p := pluginOf(good, nil)
	p.Nodes[0] = sdk.NodeOf(sdk.NodeType{Name: "fake.node", Description: "Answers"},
		func(context.Context, asks, *sdk.Task) (answers, error) { return answers{json.Number("1")}, nil })
	for kind, want := range map[string]string{"number": "", "string": "want text, got the number 1"} {
		c := Case{Type: "fake.node", Inputs: sdk.Values{"answer": map[string]any{"type": kind}}}
		said := record(t, func(tb testing.TB) { cases(c).run(tb, p, full) })
		if (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: the suite said %q", kind, said)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	type config struct {
		URL string `spin:"url" doc:"Where"`
	}
	p := pluginOf(good, nil)
	schema, err := sdk.SchemaOf[config]()
	if err != nil {
		t.Fatal(err)
	}
	p.ConfigSchema = &schema
	if said := record(t, func(tb testing.TB) { Suite{}.run(tb, p, full) }); !strings.Contains(said, "url: is required") {
		t.Errorf("without a configuration the suite said %q", said)
	}
	if said := record(t, func(tb testing.TB) { Suite{Config: sdk.Values{"url": "x"}}.run(tb, p, full) }); said != "" {
		t.Errorf("the suite said %q", said)
	}
}

func TestNoProgram(t *testing.T) {
	t.Parallel()
	said := record(t, func(tb testing.TB) { Suite{}.Binary(tb, filepath.Join(t.TempDir(), "absent")) })
	if !strings.Contains(said, "start plugin") {
		t.Errorf("the suite said %q", said)
	}
}
