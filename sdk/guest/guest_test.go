package guest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

var full = sdk.Task{
	Address: sdk.Address{
		Run: "run_1", Modules: []sdk.Step{{Kind: "module", Name: "m", Iter: 2}, {Kind: "module", Name: "n", Key: sdk.NumberKey(3)}},
		Node: sdk.Step{Kind: "node", Name: "shot", Key: sdk.TextKey("a/b")}, Attempt: 300, Calls: []int{1, 200}, Name: "x.png",
	},
	Type: "text.a", Owner: "o", Pipeline: "p", Checkpoint: []byte{0, 0xff}, Time: time.Unix(0, 0).UTC(), Deadline: time.Unix(1, 2).UTC(),
	Seed: math.MaxUint64, Inputs: sdk.Values{"n": json.Number("0.10"), "f": sdk.Artifact{Digest: "sha256:1", Path: "/in/1"}},
}

func TestTaskCrosses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ give, want sdk.Task }{
		"empty": {sdk.Task{}, sdk.Task{}},
		"full":  {full, full},
		"far away": {
			sdk.Task{Time: time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), Deadline: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)},
			sdk.Task{Time: time.Unix(0, math.MinInt64+1).UTC(), Deadline: time.Unix(0, math.MaxInt64).UTC()},
		},
		"long": {sdk.Task{Type: strings.Repeat("x", 1<<20)}, sdk.Task{Type: strings.Repeat("x", 1<<20)}},
	} {
		b, err := AppendTask([]byte("before"), &c.give)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeTask(b[len("before"):]); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if _, err := AppendTask(nil, &sdk.Task{Inputs: sdk.Values{"a": t}}); err == nil {
		t.Error("an input that is no value is taken")
	}
}

// TestCutOff: no part of a task or an outcome is taken for the whole.
func TestCutOff(t *testing.T) {
	t.Parallel()
	task, err := AppendTask(nil, &full)
	if err != nil {
		t.Fatal(err)
	}
	for i := range task {
		if got, err := DecodeTask(task[:i]); err == nil {
			t.Errorf("%d bytes of a task are %+v", i, got)
		}
	}
	for _, o := range []Outcome{{Outputs: sdk.Values{"a": "b"}}, {Err: sdk.Refuse("m", "h")}} {
		b := AppendOutcome(nil, o)
		for i := range b {
			if got, err := DecodeOutcome(b[:i]); err == nil {
				t.Errorf("%d bytes of an outcome are %+v", i, got)
			}
		}
	}
	for _, b := range []string{"\x02\x00", "\x01\x03\x00\x00\x00\x00\x00", "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if got, err := DecodeOutcome([]byte(b)); err == nil {
			t.Errorf("%q is %+v", b, got)
		}
	}
	task[0] = 2
	if _, err := DecodeTask(task); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("got %v", err)
	}
}

func TestOutcomeCrosses(t *testing.T) {
	t.Parallel()
	e := &sdk.Error{Cause: sdk.CauseOOM, Message: "m", Hint: "h", Permanent: true, Detail: "d"}
	for name, o := range map[string]Outcome{
		"nothing": {}, "empty": {Outputs: sdk.Values{}}, "outputs": {Outputs: full.Inputs},
		"failed": {Err: e}, "broken": {Err: sdk.Fail("m", ""), Broken: true}, "empty error": {Err: &sdk.Error{}},
	} {
		if got, err := DecodeOutcome(AppendOutcome([]byte("before"), o)[len("before"):]); err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	got, err := DecodeOutcome(AppendOutcome(nil, Outcome{Outputs: sdk.Values{"a": "\xff"}}))
	if err != nil || got.Err == nil || !got.Err.Permanent || got.Err.Message != "output a: text is not UTF-8" {
		t.Errorf("outputs that cannot be written: %+v, %v", got, err)
	}
}

func FuzzDecodeTask(f *testing.F) {
	seed, err := AppendTask(nil, &full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := DecodeTask(b)
		if err != nil {
			return
		}
		again, err := AppendTask(nil, &task)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", task, err)
		}
		if got, err := DecodeTask(again); err != nil || !reflect.DeepEqual(got, task) {
			t.Errorf("%+v became %+v, %v", task, got, err)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	f.Add(AppendOutcome(nil, Outcome{Outputs: full.Inputs}))
	f.Add(AppendOutcome(nil, Outcome{Err: sdk.Refuse("m", "h"), Broken: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeOutcome(b)
		if err != nil {
			return
		}
		if got, err := DecodeOutcome(AppendOutcome(nil, o)); err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v became %+v, %v", o, got, err)
		}
	})
}

type in struct {
	Text string
	How  string `spin:",optional"`
}

type out struct{ Text string }

type stringer struct{}

func (stringer) String() string { return "a stringer" }

// shout fails in the way that its input names.
func shout(_ context.Context, in in, t *sdk.Task) (out, error) {
	t.Progress(0.5, "half")
	t.Log("warn", "loud")
	switch in.How {
	case "fail":
		return out{}, errors.New("no voice")
	case "refuse":
		return out{}, sdk.Refuse("no voice", "drink tea")
	case "text":
		panic("text")
	case "error":
		panic(errors.New("an error"))
	case "number":
		panic(7)
	case "stringer":
		panic(stringer{})
	case "other":
		panic(struct{}{})
	}
	return out{strings.ToUpper(in.Text)}, nil
}

var plugin = sdk.Plugin{Name: "text", Version: "1.0.0", Description: "For tests", Nodes: []sdk.Node{
	sdk.NodeOf(sdk.NodeType{Name: "text.shout", Description: "Shouts"}, shout),
}}

func TestRun(t *testing.T) {
	t.Parallel()
	r := newRunner(plugin)
	for how, want := range map[string]Outcome{
		"":         {Outputs: sdk.Values{"text": "A"}},
		"fail":     {Err: sdk.Fail("no voice", "")},
		"refuse":   {Err: sdk.Refuse("no voice", "drink tea")},
		"text":     {Broken: true, Err: sdk.Fail("text.shout panicked: text", "this is a mistake in the node's code")},
		"error":    {Broken: true, Err: sdk.Fail("text.shout panicked: an error", "this is a mistake in the node's code")},
		"number":   {Broken: true, Err: sdk.Fail("text.shout panicked: 7", "this is a mistake in the node's code")},
		"stringer": {Broken: true, Err: sdk.Fail("text.shout panicked: a stringer", "this is a mistake in the node's code")},
		"other":    {Broken: true, Err: sdk.Fail("text.shout panicked: with a value of another type", "this is a mistake in the node's code")},
	} {
		if got := r.run(&sdk.Task{Type: "text.shout", Inputs: sdk.Values{"text": "a", "how": how}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v", how, got)
		}
	}
	o := r.run(&sdk.Task{Type: "text.absent"})
	if o.Err == nil || o.Err.Cause != sdk.CauseRefused || !o.Err.Permanent || o.Broken {
		t.Errorf("got %+v", o)
	}
}
