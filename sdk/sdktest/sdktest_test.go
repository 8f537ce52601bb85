package sdktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// recorder is a testing.TB that keeps what a suite tells it.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.said) > 0
}

// record gives all that a suite says.
func record(t *testing.T, suite func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		suite(r)
	}()
	<-done
	return strings.Join(r.said, "\n")
}

type in struct {
	Name string       `doc:"A name"`
	List []string     `spin:",optional" doc:"Some texts"`
	File sdk.Artifact `spin:",optional" doc:"A file"`
}

type out struct {
	Text string       `spin:",optional"`
	File sdk.Artifact `spin:",optional" accept:"text/plain"`
}

type runFunc = func(context.Context, in, *sdk.Task) (out, error)

// pluginOf makes a plugin of one node type; change mends or spoils it.
func pluginOf(run runFunc, change func(*sdk.NodeType)) sdk.Plugin {
	nt := sdk.NodeType{
		Name: "fake.node", Description: "Does something", Revision: "1", Idempotent: true,
		Examples: []sdk.Example{{Title: "One", HCL: `node "fake.node" "x" { name = "y" }`}},
	}
	if change != nil {
		change(&nt)
	}
	return sdk.Plugin{Name: "fake", Version: "1.0.0", Description: "For tests", Nodes: []sdk.Node{sdk.NodeOf(nt, run)}}
}

func good(ctx context.Context, in in, t *sdk.Task) (out, error) {
	if in.Name == "" {
		return out{}, sdk.Refuse("the name is empty", "give one")
	}
	t.Progress(0.5, "half way")
	path := filepath.Join(t.Scratch, "x.txt")
	return out{Text: in.Name, File: sdk.File(path, "", "text/plain")}, os.WriteFile(path, []byte(in.Name), 0o600)
}

// full is what the suite does without -short.
var full = effort{patience: 5 * time.Second}

func cases(c ...Case) Suite { return Suite{Cases: c} }

var one = Case{Type: "fake.node", Inputs: sdk.Values{"name": "Ada"}}

func TestGoodPlugin(t *testing.T) {
	t.Parallel()
	var wanted atomic.Int32
	c := one
	c.Name, c.Want = "a name", func(t testing.TB, o sdk.Values) {
		wanted.Add(1)
		if b, err := os.ReadFile(o["file"].(sdk.Artifact).Path); err != nil || string(b) != "Ada" {
			t.Errorf("the file holds %q, %v", b, err)
		}
	}
	handed := Case{Type: "fake.node", Name: "hands an input on", Inputs: sdk.Values{
		"name": "Ada", "file": sdk.Artifact{Digest: "sha256:1", MediaType: "text/plain", Size: 1, Name: "a"},
	}}
	s := cases(c, Case{Type: "fake.node", Inputs: sdk.Values{"name": ""}, Fails: "is empty"}, handed)
	p := pluginOf(func(ctx context.Context, in in, t *sdk.Task) (out, error) {
		o, err := good(ctx, in, t)
		if in.File.Digest != "" {
			o.File = in.File
		}
		return o, err
	}, nil)
	s.Run(t, p)
	if said := record(t, func(tb testing.TB) { s.run(tb, p, full) }); said != "" {
		t.Errorf("a good plugin was told: %s", said)
	}
	if wanted.Load() != 2 {
		t.Errorf("Want ran %d times in two suites", wanted.Load())
	}
}

func TestManifests(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*sdk.NodeType){
		"a host would refuse the manifest: node type other.node": func(n *sdk.NodeType) { n.Name = "other.node" },
		"node type fake.node has no Description":                 func(n *sdk.NodeType) { n.Description = "" },
		`input "mute" has no description`: func(n *sdk.NodeType) {
			n.Inputs = sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "mute", Schema: sdk.Schema{Type: "string"}}}}
		},
		"the manifest changes on its way through JSON": func(n *sdk.NodeType) {
			n.Outputs = sdk.Schema{Type: "object", Properties: sdk.Properties{{Name: "text", Schema: sdk.Schema{Default: time.Second}}}}
		},
		"example 1 needs a Title and HCL": func(n *sdk.NodeType) { n.Examples = []sdk.Example{{Title: "x", HCL: " "}} },
		`example "x" does not use it`:     func(n *sdk.NodeType) { n.Examples = []sdk.Example{{Title: "x", HCL: `node "a.b" "c" {}`}} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			said := record(t, func(tb testing.TB) { Suite{}.run(tb, pluginOf(good, change), full) })
			if !strings.Contains(said, want) {
				t.Errorf("the suite said %q", said)
			}
		})
	}
}

// unsteady describes itself differently each time.
type unsteady struct {
	sdk.Node
	calls atomic.Int32
}

func (u *unsteady) Type() sdk.NodeType {
	nt := u.Node.Type()
	nt.Revision = strconv.Itoa(int(u.calls.Add(1)))
	return nt
}

func TestUnsteadyNodeType(t *testing.T) {
	t.Parallel()
	p := pluginOf(good, nil)
	p.Nodes[0] = &unsteady{Node: p.Nodes[0]}
	p.Description = ""
	said := record(t, func(tb testing.TB) { Suite{}.run(tb, p, full) })
	for _, want := range []string{"describes itself differently each time", "plugin fake has no Description"} {
		if !strings.Contains(said, want) {
			t.Errorf("the suite said %q, not %q", said, want)
		}
	}
}
