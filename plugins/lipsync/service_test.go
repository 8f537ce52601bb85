package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lipsync/drawn"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

// double is a lip-sync service that makes one film of everything.
type double struct {
	film   []byte
	rounds int // in which it still works; 0: it answers at once

	mu     sync.Mutex
	asked  int
	got    map[string]string
	called chan struct{} // closed when somebody gives up
}

func newDouble(t *testing.T, rounds int) (*double, *httptest.Server) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:s=64x48:d=1", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	film, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := &double{film: film, rounds: rounds, got: map[string]string{}, called: make(chan struct{})}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d, s
}

// ServeHTTP implements http.Handler.
func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch r.Method {
	case http.MethodDelete:
		close(d.called)
		return
	case http.MethodPost:
		form, err := r.MultipartReader()
		for err == nil {
			part, e := form.NextPart()
			if err = e; e == nil {
				raw, _ := io.ReadAll(part)
				d.got[part.FormName()] = string(raw)
			}
		}
	default:
		d.asked++
	}
	if d.asked < d.rounds {
		w.Header().Set("Location", "/films/1")
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"progress": %g, "message": "frame %d"}`, float64(d.asked)/float64(d.rounds), d.asked)
		return
	}
	w.Header().Set("Content-Type", "video/mp4")
	_, _ = w.Write(d.film)
}

func ofService(t *testing.T, ctx context.Context, url string, said func(sdk.Report)) (talkOut, error) {
	t.Helper()
	s := &stage{}
	if err := s.configure(config{Engines: map[string]program{"service": {URL: url}}}); err != nil {
		t.Fatal(err)
	}
	task := sdk.Task{Scratch: t.TempDir(), Seed: 7}
	return s.talk(ctx, talkIn{Portrait: portrait(t, drawn.Person, 64), Audio: tone(t, 0.2), Consent: true, Engine: "service", Height: 64, FPS: 25}, task.WithReporter(said))
}

// TestService: at once or asked again and again, what it sends is the film, and it got what it needs.
func TestService(t *testing.T) {
	t.Parallel()
	need(t)
	for _, rounds := range []int{0, 3} {
		d, s := newDouble(t, rounds)
		var said []string
		out, err := ofService(t, t.Context(), s.URL+"/talk", func(r sdk.Report) { said = append(said, r.Message) })
		if err != nil || out.Width != 64 || out.Seconds != 1 || out.Engine != "service" || out.Preview {
			t.Errorf("%+v, %v", out, err)
		}
		if rounds > 0 && !slices.Contains(said, "frame 1") {
			t.Errorf("it said %v", said)
		}
		if !strings.HasPrefix(d.got["portrait"], "\xff\xd8") || !strings.HasPrefix(d.got["audio"], "RIFF") || !strings.Contains(d.got["settings"], `"seed":7`) {
			t.Errorf("it got %d bytes, %d bytes, %s", len(d.got["portrait"]), len(d.got["audio"]), d.got["settings"])
		}
	}
}

// TestServiceCancelled: the service hears that nobody waits any more.
func TestServiceCancelled(t *testing.T) {
	t.Parallel()
	need(t)
	d, s := newDouble(t, 1<<30)
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := ofService(t, ctx, s.URL, func(r sdk.Report) {
		if r.Message == "frame 2" {
			cancel(&sdk.Error{Cause: sdk.CauseCancelled, Message: "cancelled by anna"})
		}
	})
	if err == nil || !strings.Contains(err.Error(), "by anna") {
		t.Error(err)
	}
	<-d.called
}

// TestServiceFails: each way in which it can go wrong is told, with what to do.
func TestServiceFails(t *testing.T) {
	t.Parallel()
	need(t)
	answer := func(status int, kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	for name, c := range map[string]struct {
		does      http.HandlerFunc
		want      string
		cause     sdk.Cause
		permanent bool
	}{
		"refused":       {answer(422, "application/json", `{"error": "no face is seen"}`), "refuses it (422): no face is seen", sdk.CauseFailed, true},
		"out of memory": {answer(500, "text/plain", "torch.OutOfMemoryError: CUDA out of memory"), "ran out of device memory", sdk.CauseOOM, false},
		"no room":       {answer(507, "text/plain", ""), "ran out of device memory", sdk.CauseOOM, false},
		"busy":          {answer(503, "text/plain", "come back later"), "answers 503: come back later", sdk.CauseFailed, false},
		"a page":        {answer(200, "text/html", "<h1>Welcome</h1>"), "sent \"text/html\" and no film: <h1>Welcome</h1>", sdk.CauseFailed, false},
		"no film":       {answer(200, "video/mp4", "what?"), "left a film that cannot be read", sdk.CauseFailed, false},
		"no place":      {answer(202, "text/plain", ""), "not where to ask for the film", sdk.CauseFailed, false},
		"another place": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.2/secrets")
			w.WriteHeader(202)
		}, "not where to ask for the film", sdk.CauseFailed, false},
		"dies": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "video/mp4")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "broke off", sdk.CauseFailed, false},
	} {
		s := httptest.NewServer(c.does)
		_, err := ofService(t, t.Context(), s.URL, func(sdk.Report) {})
		s.Close()
		var e *sdk.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) || e.Cause != c.cause || e.Permanent != c.permanent || e.Hint == "" {
			t.Errorf("%s: %#v", name, e)
		}
	}
	if _, err := ofService(t, t.Context(), "http://127.0.0.1:1/", func(sdk.Report) {}); err == nil || !strings.Contains(err.Error(), "cannot be asked") {
		t.Error(err)
	}
	if _, err := ofService(t, t.Context(), "", func(sdk.Report) {}); err == nil || !strings.Contains(err.Error(), "not known where the service is") {
		t.Error(err)
	}
	if err := (&stage{}).configure(config{Engines: map[string]program{"service": {URL: "localhost"}}}); err == nil || !strings.Contains(err.Error(), "is no address") {
		t.Error(err)
	}
}

// TestWorkflows: each is whole, its links lead somewhere, and what the node sets stands where it belongs.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	for engine, want := range map[string][]string{
		"wav2lip":      {"Wav2Lip", "VHS_VideoCombine"},
		"latentsync":   {"VideoLengthAdjuster", "LatentSyncNode"},
		"infinitetalk": {"MultiTalkWav2VecEmbeds", "WanVideoImageToVideoMultiTalk", "ImageResizeKJv2"},
	} {
		sdktest.Suite{Cases: []sdktest.Case{
			{Name: engine, Type: "lipsync.workflow", Inputs: sdk.Values{"engine": engine, "consent": true, "height": json.Number("640"), "seed": json.Number("7"), "prompt": "a poet"}, Want: func(t testing.TB, v sdk.Values) {
				var nodes map[string]step
				if err := json.Unmarshal([]byte(v["workflow"].(string)), &nodes); err != nil {
					t.Fatal(err)
				}
				var classes, titles []string
				for id, n := range nodes {
					classes, titles = append(classes, n.Class), append(titles, n.Meta.Title)
					for name, x := range n.Inputs {
						if link, ok := x.([]any); ok && (len(link) != 2 || nodes[fmt.Sprint(link[0])].Class == "") {
							t.Errorf("node %s: %s leads nowhere: %v", id, name, link)
						}
					}
					if n.Meta.Title == "Size" && n.Inputs["height"] != 640.0 {
						t.Errorf("size %v", n.Inputs)
					}
					if seed, has := n.Inputs["seed"]; has && seed != 7.0 {
						t.Errorf("seed %v", seed)
					}
				}
				for _, c := range append(want, "LoadImage", "LoadAudio") {
					if !slices.Contains(classes, c) {
						t.Errorf("no %s in %v", c, classes)
					}
				}
				slices.Sort(titles)
				if both := slices.Compact(slices.Clone(titles)); len(both) != len(titles) || !slices.Contains(titles, "Portrait") || !slices.Contains(titles, "Speech") {
					t.Errorf("titles %v", titles)
				}
			}},
			{Name: "without consent", Type: "lipsync.workflow", Inputs: sdk.Values{"engine": engine}, Fails: "nobody has said that they agreed"},
		}}.Run(t, plugin())
	}
}
