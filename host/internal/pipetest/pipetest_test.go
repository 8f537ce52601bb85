package pipetest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
	"github.com/myspinbot/spinbot/sdk"
)

var update = flag.Bool("update", false, "rewrite the reports in testdata")

type echoIn struct {
	Text string `doc:"Anything"`
}

type echoOut struct {
	Text string
}

type filmIn struct {
	Seconds float64 `default:"2"`
	Style   string  `spin:"style,optional"`
}

type filmOut struct {
	Video   sdk.Artifact `accept:"video/mp4"`
	Seconds float64
	Words   []string `spin:"words,optional"`
}

type sumIn struct {
	Numbers []float64
}

type sumOut struct {
	Sum float64
}

// here are the node types of the machine that the tests run on: a plugin's two, and a control node.
var here = pipeline.Bundle{Types: []sdk.NodeType{
	sdk.NodeOf(sdk.NodeType{Name: "fake.echo", Idempotent: true}, func(context.Context, echoIn, *sdk.Task) (echoOut, error) { return echoOut{}, nil }).Type(),
	sdk.NodeOf(sdk.NodeType{Name: "fake.once"}, func(context.Context, echoIn, *sdk.Task) (echoOut, error) { return echoOut{}, nil }).Type(),
	sdk.NodeOf(sdk.NodeType{Name: "fake.film"}, func(context.Context, filmIn, *sdk.Task) (filmOut, error) { return filmOut{}, nil }).Type(),
	adder.Type(),
}}

var adder = sdk.NodeOf(sdk.NodeType{Name: "control.add"}, func(_ context.Context, in sumIn, _ *sdk.Task) (out sumOut, err error) {
	for _, n := range in.Numbers {
		out.Sum += n
	}
	return out, nil
})

func newBench(t *testing.T) *Bench {
	t.Helper()
	b, err := New(Config{Types: here, Dir: t.TempDir(), IsControl: func(name string) bool { return name == "control.add" },
		Control: exec.Func(func(ctx context.Context, t *sdk.Task) (sdk.Result, error) { return adder.Run(ctx, t) })})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// report runs a test file as the command does, and writes down what it finds.
func report(t *testing.T, file string) string {
	t.Helper()
	var out bytes.Buffer
	suite, diags := testfile.Read(file)
	if suite != nil {
		b := newBench(t)
		trial, more := b.Check(suite, nil)
		if diags = append(diags, more...); !diags.HasErrors() {
			diags.Write(&out, testfile.Source, false)
			for i := range trial.Runs() {
				r := trial.Run(t.Context(), i)
				fmt.Fprintf(&out, "%s: %s\n", r.Name, map[bool]string{true: "passed", false: "failed"}[r.Passed])
				var list diagnostic.Diagnostics
				for _, f := range r.Failures {
					list = append(list, f.Diagnostic())
				}
				list.Write(&out, testfile.Source, false)
			}
			return out.String()
		}
	}
	diags.Write(&out, testfile.Source, false)
	return out.String()
}

// TestFiles runs the test file in every archive of testdata and compares what it reports with the archive's report;
// -update rewrites that.
func TestFiles(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			unpack(t, dir, archive)
			got := strings.ReplaceAll(report(t, filepath.Join(dir, "x.test.hcl")), dir+string(filepath.Separator), "")
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "report" })
			if i < 0 {
				archive.Files, i = append(archive.Files, txtar.File{Name: "report"}), len(archive.Files)
			}
			if string(archive.Files[i].Data) == got {
				return
			}
			if !*update {
				t.Errorf("got:\n%s\nwant:\n%s", got, archive.Files[i].Data)
				return
			}
			archive.Files[i].Data = []byte(got)
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// unpack writes an archive's files, and the media that test files refer to.
func unpack(t *testing.T, dir string, archive *txtar.Archive) {
	t.Helper()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"clip.mp4", "speech.wav"} {
		raw, err := os.ReadFile(filepath.Join("../../../pipelines/explainer/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHang: a run block that does not end fails, and says so.
func TestHang(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unpack(t, dir, txtar.Parse([]byte("-- x.hcl --\npipeline \"x\" {}\nnode \"control.add\" \"sum\" { numbers = [] }\n-- x.test.hcl --\nrun \"it hangs\" {}\n")))
	b, err := New(Config{Types: here, Dir: t.TempDir(), Timeout: 50 * time.Millisecond, IsControl: func(string) bool { return true },
		Control: exec.Func(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, context.Cause(ctx)
		})})
	if err != nil {
		t.Fatal(err)
	}
	suite, _ := testfile.Read(filepath.Join(dir, "x.test.hcl"))
	trial, diags := b.Check(suite, nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r := trial.Run(t.Context(), 0)
	if r.Passed || !strings.Contains(r.Failures[0].Detail, "did not end within 50ms") {
		t.Errorf("got %+v", r)
	}
}

// TestParallel: run blocks of many suites at once, for the race detector.
func TestParallel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive, err := txtar.ParseFile("testdata/passes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	unpack(t, dir, archive)
	b := newBench(t)
	suite, diags := testfile.Read(filepath.Join(dir, "x.test.hcl"))
	if suite == nil {
		t.Fatal(diags)
	}
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			trial, diags := b.Check(suite, nil)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			for i := range trial.Runs() {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					if r := trial.Run(t.Context(), i); !r.Passed {
						t.Errorf("%+v", r)
					}
				})
			}
		})
	}
}
