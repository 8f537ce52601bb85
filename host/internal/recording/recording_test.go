package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeHost has one run: its events, and artifacts by digest. It gives events in pages of three.
type fakeHost struct {
	state     string
	events    []run.Event
	artifacts map[string][]byte
}

func (h *fakeHost) Run(context.Context, string) (client.Run, error) {
	return client.Run{ID: "run_1", Pipeline: "film", State: h.state, Seq: uint64(len(h.events))}, nil
}

func (h *fakeHost) Events(_ context.Context, _ string, after uint64, _ int) (l client.EventList, err error) {
	for i := int(after); i < min(len(h.events), int(after)+3); i++ {
		e := h.events[i]
		e.Seq, e.V, e.Time = uint64(i+1), run.Version, time.Unix(int64(i), 0)
		raw, err := e.Encode()
		if err != nil {
			return l, err
		}
		l.Events = append(l.Events, client.Event{Seq: e.Seq, Data: raw})
	}
	return l, nil
}

func (h *fakeHost) Download(_ context.Context, digest string) (io.ReadCloser, error) {
	if raw, ok := h.artifacts[digest]; ok {
		return io.NopCloser(bytes.NewReader(raw)), nil
	}
	return nil, errors.New("no such artifact")
}

func (h *fakeHost) put(raw string) string {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(raw)))
	h.artifacts[digest] = []byte(raw)
	return digest
}

func (h *fakeHost) ended(node string, key sdk.Key, outputs sdk.Values, err *sdk.Error) {
	h.events = append(h.events, run.Event{Kind: run.AttemptEnded, Node: node, Key: key, Outputs: outputs, Error: err})
}

const source = `
pipeline "film" {}
node "fake.say" "speech" { for_each = [1, 2] }
node "fake.film" "film" {}
module "parts" { source = "./parts.hcl" }
`

const parts = `
pipeline "parts" {}
node "fake.say" "say" {}
`

// newHost has a run that was tried, resumed and came to an end.
func newHost(t *testing.T) *fakeHost {
	t.Helper()
	h := &fakeHost{state: "succeeded", artifacts: map[string][]byte{}}
	types := []sdk.NodeType{{Name: "fake.say", Inputs: sdk.Schema{Type: "object"}}, {Name: "fake.film", Inputs: sdk.Schema{Type: "object"}}}
	bundle, err := json.Marshal(pipeline.Bundle{File: "film.hcl", Files: map[string][]byte{"film.hcl": []byte(source), "parts.hcl": []byte(parts)}, Types: types})
	if err != nil {
		t.Fatal(err)
	}
	small := sdk.Artifact{Digest: h.put("small"), MediaType: "text/plain", Size: 5, Name: "a.txt"}
	large := sdk.Artifact{Digest: h.put("larger than the limit"), MediaType: "video/mp4", Size: 21, Name: "film.mp4"}
	big, err := sdk.Values{"video": large, "again": []any{large, small}}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h.events = []run.Event{{Kind: run.RunCreated, Run: "run_1", Bundle: h.put(string(bundle))}}
	h.ended("speech", sdk.NumberKey(0), nil, sdk.Fail("busy <1>", "wait"))
	h.ended("speech", sdk.NumberKey(1), nil, &sdk.Error{Cause: sdk.CauseLost, Message: "the host stopped"})
	h.ended("speech", sdk.NumberKey(0), sdk.Values{"text": small, "seconds": json.Number("1.50")}, nil)
	h.ended("film", sdk.Key{}, nil, sdk.Fail("no disk", ""))
	h.events = append(h.events, run.Event{Kind: run.RunEnded, Status: run.Failed}, run.Event{Kind: run.RunResumed})
	h.ended("speech", sdk.NumberKey(1), sdk.Values{}, nil)
	h.events = append(h.events, run.Event{Kind: run.AttemptEnded, Node: "film", OutputsRef: h.put(string(big))})
	in := run.Path{{Kind: "module", Name: "parts", Iter: 2}}
	h.events = append(h.events, run.Event{Kind: run.NodeCachedEvent, In: in, Node: "say", Outputs: sdk.Values{"text": "cached"}},
		run.Event{Kind: run.ModuleEnded, Node: "module.parts", Outputs: sdk.Values{}},
		run.Event{Kind: run.NodeDecided, Node: "speech", Key: sdk.NumberKey(2), Decision: run.Accept, Outputs: sdk.Values{"text": "by hand"}},
		run.Event{Kind: run.NodeDecided, Node: "speech", Key: sdk.NumberKey(3), Decision: run.Skip},
		run.Event{Kind: run.RunEnded, Status: run.Succeeded})
	return h
}

func TestRecord(t *testing.T) {
	t.Parallel()
	h, path := newHost(t), filepath.Join(t.TempDir(), "deep", "film.json")
	stale := filepath.Join(filepath.Dir(path), "film", strings.Repeat("ab", 32)+".txt")
	own := filepath.Join(filepath.Dir(path), "film", "notes.txt")
	for _, p := range []string{stale, own} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Record(t.Context(), h, "last")
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Write(t.Context(), h, path, 10)
	if err != nil || w != (Written{Copied: 1, Left: 1}) {
		t.Fatalf("wrote %+v, %v", w, err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an artifact of an earlier recording is left: %v", err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("somebody's file is gone: %v", err)
	}
	got, err := Read(path)
	if err != nil || got.Pipeline != "film" || got.Run != "run_1" || len(got.NodeTypes) != 2 || got.Path() != path {
		t.Fatalf("read %+v, %v", got, err)
	}
	if want := []string{"node.speech[0]", "node.film", "node.speech[1]", "module.parts~2/node.say", "node.speech[2]"}; !reflect.DeepEqual(got.Nodes(), want) {
		t.Errorf("recorded %v, want %v", got.Nodes(), want)
	}
	speech, _ := got.Find("node.speech[0]")
	if speech.Type != "fake.say" || len(speech.Attempts) != 2 || speech.Attempts[0].Error.Message != "busy <1>" || speech.Attempts[1].Outputs["seconds"] != json.Number("1.50") {
		t.Errorf("speech[0]: %+v", speech)
	}
	if other, _ := got.Find("node.speech[1]"); len(other.Attempts) != 1 || other.Attempts[0].Error != nil {
		t.Errorf("an attempt that was lost is recorded: %+v", other)
	}
	film, _ := got.Find("node.film")
	if len(film.Attempts) != 1 || film.Attempts[0].Error != nil {
		t.Fatalf("what failed before the run was resumed is recorded: %+v", film)
	}
	if _, ok := got.Find("node.other"); ok {
		t.Error("found what was not recorded")
	}
	restore(t, got, film.Attempts[0].Outputs)
}

// restore puts the artifacts that were copied into a store, and refuses those that were altered.
func restore(t *testing.T, r *Recording, outputs sdk.Values) {
	t.Helper()
	to, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Restore(t.Context(), outputs, to)
	if err != nil || !reflect.DeepEqual(got, outputs) {
		t.Fatalf("restored %v, %v, want %v", got, err, outputs)
	}
	small := got["again"].([]any)[1].(sdk.Artifact)
	if in, err := to.Open(t.Context(), small.Digest); err != nil {
		t.Error(err)
	} else {
		in.Close()
	}
	if _, err := to.Open(t.Context(), got["video"].(sdk.Artifact).Digest); err == nil {
		t.Error("an artifact that was too large is there")
	}
	if err := os.WriteFile(artifactFile(r.Path(), small), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Restore(t.Context(), outputs, to); err == nil || !strings.Contains(err.Error(), "altered since it was recorded") {
		t.Errorf("altered: %v", err)
	}
}

// TestSensitive: what is sealed is left out with its name, and a file that holds any is refused.
func TestSensitive(t *testing.T) {
	t.Parallel()
	h, path := newHost(t), filepath.Join(t.TempDir(), "film.json")
	sealed := sdk.Sealed{Token: "canary-token", Artifacts: []string{"sha256:aa"}}
	h.events = h.events[:1]
	h.ended("film", sdk.Key{}, sdk.Values{"open": "seen", "key": sealed, "deep": []any{map[string]any{"key": sealed}}}, nil)
	h.events = append(h.events, run.Event{Kind: run.RunEnded, Status: run.Succeeded})
	r, err := Record(t.Context(), h, "last")
	if err != nil {
		t.Fatal(err)
	}
	if w, err := r.Write(t.Context(), h, path, 10); err != nil || w != (Written{}) {
		t.Fatal(w, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || bytes.Contains(raw, []byte("canary")) || bytes.Contains(raw, []byte("sha256:aa")) {
		t.Errorf("%s %v", raw, err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	film, _ := got.Find("node.film")
	if a := film.Attempts[0]; !reflect.DeepEqual(a, Attempt{Outputs: sdk.Values{"open": "seen"}, Sensitive: []string{"deep", "key"}}) {
		t.Errorf("%+v", a)
	}
	if names := got.Sensitive("fake.film"); !reflect.DeepEqual(names, []string{"deep", "key"}) || got.Sensitive("fake.say") != nil {
		t.Error(names)
	}
	if err := os.WriteFile(path, bytes.Replace(raw, []byte(`"seen"`), []byte(`{"$sealed": "x"}`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "what node.film gave is sealed") {
		t.Error(err)
	}
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*fakeHost){
		"run_1 is running: only a run that has ended can be recorded": func(h *fakeHost) { h.state = "running" },
		"run_1: event 1: its pipeline: no such artifact":              func(h *fakeHost) { h.events[0].Bundle = "sha256:1" },
		"run_1: event 9: no such artifact":                            func(h *fakeHost) { h.events[8].OutputsRef = "sha256:1" },
		"upgrade to read this run":                                    func(h *fakeHost) { h.events[2].Kind = "of_a_later_host" },
	} {
		h := newHost(t)
		change(h)
		if _, err := Record(t.Context(), h, "last"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	h := newHost(t)
	r, err := Record(t.Context(), h, "last")
	if err != nil {
		t.Fatal(err)
	}
	h.artifacts, r.Results[0].Attempts[1].Outputs["text"] = nil, sdk.Artifact{Digest: "sha256:1", Size: 1}
	path := filepath.Join(t.TempDir(), "film.json")
	if _, err := r.Write(t.Context(), h, path, 10); err == nil || !strings.Contains(err.Error(), "node.speech[0]: no such artifact") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file though not all is there: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "film.json")
	if _, err := Read(path); err == nil || err.Error() != "there is no file "+path {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		`prose`:                              "is not a recorded file",
		`{"version": 7}`:                     "has version 7; this spinbot reads version 1",
		`{"version": 1, "node_types": [{}]}`: "a node type has no name",
		`{"version": 1, "results": [{"node": "node.x"}]}`: "nothing was recorded of node.x",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	listing := `{"version": 1, "node_types": [{"name": "a.b", "inputs": {"type": "object"}, "outputs": {"type": "object"}}]}`
	if err := os.WriteFile(path, []byte(listing), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := Read(path); err != nil || len(r.NodeTypes) != 1 || len(r.Nodes()) != 0 {
		t.Errorf("a listing of node types: %+v, %v", r, err)
	}
}
