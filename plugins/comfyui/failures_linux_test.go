package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
	"github.com/myspinbot/spinbot/sdk"
)

// cut announces more than it sends, and breaks the connection.
func cut(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", "100000")
	fmt.Fprint(w, text)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// TestFailures: what a server does wrong, what is said of it, and whether another attempt may help.
func TestFailures(t *testing.T) {
	t.Parallel()
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { http.Error(w, "no, that is\nnot so", code) }
	}
	text := func(said string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { fmt.Fprint(w, said) }
	}
	for name, c := range map[string]struct {
		at    string // the beginning of the path, or all requests
		does  func(http.ResponseWriter)
		flow  string
		want  string
		hint  string
		last  bool
		cause sdk.Cause
	}{
		"500":                               {"/prompt", status(500), saved, "ComfyUI answered POST /prompt with 500: no, that is not so", "", false, ""},
		"503":                               {"/object_info/", status(503), saved, "answered GET /object_info/EmptyImage with 503", "", false, ""},
		"429":                               {"/prompt", status(429), saved, "with 429", "", false, ""},
		"404":                               {"/system_stats", status(404), saved, "answered GET /system_stats with 404", "", true, ""},
		"wrong key":                         {"", status(401), saved, "with 401", "set headers in the plugin's block", true, ""},
		"no JSON":                           {"/object_info/", text("<html>hello"), saved, "ComfyUI's answer to /object_info/EmptyImage cannot be read: invalid character '<'", "is that a ComfyUI server?", false, ""},
		"other JSON":                        {"/object_info/", text(`{"EmptyImage": [1]}`), saved, "what ComfyUI says of its class EmptyImage cannot be read", "is that a ComfyUI", false, ""},
		"no id":                             {"/prompt", text(`{"number": 1}`), saved, "gave it no id", "is that a ComfyUI", false, ""},
		"cut JSON":                          {"/system_stats", func(w http.ResponseWriter) { cut(w, `{"system": {`) }, saved, "cannot be read: unexpected EOF", "start ComfyUI", false, ""},
		"cut picture":                       {"/view", func(w http.ResponseWriter) { cut(w, "\x89PNG") }, saved, "broke: 000-", "start ComfyUI", false, ""},
		"empty picture":                     {"/view", text(""), saved, "gave an empty file", "try again", false, ""},
		"picture gone":                      {"/view", status(404), saved, "answered GET /view with 404", "", true, ""},
		"hangs up":                          {"/prompt", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, saved, "broke: EOF", "start ComfyUI", false, ""},
		"refused, and not said":             {"/prompt", status(400), saved, "ComfyUI refused the workflow: no, that is not so", "", true, ""},
		"a wrong value":                     {"none", nil, strings.Replace(saved, `"width": 32`, `"width": 99999`, 1), "width is 99999; it takes 1 to 16384", "set what is wrong in inputs", true, ""},
		"its disk is full":                  {"none", nil, graph("FakeDisk"), "The node (node 7, FakeDisk) failed: [Errno 28] No space left on device", "make room on the disk of ComfyUI's machine", false, ""},
		"its memory is full":                {"none", nil, graph("FakeOOM"), "CUDA out of memory", "smaller", false, sdk.CauseOOM},
		"its machine's memory is full":      {"none", nil, graph("FakeRAM"), "DefaultCPUAllocator: can't allocate memory", "smaller", false, sdk.CauseOOM},
		"a pack that is missing, or broken": {"none", nil, graph("Wav2Lip"), "lacks the node classes Wav2Lip", "one that is installed was not loaded: ComfyUI's log says why", true, ""},
		"a model that is missing":           {"none", nil, `{"1": {"class_type": "FakeLoader", "inputs": {"model": "infinite.safetensors"}}}`, `model is "infinite.safetensors", which is none of wan.safetensors`, "put the file into ComfyUI's models folder, or name one that is there", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := (&comfytest.Server{Meddle: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/ws" || !strings.HasPrefix(r.URL.Path, c.at) {
					return false
				}
				c.does(w)
				return true
			}}).Start(t)
			r := newRig(t, s.URL())
			_, err := r.workflow(t.Context(), workflowIn{Workflow: c.flow}, r.task(t, ""))
			e := sdk.AsError(err)
			if c.cause == "" {
				c.cause = sdk.CauseFailed
			}
			if e == nil || !strings.Contains(e.Message, c.want) || !strings.Contains(e.Hint, c.hint) || e.Permanent != c.last || e.Cause != c.cause {
				t.Errorf("%+v, want %q, %q", e, c.want, c.hint)
			}
		})
	}
}

// TestTooLarge: a file that the server, or what stands before it, does not take.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{Meddle: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/upload/image" {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		}
		return r.URL.Path == "/upload/image"
	}}).Start(t)
	r := newRig(t, s.URL())
	_, err := r.workflow(t.Context(), workflowIn{Workflow: saved, Files: map[string]sdk.Artifact{"1.image": picture(t, "dot.png", dot)}}, r.task(t, ""))
	if e := sdk.AsError(err); e == nil || !e.Permanent || !strings.Contains(e.Hint, "--max-upload-size") {
		t.Errorf("%+v", e)
	}
}

// TestSlow: a server that does not answer is waited for as long as the task may take, and then the task ends.
func TestSlow(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/system_stats", "/prompt", "/ws", "/view"} {
		asked, over := make(chan struct{}, 1), make(chan struct{})
		s := (&comfytest.Server{Meddle: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != path {
				return false
			}
			select {
			case asked <- struct{}{}:
			default:
			}
			<-over
			return true
		}}).Start(t)
		r := newRig(t, s.URL())
		r.poll = time.Millisecond
		ctx, stop := context.WithCancelCause(t.Context())
		got := make(chan error, 1)
		go func() {
			_, err := r.workflow(ctx, workflowIn{Workflow: saved}, r.task(t, ""))
			got <- err
		}()
		<-asked
		late := errors.New("it took too long")
		stop(late)
		if err := <-got; !errors.Is(err, late) {
			t.Errorf("%s: %v", path, err)
		}
		close(over)
	}
}

// TestGone: a server that goes away amid a prompt is asked again for a while; one that comes back is believed.
func TestGone(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		var asked atomic.Int32
		s := (&comfytest.Server{Deaf: true, Meddle: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/history") || back && asked.Add(1) > misses {
				return false
			}
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return true
		}}).Start(t)
		r := newRig(t, s.URL())
		r.poll = time.Millisecond
		_, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, r.task(t, ""))
		if e := sdk.AsError(err); back && err != nil || !back && (e == nil || e.Permanent || !strings.Contains(e.Message, "with 502")) {
			t.Errorf("back %t: %v", back, err)
		}
	}
}

// TestDiskFull: what a workflow made does not fit here.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	s := (&comfytest.Server{Meddle: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/view" {
			_, _ = w.Write(make([]byte, 1<<20))
		}
		return r.URL.Path == "/view"
	}}).Start(t)
	r := newRig(t, s.URL())
	task := r.task(t, "")
	if err := syscall.Mount("tmpfs", task.Scratch, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("SKIPPED: needs root, to mount a small tmpfs:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(task.Scratch, 0); err != nil {
			t.Error(err)
		}
	})
	_, err := r.workflow(t.Context(), workflowIn{Workflow: saved}, task)
	if e := sdk.AsError(err); e == nil || e.Permanent || !strings.Contains(e.Message, "no space left on device") || !strings.Contains(e.Hint, "make room on this machine's disk") {
		t.Errorf("%+v", e)
	}
}
