package progress

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

var update = flag.Bool("update", false, "rewrite what journals come to, and the picture in ARCHITECTURE.md")

// journals are recorded, each with the shape of its run. They are never rewritten: later versions must read them.
//
//	first  by the first version that wrote journals at all, before modules, gates and the queue
//	every  by hosts of which one was killed: every kind of event
var journals = []string{"first", "every"}

// readJournal gives the lines of a recorded journal, and the shape of its run.
func readJournal(t testing.TB, name string) (lines [][]byte, shape run.Shape) {
	t.Helper()
	path := filepath.Join("testdata", "journals", name)
	raw, err := os.ReadFile(path + ".shape.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(path + ".jsonl"); err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(raw), []byte("\n")), shape
}

// TestJournals reads what earlier versions wrote: it decodes without a loss, and comes to what it came to.
func TestJournals(t *testing.T) {
	t.Parallel()
	for _, name := range journals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, shape := readJournal(t, name)
			s := New(shape)
			for k, raw := range lines {
				e, err := run.Decode(raw)
				if err != nil {
					t.Fatalf("event %d: %v", k+1, err)
				}
				again, err := e.Encode()
				if err != nil || !sameJSON(t, raw, again) {
					t.Errorf("event %d was %s and is %s: %v", k+1, raw, again, err)
				}
				if _, err := s.Fold(e); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, filepath.Join("testdata", "journals", name+".golden"), summary(s))
		})
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it, but an old journal should come to what it came to):\n%s", file, got)
	}
}

// summary tells a state to a person: a line for the run and one for each node and instance.
func summary(s *State) string {
	var b strings.Builder
	value := func(x any) string {
		raw, err := json.Marshal(x)
		if err != nil {
			return err.Error()
		}
		return string(raw)
	}
	fmt.Fprintf(&b, "%s %s of %s by %s, event %d\n", s.ID, s.Status, s.Pipeline, s.Owner, s.Seq)
	fmt.Fprintf(&b, "created %s, updated %s, ended %s, deadline %s\n", value(s.Created), value(s.Updated), value(s.Ended), value(s.Deadline))
	fmt.Fprintf(&b, "inputs %s, outputs %s %s, error %s, priority %d, seed %d\n", value(s.Inputs), value(s.Outputs), s.OutputsRef, value(s.Error), s.Priority, s.Seed)
	s.Walk(func(n *Node) {
		fmt.Fprintf(&b, "%s/%s %s %s\n", n.Frame.Path, n.Name, n.State, n.Keys)
		for _, i := range n.Instances {
			fmt.Fprintf(&b, "  %s %s, tries %d, lost %d, rung %d, seed %d, started %s, ended %s, checkpoint %q\n", strings.TrimPrefix(s.Address(i).String(), string(s.ID)+"/"),
				i.State, i.Tries, i.Lost, i.Rung, i.Seed, value(i.Started), value(i.Ended), i.Checkpoint)
			fmt.Fprintf(&b, "    outputs %s %s, self %s %s, edits %s, ask %s %s, source %q, error %s\n", value(i.Outputs), i.OutputsRef, value(i.Self), i.SelfRef,
				value(i.Edits), i.Ask, i.AskRef, i.Source, value(i.Error))
		}
	})
	return b.String()
}

// TestEveryKindIsRecorded: an event kind is the dearest change. A new one stands in the list, and in a recorded journal.
func TestEveryKindIsRecorded(t *testing.T) {
	t.Parallel()
	recorded := map[run.Kind]bool{}
	for _, name := range journals {
		lines, _ := readJournal(t, name)
		for _, raw := range lines {
			e, err := run.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			recorded[e.Kind] = true
		}
	}
	for _, k := range run.Kinds() {
		if !recorded[k] {
			t.Errorf("no journal in testdata/journals has a %s: record one, and add it to journals", k)
		}
	}
	if n := declaredKinds(t); n != len(run.Kinds()) {
		t.Errorf("event.go declares %d kinds, and %d are in the list kinds", n, len(run.Kinds()))
	}
}

// declaredKinds counts the constants of type Kind.
func declaredKinds(t *testing.T) (n int) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "event.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(x ast.Node) bool {
		if v, ok := x.(*ast.ValueSpec); ok {
			if name, ok := v.Type.(*ast.Ident); ok && name.Name == "Kind" {
				n += len(v.Names)
			}
		}
		return true
	})
	return n
}

// TestUnknownEventIsRefused: what a later version wrote is not guessed at; the message says what to do.
func TestUnknownEventIsRefused(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"kind":"node_dreamt","v":1}`: `event "node_dreamt" version 1 was written by a later version of spinbot; upgrade to read this run`,
		`{"kind":"run_ended","v":2}`:   `event "run_ended" version 2 was written by a later version of spinbot; upgrade to read this run`,
	} {
		var unknown *run.UnknownEventError
		if _, err := run.Decode([]byte(raw)); !errors.As(err, &unknown) || err.Error() != want {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{`{"kind":`, `{"seq":-1}`, `null x`, `{"kind":"run_ended","v":1,"in":"node.a"}`} {
		if _, err := run.Decode([]byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "damaged event: ") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
