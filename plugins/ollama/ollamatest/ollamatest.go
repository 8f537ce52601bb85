// Package ollamatest is an Ollama for tests: the routes that the plugin uses, with the answers, statuses and faults of the real one as they
// were observed. Start gives it; Real starts the real program with a tiny model instead.
package ollamatest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is one Ollama. Its fields are set before Start. Its models, and what they do:
//
//	tiny       says "w0 w1 …", num_predict words or 8; holds to a format; embeds
//	embed      embeds only
//	thinks     thinks apart when it is asked to, else between <think> and </think>
//	stubborn   answers a format with prose first, and right when it is asked again
//	hopeless   always answers with prose, vague with JSON of another type
//	calls      wants the first of its tools called, with what that takes, and says what came of it; clumsy first makes a mistake
//	broken     answers 500; large, that it needs more memory; busy, 503
//	crashes    breaks off with an error, cut without one, html is what stands before an Ollama
//	stalls     says two words, and no more until Go
//	heavy      is not loaded before Go
type Server struct {
	// Key, when set, has to stand in the header Authorization.
	Key string
	// Empty: nothing is installed.
	Empty bool
	// Size is what a loaded model takes of a device, in bytes; 0: 1500.
	Size int64
	// Card, when set, is told of each model that is loaded and unloaded. Its error when one is loaded means that there is no room.
	Card func(model string, loads bool) error

	http *httptest.Server
	gate chan struct{}
	once sync.Once

	mu     sync.Mutex
	loaded map[string]bool
	made   map[string]map[string]any // models of /api/create, by name
	blobs  map[string][]byte
	pulled map[string]int // bytes that have come
	last   map[string]any // the newest request of a chat, completion or embedding
	asked  int            // how many of those there were, loads apart
}

var names = []string{"tiny", "embed", "thinks", "stubborn", "hopeless", "vague", "calls", "clumsy", "broken", "large", "busy", "crashes", "cut", "html", "stalls", "heavy"}

// PullSize is how large the model "new" is that can be pulled. Each pull brings a third of it and breaks off, the last but the end.
const PullSize = 3 << 20

// Start starts it; it ends with the test.
func (s *Server) Start(t testing.TB) *Server {
	s.gate, s.loaded, s.made, s.blobs, s.pulled = make(chan struct{}), map[string]bool{}, map[string]map[string]any{}, map[string][]byte{}, map[string]int{}
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /api/version": s.version, "GET /api/tags": s.tags, "GET /api/ps": s.ps, "POST /api/show": s.show, "POST /api/chat": s.chat, "POST /api/generate": s.chat,
		"POST /api/embed": s.embed, "POST /api/pull": s.pull, "POST /api/create": s.create, "HEAD /api/blobs/{digest}": s.blob, "POST /api/blobs/{digest}": s.upload,
		"GET /v2/library/{name}/manifests/{tag}": s.manifest,
	} {
		mux.HandleFunc(pattern, h)
	}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Key != "" && r.Header.Get("Authorization") != s.Key && !strings.HasPrefix(r.URL.Path, "/v2/") {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "unauthorized"})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Go(); s.http.Close() })
	return s
}

// URL is its address.
func (s *Server) URL() string { return s.http.URL }

// Go lets stalls and heavy go on, from now on.
func (s *Server) Go() { s.once.Do(func() { close(s.gate) }) }

// Die ends all connections, as a server that is killed does, and takes no more.
func (s *Server) Die() { s.http.Listener.Close(); s.http.CloseClientConnections() }

// Last gives the newest request of a chat, completion or embedding that was no load.
func (s *Server) Last() map[string]any { s.mu.Lock(); defer s.mu.Unlock(); return s.last }

// Asked says how many of those there were.
func (s *Server) Asked() int { s.mu.Lock(); defer s.mu.Unlock(); return s.asked }

// Blob gives what was uploaded last as an adapter of a model.
func (s *Server) Blob(model string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	adapters, _ := s.made[full(model)]["adapters"].(map[string]any)
	for _, digest := range adapters {
		return s.blobs[digest.(string)]
	}
	return nil
}

func full(name string) string {
	if !strings.Contains(name, ":") {
		name += ":latest"
	}
	return name
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func body(r *http.Request) (m map[string]any) {
	_ = json.NewDecoder(r.Body).Decode(&m)
	return m
}

func (s *Server) version(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, map[string]any{"version": "0.17.4"})
}

// has says whether a model is installed; s.mu is held.
func (s *Server) has(name string) bool {
	name = full(name)
	return !s.Empty && slices.Contains(names, strings.TrimSuffix(name, ":latest")) || s.made[name] != nil || s.pulled[name] >= PullSize
}

func (s *Server) tags(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []map[string]any{}
	add := func(name string, age int) {
		family := "llama"
		if name == "embed:latest" {
			family = "nomic-bert"
		}
		all = append(all, map[string]any{"name": name, "model": name, "size": 1000, "digest": "abc", "modified_at": time.Date(2026, 1, 1, 0, 0, -age, 0, time.UTC),
			"details": map[string]any{"family": family, "parameter_size": "108K", "quantization_level": "F16"}})
	}
	for i, name := range names {
		if !s.Empty {
			add(full(name), i)
		}
	}
	for name := range s.made {
		add(name, 1000)
	}
	for name, n := range s.pulled {
		if n >= PullSize {
			add(name, 2000)
		}
	}
	slices.Reverse(all) // the order is the reader's affair
	answer(w, 200, map[string]any{"models": all})
}

func (s *Server) ps(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []map[string]any{}
	for name := range s.loaded {
		all = append(all, map[string]any{"name": name, "model": name, "size": s.size() + 500, "size_vram": s.size()})
	}
	answer(w, 200, map[string]any{"models": all})
}

func (s *Server) size() int64 { return cmp.Or(s.Size, 1500) }

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	in := body(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := fmt.Sprint(in["model"]); !s.has(name) {
		answer(w, 404, map[string]any{"error": fmt.Sprintf("model '%s' not found", name)})
		return
	}
	answer(w, 200, map[string]any{"capabilities": []string{"completion"}, "license": "LLAMA 3.2 COMMUNITY LICENSE\nand so on", "model_info": map[string]any{
		"general.architecture": "llama", "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2}})
}

// load makes a model resident, or says why not.
func (s *Server) load(w http.ResponseWriter, r *http.Request, name string) bool {
	s.mu.Lock()
	has := s.has(name)
	s.mu.Unlock()
	switch {
	case !has:
		answer(w, 404, map[string]any{"error": fmt.Sprintf("model '%s' not found", name)})
		return false
	case name == "large":
		answer(w, 500, map[string]any{"error": "model requires more system memory (40.0 GiB) than is available (3.1 GiB)"})
		return false
	case name == "busy":
		answer(w, 503, map[string]any{"error": "server busy, please try again.  maximum pending requests exceeded"})
		return false
	case name == "heavy":
		select {
		case <-s.gate:
		case <-r.Context().Done():
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Card != nil && !s.loaded[full(name)] && s.Card(full(name), true) != nil {
		answer(w, 500, map[string]any{"error": "llama runner process has terminated: cudaMalloc failed: out of memory"})
		return false
	}
	s.loaded[full(name)] = true
	return true
}

// drop takes a model out of memory.
func (s *Server) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Card != nil && s.loaded[name] {
		_ = s.Card(name, false)
	}
	delete(s.loaded, name)
}

func (s *Server) embed(w http.ResponseWriter, r *http.Request) {
	in := body(r)
	name := fmt.Sprint(in["model"])
	if !s.load(w, r, name) {
		return
	}
	texts, _ := in["input"].([]any)
	all := [][]float64{}
	for _, text := range texts {
		all = append(all, []float64{float64(len(text.(string))), 1, 0})
	}
	if len(texts) > 0 {
		s.note(in)
	}
	answer(w, 200, map[string]any{"model": name, "embeddings": all, "prompt_eval_count": len(texts)})
}

func (s *Server) note(in map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = in
	s.asked++
}

func (s *Server) manifest(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("name") != "new" {
		answer(w, 404, map[string]any{})
		return
	}
	answer(w, 200, map[string]any{"config": map[string]any{"size": 0}, "layers": []map[string]any{{"size": PullSize}}})
}

func (s *Server) pull(w http.ResponseWriter, r *http.Request) {
	name := full(fmt.Sprint(body(r)["model"]))
	e := json.NewEncoder(w)
	_ = e.Encode(map[string]any{"status": "pulling manifest"})
	if !strings.HasPrefix(name, "new:") && !strings.HasPrefix(name, "unlisted:") {
		_ = e.Encode(map[string]any{"error": "pull model manifest: file does not exist"})
		return
	}
	s.mu.Lock()
	s.pulled[name] = min(PullSize, s.pulled[name]+PullSize/3)
	n := s.pulled[name]
	s.mu.Unlock()
	_ = e.Encode(map[string]any{"status": "pulling aabbccdd", "digest": "sha256:aabbccdd", "total": PullSize, "completed": n})
	if n < PullSize {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_ = e.Encode(map[string]any{"status": "success"})
}

func (s *Server) blob(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs[r.PathValue("digest")] == nil {
		w.WriteHeader(404)
	}
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	sum := sha256.Sum256(raw)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if digest != r.PathValue("digest") {
		answer(w, 400, map[string]any{"error": "digest mismatch"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[digest] = raw
	w.WriteHeader(201)
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	in := body(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := json.NewEncoder(w)
	adapters, _ := in["adapters"].(map[string]any)
	for _, digest := range adapters {
		if s.blobs[fmt.Sprint(digest)] == nil {
			_ = e.Encode(map[string]any{"error": "no such blob", "status": 400})
			return
		}
	}
	s.made[full(fmt.Sprint(in["model"]))] = in
	_ = e.Encode(map[string]any{"status": "writing manifest"})
	_ = e.Encode(map[string]any{"status": "success"})
}
