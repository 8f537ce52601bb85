// Package comfytest is a ComfyUI for tests: the routes, frames and races of the real one, as they were observed, and real pictures made from
// sizes and seeds. One prompt runs at a time.
package comfytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// Server is one ComfyUI. Its fields are set before the first request.
type Server struct {
	// Old: 0.3 has no jobs, interrupts whatever runs, and does not describe its previews.
	Old bool
	// Deaf: sockets are refused.
	Deaf bool
	// Mute: prompts are taken, and what they are called is never said.
	Mute bool
	// Key, when set, has to stand in the header Authorization.
	Key string
	// Drops cuts sockets after so many messages; 0: none.
	Drops int
	// Checkpoints that it has.
	Checkpoints []string
	// Models are folders of models: what lies in their checkpoints and loras it has, too.
	Models []string
	// Device is what it says that it computes on; empty: cpu.
	Device string
	// RAM has it compute in the machine's memory, all of which it then says is its own.
	RAM bool
	// Meddle, when set, sees each request first; true: it has answered it.
	Meddle func(w http.ResponseWriter, r *http.Request) bool
	// Version that it says it has; empty: 0.38.1, or 0.3.64 when Old.
	Version string
	// Packs are versions of node packs, as ComfyUI-Manager tells them; nil: there is no Manager. The classes Fake… are of fake-pack.
	Packs map[string]string
	// Lacks, when set, gives classes that it does not have.
	Lacks func() []string
	// Size is what a loaded checkpoint takes of a device, in bytes.
	Size int64
	// Card, when set, is told of each checkpoint that is loaded and unloaded. Its error when one is loaded means that there is no room.
	Card func(model string, loads bool) error

	http *httptest.Server
	quit chan struct{}

	mu      sync.Mutex
	wake    *sync.Cond
	next    int
	pending []*job
	running *job
	ended   map[string]*job
	files   map[string][]byte // by type/subfolder/name
	sockets map[string]*socket
	freed   int
	loaded  string        // the checkpoint in memory
	gate    chan struct{} // FakeWait waits for it
	posted  int
}

type job struct {
	id, client  string
	graph       map[string]*node
	outputs     map[string]map[string]any
	messages    [][]any
	status      string
	interrupted bool
}

type node struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"`
}

type socket struct {
	conn     *websocket.Conn
	describe bool
	sent     int
	mu       sync.Mutex
}

// Start starts it; it ends with the test.
func (s *Server) Start(t testing.TB) *Server {
	s.http = httptest.NewServer(s.handler())
	var worker sync.WaitGroup
	worker.Go(s.work)
	t.Cleanup(func() {
		close(s.quit)
		s.mu.Lock()
		s.wake.Broadcast()
		for _, k := range s.sockets {
			_ = k.conn.CloseNow()
		}
		s.mu.Unlock()
		worker.Wait()
		s.http.Close()
	})
	return s
}

// handler has all routes, each also under /api.
func (s *Server) handler() http.Handler {
	s.wake, s.ended, s.files, s.sockets, s.quit, s.gate = sync.NewCond(&s.mu), map[string]*job{}, map[string][]byte{}, map[string]*socket{}, make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /ws": s.ws, "POST /prompt": s.prompt, "GET /prompt": s.waiting, "GET /queue": s.queue, "POST /queue": s.unqueue, "POST /interrupt": s.interrupt,
		"GET /history/{id}": s.history, "GET /view": s.view, "POST /upload/image": s.upload, "GET /object_info": s.info, "GET /object_info/{class}": s.info, "GET /system_stats": s.stats,
		"GET /models": s.folders, "GET /models/{folder}": s.models, "POST /free": s.free, "GET /customnode/installed": s.packs, "POST /jobs/{id}/cancel": s.cancel,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api"+path, h)
		if path != "/jobs/{id}/cancel" {
			mux.HandleFunc(pattern, h)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || s.Key != "" && r.Header.Get("Authorization") != s.Key {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if s.Meddle == nil || !s.Meddle(w, r) {
			mux.ServeHTTP(w, r)
		}
	})
}

// URL is its address.
func (s *Server) URL() string { return s.http.URL }

// Freed says how often memory was freed.
func (s *Server) Freed() int { s.mu.Lock(); defer s.mu.Unlock(); return s.freed }

// Posted says how many prompts were taken.
func (s *Server) Posted() int { s.mu.Lock(); defer s.mu.Unlock(); return s.posted }

// Go lets the nodes FakeWait go on, all there will be.
func (s *Server) Go() { close(s.gate) }

// Forget loses the queue and the history, as a restart does.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending, s.ended = nil, map[string]*job{}
	if s.running != nil {
		s.running.interrupted = true
		s.running.id = "lost"
	}
}

// Runs says whether a prompt runs, and how many wait.
func (s *Server) Runs() (bool, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil, len(s.pending)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Server) ws(w http.ResponseWriter, r *http.Request) {
	if s.Deaf {
		http.Error(w, "no sockets here", http.StatusBadGateway)
		return
	}
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	k := &socket{conn: c}
	client := r.URL.Query().Get("clientId")
	s.mu.Lock()
	s.sockets[client] = k // messages go to the last socket of a client
	s.mu.Unlock()
	k.send(r, "status", map[string]any{"sid": client}, 0)
	for {
		_, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if !s.Old && bytes.Contains(data, []byte("supports_preview_metadata")) {
			k.send(r, "feature_flags", map[string]any{"supports_preview_metadata": true, "max_upload_size": 100 << 20}, 0)
			k.mu.Lock()
			k.describe = true
			k.mu.Unlock()
		}
	}
}

func (k *socket) send(r *http.Request, kind string, data map[string]any, drops int) {
	raw, _ := json.Marshal(map[string]any{"type": kind, "data": data})
	k.write(r, websocket.MessageText, raw, drops)
}

func (k *socket) write(r *http.Request, kind websocket.MessageType, raw []byte, drops int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sent++; drops > 0 && k.sent > drops {
		_ = k.conn.CloseNow()
		return
	}
	_ = k.conn.Write(r.Context(), kind, raw)
}

func (s *Server) prompt(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Prompt   map[string]*node `json:"prompt"`
		ClientID string           `json:"client_id"`
	}
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		answer(w, 400, map[string]any{"error": map[string]any{"type": "no_prompt", "message": "No prompt provided", "details": ""}})
		return
	}
	for id, n := range body.Prompt {
		if n.Class == "FakeRefused" {
			answer(w, 400, map[string]any{"error": map[string]any{"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""},
				"node_errors": map[string]any{id: map[string]any{"class_type": n.Class, "errors": []any{map[string]any{"type": "custom_validation_failed", "message": "Custom validation failed", "details": "never"}}}}})
			return
		}
	}
	s.mu.Lock()
	s.next++
	s.posted++
	j := &job{id: fmt.Sprintf("%08d-0000-4000-8000-000000000000", s.next), client: body.ClientID, graph: body.Prompt, outputs: map[string]map[string]any{}}
	s.pending = append(s.pending, j)
	s.wake.Broadcast()
	id, number := j.id, s.next
	s.mu.Unlock()
	if s.Mute {
		<-r.Context().Done()
		return
	}
	answer(w, 200, map[string]any{"prompt_id": id, "number": number, "node_errors": map[string]any{}})
}

func (s *Server) waiting(w http.ResponseWriter, _ *http.Request) {
	runs, waits := s.Runs()
	if runs {
		waits++
	}
	answer(w, 200, map[string]any{"exec_info": map[string]any{"queue_remaining": waits}})
}

func (s *Server) queue(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item := func(j *job) []any { return []any{1, j.id, j.graph, map[string]any{"client_id": j.client}, []any{}} }
	running, pending := []any{}, []any{}
	if s.running != nil {
		running = append(running, item(s.running))
	}
	for _, j := range s.pending {
		pending = append(pending, item(j))
	}
	answer(w, 200, map[string]any{"queue_running": running, "queue_pending": pending})
}

func (s *Server) unqueue(_ http.ResponseWriter, r *http.Request) {
	var body struct{ Delete []string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(j *job) bool { return slices.Contains(body.Delete, j.id) })
}

func (s *Server) interrupt(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		ID string `json:"prompt_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil && (s.Old || body.ID == "" || body.ID == s.running.id) {
		s.running.interrupted = true
		s.wake.Broadcast()
	}
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request) {
	if s.Old {
		http.Error(w, "405: Method Not Allowed", http.StatusMethodNotAllowed) // not 404: it has a route of that form for GET
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(j *job) bool { return j.id == r.PathValue("id") })
	if s.running != nil && s.running.id == r.PathValue("id") {
		s.running.interrupted = true
		s.wake.Broadcast()
	}
	answer(w, 200, map[string]any{"cancelled": true})
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.ended[r.PathValue("id")]
	if j == nil {
		answer(w, 200, map[string]any{})
		return
	}
	answer(w, 200, map[string]any{j.id: map[string]any{"outputs": j.outputs, "status": map[string]any{"status_str": j.status, "completed": j.status == "success", "messages": j.messages}, "meta": map[string]any{}}})
}

func (s *Server) view(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	data, ok := s.files[q.Get("type")+"/"+q.Get("subfolder")+"/"+q.Get("filename")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind := "application/octet-stream"
	switch {
	case strings.HasSuffix(q.Get("filename"), ".png"):
		kind = "image/png"
	case strings.HasSuffix(q.Get("filename"), ".mp4"):
		kind = "video/mp4"
	case strings.HasSuffix(q.Get("filename"), ".wav"):
		kind = "audio/wav"
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(data)
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	f, head, err := r.FormFile("image")
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	data, err := io.ReadAll(f)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	s.mu.Lock()
	s.files["input/"+r.FormValue("subfolder")+"/"+head.Filename] = data
	s.mu.Unlock()
	answer(w, 200, map[string]any{"name": head.Filename, "subfolder": r.FormValue("subfolder"), "type": "input"})
}
