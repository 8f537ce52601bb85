package main

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/ollama/ollamatest"
	"github.com/myspinbot/spinbot/sdk"
)

// rig runs tasks by hand.
type rig struct {
	*server
	mu      sync.Mutex
	reports []sdk.Report
}

func newRig(t testing.TB, more in) *rig {
	t.Helper()
	var c config
	if err := sdk.Bind(more, &c); err != nil {
		t.Fatal(err)
	}
	r := &rig{server: &server{}}
	if err := r.configure(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) task(t testing.TB) *sdk.Task {
	return sdk.Task{Scratch: t.TempDir()}.WithReporter(func(rep sdk.Report) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reports = append(r.reports, rep)
	})
}

// times says how many reports hold a text.
func (r *rig) times(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rep := range r.reports {
		if strings.Contains(rep.Message, text) {
			n++
		}
	}
	return n
}

// told says whether a report holds a text.
func (r *rig) told(text string) bool { return r.times(text) > 0 }

func (r *rig) ask(ctx context.Context, t testing.TB, model string) (chatOut, error) {
	return r.chat(ctx, chatIn{common: common{Model: model}, Prompt: "x", wanted: wanted{Think: "auto", Tries: 1}}, r.task(t))
}

// until waits until something holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestOptions: every option reaches Ollama under its name, temperature too, and what is none is refused before a run begins.
func TestOptions(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	node := chatNode(r.server)
	given := map[string]any{"temperature": json.Number("0.25"), "num_ctx": json.Number("2048"), "top_p": json.Number("0.5"), "stop": []any{"END"}, "seed": json.Number("7"),
		"num_gpu": json.Number("0"), "use_mmap": false, "tfs_z": json.Number("1")}
	inputs := in{"model": "tiny", "prompt": "x", "options": given, "keep_alive": "90s", "think": "high"}
	if wrong := node.Type().Inputs.Check(inputs); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	task := r.task(t)
	task.Inputs = inputs
	if _, err := node.Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"temperature": 0.25, "num_ctx": 2048.0, "top_p": 0.5, "stop": []any{"END"}, "seed": 7.0, "num_gpu": 0.0, "use_mmap": false, "tfs_z": 1.0}
	if got := s.Last(); !reflect.DeepEqual(got["options"], want) || got["keep_alive"] != 90.0 || got["think"] != "high" {
		t.Errorf("Ollama got %v", got)
	}
	if wrong := node.Type().Inputs.Check(in{"prompt": "x", "options": map[string]any{"temprature": 1}}); len(wrong) != 1 {
		t.Errorf("an unknown option: %v", wrong)
	}
}

// TestPictures: what is given as pictures goes with the prompt.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	pic := []sdk.Artifact{file(t, "a.png", "PNG")}
	if _, err := r.chat(t.Context(), chatIn{common: common{Model: "tiny"}, Prompt: "x", Images: pic}, r.task(t)); err != nil {
		t.Fatal(err)
	}
	messages, _ := s.Last()["messages"].([]any)
	if len(messages) != 1 || !reflect.DeepEqual(messages[0].(map[string]any)["images"], []any{"UE5H"}) {
		t.Errorf("a chat got %v", s.Last())
	}
	if _, err := r.generate(t.Context(), generateIn{common: common{Model: "tiny"}, Prompt: "x", Images: pic}, r.task(t)); err != nil || !reflect.DeepEqual(s.Last()["images"], []any{"UE5H"}) {
		t.Errorf("%v: a completion got %v", err, s.Last())
	}
}

// overdue is a context whose time is up once done is closed, however long that takes on a busy machine.
type overdue struct {
	context.Context
	done chan struct{}
}

func (o overdue) Done() <-chan struct{} { return o.done }

func (o overdue) Err() error {
	select {
	case <-o.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestSlow: a task whose time is up, or that is stopped, says where it stood: starting to load, loaded, or after so many words.
func TestSlow(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	for model, want := range map[string]string{"stalls": "stalls spoke: ", "heavy": "while heavy was loaded"} {
		for cause, end := range map[sdk.Cause]func(context.Context) (context.Context, context.CancelFunc){
			sdk.CauseHung: func(ctx context.Context) (context.Context, context.CancelFunc) {
				o := overdue{ctx, make(chan struct{})}
				return o, func() { close(o.done) }
			},
			sdk.CauseCancelled: context.WithCancel,
		} {
			r := newRig(t, in{"url": s.URL()})
			ctx, cancel := end(t.Context())
			got := make(chan error, 1)
			go func() { _, err := r.ask(ctx, t, model); got <- err }()
			until(t, model+" is under way", func() bool { return r.told("w0") || r.told("loading heavy") })
			cancel()
			var e *sdk.Error
			if err := <-got; !errors.As(err, &e) || e.Cause != cause || !strings.Contains(e.Message, want) {
				t.Errorf("%s: %+v, want %s with %q", model, e, cause, want)
			}
		}
	}
}

// TestColdLoad: a load says that it goes on, again and again; one that takes too long fails and says how long it may take.
func TestColdLoad(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	if _, err := newRig(t, in{"url": s.URL(), "load_timeout": "100ms"}).ask(t.Context(), t, "heavy"); err == nil || !strings.Contains(err.Error(), "did not load heavy in 100ms") {
		t.Errorf("a load without end: %v", err)
	}
	r := newRig(t, in{"url": s.URL()})
	got := make(chan error, 1)
	go func() { _, err := r.ask(t.Context(), t, "heavy"); got <- err }()
	until(t, "two reports of the load", func() bool { return r.times("loading heavy: ") >= 2 })
	s.Go()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestReports: the versions of server and model are told, and the text is shown as it grows.
func TestReports(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	if _, err := r.ask(t.Context(), t, "tiny"); err != nil {
		t.Fatal(err)
	}
	if u := r.reports[0].Usage; u == nil || u.Versions["ollama"] != "0.17.4" || u.Versions["tiny"] != "abc" || u.Versions[sdk.LicenceOf("tiny")] != "LLAMA 3.2 COMMUNITY LICENSE" {
		t.Errorf("versions: %+v", u)
	}
	if first, last := r.reports[1].Message, r.reports[len(r.reports)-1].Message; first != "w0" || last != "w0 w1 w2 w3 w4 w5 w6 w7" {
		t.Errorf("it began with %q and ended with %q", first, last)
	}
}

// TestDown: what is wrong with a server is said in words, with what to do.
func TestDown(t *testing.T) {
	t.Parallel()
	locked := (&ollamatest.Server{Key: "Bearer x"}).Start(t)
	empty := (&ollamatest.Server{Empty: true}).Start(t)
	for url, want := range map[string]string{"http://user:secret@127.0.0.1:1": "cannot be reached", locked.URL(): "answered /api/tags with 401", empty.URL(): "has none installed"} {
		r := newRig(t, in{"url": url})
		_, err := r.ask(t.Context(), t, "")
		if e := sdk.AsError(err); err == nil || !strings.Contains(e.Message, want) || e.Hint == "" || strings.Contains(e.Error(), "secret") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	got := make(chan error, 1)
	go func() { _, err := r.ask(t.Context(), t, "stalls"); got <- err }()
	until(t, "it speaks", func() bool { return r.told("w0") })
	s.Die()
	if err := <-got; err == nil || !strings.Contains(err.Error(), "was cut off") {
		t.Errorf("killed midway: %v", err)
	}
	for _, c := range []config{{URL: ""}, {URL: "127.0.0.1:11434"}, {URL: "ftp://x"}, {URL: "http://x", KeepAlive: "soon"}, {URL: "http://x", Registry: "x"},
		{URL: "http://x", Headers: map[string]string{"a": "b"}, Managed: true}} {
		if c.LoadTimeout = time.Second; c.Registry == "" {
			c.Registry = "http://x"
		}
		if err := (&server{}).configure(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestCauses: memory that is out is told apart, what another attempt may mend is tried again, and nothing else is.
func TestCauses(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	for model, want := range map[string]sdk.Error{
		"large": {Cause: sdk.CauseOOM}, "crashes": {Cause: sdk.CauseOOM}, "busy": {Cause: sdk.CauseFailed}, "broken": {Cause: sdk.CauseFailed}, "cut": {Cause: sdk.CauseFailed},
		"html": {Cause: sdk.CauseFailed}, "embed": {Cause: sdk.CauseFailed, Permanent: true}, "nope": {Cause: sdk.CauseFailed, Permanent: true},
	} {
		_, err := newRig(t, in{"url": s.URL()}).ask(t.Context(), t, model)
		if e := sdk.AsError(err); e == nil || e.Cause != want.Cause || e.Permanent != want.Permanent {
			t.Errorf("%s: %+v", model, e)
		}
	}
}

// TestChosen: a node that names no model gets the newest one that does what it wants, or the plugin's.
func TestChosen(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	if out, err := r.ask(t.Context(), t, ""); err != nil || out.Model != "tiny" || !r.told("it gets tiny") {
		t.Errorf("a chat got %q, %v", out.Model, err)
	}
	if out, err := r.embed(t.Context(), embedIn{Texts: []string{"x"}}, r.task(t)); err != nil || out.Model != "embed" {
		t.Errorf("an embedding got %q, %v", out.Model, err)
	}
	if out, err := newRig(t, in{"url": s.URL(), "model": "thinks"}).ask(t.Context(), t, ""); err != nil || out.Model != "thinks" {
		t.Errorf("with one in the configuration: %q, %v", out.Model, err)
	}
}

// TestResident: what is loaded is listed as tasks call it, stays while a task uses it, and goes when it is told to.
func TestResident(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL()})
	got := make(chan error, 1)
	go func() { _, err := r.ask(t.Context(), t, "stalls:latest"); got <- err }()
	until(t, "it is in use", func() bool {
		all, err := r.resident(t.Context())
		return err == nil && len(all) == 1 && all[0].Name == "stalls:latest" && all[0].InUse && all[0].Memory == 1500
	})
	for _, name := range []string{"", "stalls", "stalls:latest"} {
		if err := r.unload(t.Context(), name); err == nil {
			t.Errorf("%q was unloaded while in use", name)
		}
	}
	s.Go()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := r.unload(t.Context(), "stalls"); err != nil {
		t.Error(err)
	}
	if all, err := r.resident(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("afterwards: %v, %v", all, err)
	}
}

// TestPull: the size is said before anything is loaded, and a pull that breaks off goes on.
func TestPull(t *testing.T) {
	t.Parallel()
	s := (&ollamatest.Server{}).Start(t)
	r := newRig(t, in{"url": s.URL(), "registry": s.URL()})
	if _, err := r.pull(t.Context(), pullIn{Model: "new"}, r.task(t)); err != nil {
		t.Fatal(err)
	}
	last := -1.0
	for _, rep := range r.reports {
		if rep.Kind == sdk.ReportProgress {
			if rep.Fraction >= 0 && rep.Fraction < last {
				t.Errorf("progress went back from %v to %v", last, rep.Fraction)
			}
			last = rep.Fraction
		}
	}
	if r.reports[0].Message != "new has 3 MiB" || last != 1 || !r.told("goes on at 1 MiB") || !r.told("goes on at 2 MiB") {
		t.Errorf("%+v", r.reports)
	}
}

// TestInline: thinking is parted however its marks are cut into pieces.
func TestInline(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"<think>a b</think>\n\nc": {"c", "a b"}, "  <think>a</think>": {"", "a"}, "a <think>b</think>": {"a <think>b</think>", ""}, "<thinking": {"<thinking", ""}, "<thi": {"<thi", ""},
		"<think>a < b </thin": {"", "a < b </thin"}, "": {"", ""}, "x": {"x", ""}, "<think></think>x</think>": {"x</think>", ""},
	} {
		for size := 1; size <= len(text)+1; size++ {
			r := reply{t: &sdk.Task{}}
			for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
				p, _ := json.Marshal(map[string]any{"response": rest[:min(size, len(rest))]})
				if err := r.take(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.take([]byte(`{"done":true}`)); err != nil {
				t.Fatal(err)
			}
			if got := [2]string{r.text.String(), r.thinking.String()}; got != want {
				t.Errorf("%q by %d: %q, want %q", text, size, got, want)
			}
		}
	}
}
