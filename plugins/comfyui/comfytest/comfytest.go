// Package comfytest is a ComfyUI for tests: the routes, frames and races of the real one, as they were observed, and real pictures made from
// sizes and seeds. One prompt runs at a time.
package comfytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// Server is one ComfyUI. Its fields are set before the first request.
type Server struct {
	// Old: 0.3 has no jobs, and interrupts whatever runs.
	Old bool
	// Deaf: sockets are refused.
	Deaf bool
	// Key, when set, has to stand in the header Authorization.
	Key string
	// Drops cuts sockets after so many messages; 0: none.
	Drops int
	// Checkpoints that it has.
	Checkpoints []string

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
	s.wake, s.ended, s.files, s.sockets, s.quit, s.gate = sync.NewCond(&s.mu), map[string]*job{}, map[string][]byte{}, map[string]*socket{}, make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /ws": s.ws, "POST /prompt": s.prompt, "GET /prompt": s.waiting, "GET /queue": s.queue, "POST /queue": s.unqueue, "POST /interrupt": s.interrupt,
		"GET /history/{id}": s.history, "GET /view": s.view, "POST /upload/image": s.upload, "GET /object_info/{class}": s.info, "GET /system_stats": s.stats,
		"GET /models": s.folders, "GET /models/{folder}": s.models, "POST /free": s.free, "POST /api/jobs/{id}/cancel": s.cancel,
	} {
		mux.HandleFunc(pattern, h)
	}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || s.Key != "" && r.Header.Get("Authorization") != s.Key {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	}))
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
		if bytes.Contains(data, []byte("supports_preview_metadata")) {
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
	answer(w, 200, map[string]any{"prompt_id": j.id, "number": s.next, "node_errors": map[string]any{}})
	s.mu.Unlock()
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
	item := func(j *job) []any { return []any{1, j.id, j.graph, map[string]any{}, []any{}} }
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
		http.NotFound(w, r)
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

func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("class")
	c, ok := classes(s.Checkpoints)[name]
	if !ok {
		answer(w, 200, map[string]any{})
		return
	}
	answer(w, 200, map[string]any{name: c})
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request) {
	version := "0.38.1"
	if s.Old {
		version = "0.3.64"
	}
	answer(w, 200, map[string]any{"system": map[string]any{"os": "posix", "comfyui_version": version, "python_version": "3.12", "pytorch_version": "2.9.0+cpu", "ram_total": 1 << 34},
		"devices": []any{map[string]any{"name": "cpu", "type": "cpu", "index": 0, "vram_total": 1 << 34, "vram_free": 1 << 33}}})
}

func (s *Server) folders(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, []string{"loras", "checkpoints"})
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("folder") {
	case "checkpoints":
		answer(w, 200, s.Checkpoints)
	case "loras":
		answer(w, 200, []string{})
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) free(_ http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freed++
}

// work runs prompts, one after the other.
func (s *Server) work() {
	for {
		s.mu.Lock()
		for len(s.pending) == 0 {
			select {
			case <-s.quit:
				s.mu.Unlock()
				return
			default:
			}
			s.wake.Wait()
		}
		j := s.pending[0]
		s.pending = s.pending[1:]
		s.running = j
		s.mu.Unlock()
		s.perform(j)
	}
}

// tell sends a message to the prompt's client, or to nobody.
func (s *Server) tell(j *job, kind string, data map[string]any) {
	s.mu.Lock()
	k := s.sockets[j.client]
	data["prompt_id"] = j.id
	j.messages = append(j.messages, []any{kind, data})
	s.mu.Unlock()
	if k != nil {
		k.send(httptest.NewRequest("GET", "/", nil), kind, data, s.Drops)
	}
}

// perform runs one prompt. The history has it only after the last message.
func (s *Server) perform(j *job) {
	s.tell(j, "execution_start", map[string]any{})
	s.tell(j, "execution_cached", map[string]any{"nodes": []string{}})
	values := map[string]any{}
	status := "success"
	for _, id := range order(j.graph) {
		s.tell(j, "executing", map[string]any{"node": id, "display_node": id})
		v, out, err := s.node(j, id, values)
		if err == nil && s.stopped(j) {
			s.tell(j, "execution_interrupted", map[string]any{"node_id": id, "node_type": j.graph[id].Class})
			status = "error"
			break
		}
		if err != nil {
			s.tell(j, "execution_error", map[string]any{"node_id": id, "node_type": j.graph[id].Class, "exception_message": err.Error(), "exception_type": kindOf(err), "traceback": []string{"  File \"nodes.py\", line 1\n"}})
			status = "error"
			break
		}
		values[id] = v
		if out != nil {
			s.mu.Lock()
			j.outputs[id] = out
			s.mu.Unlock()
			s.tell(j, "executed", map[string]any{"node": id, "output": out})
		}
	}
	if status == "success" {
		s.tell(j, "execution_success", map[string]any{})
	}
	s.mu.Lock()
	k := s.sockets[j.client]
	j.status = status
	if j.id != "lost" {
		s.ended[j.id] = j
	}
	s.running = nil
	s.mu.Unlock()
	if k != nil {
		k.send(httptest.NewRequest("GET", "/", nil), "executing", map[string]any{"node": nil, "prompt_id": j.id}, s.Drops)
	}
}

func (s *Server) stopped(j *job) bool { s.mu.Lock(); defer s.mu.Unlock(); return j.interrupted }

// oom is what torch says.
type oom struct{}

func (oom) Error() string { return "CUDA out of memory. Tried to allocate 20.00 GiB" }

func kindOf(err error) string {
	if errors.Is(err, oom{}) {
		return "torch.OutOfMemoryError"
	}
	return "RuntimeError"
}

// order gives the ids so that links lead backwards.
func order(g map[string]*node) (ids []string) {
	var visit func(id string)
	visit = func(id string) {
		if g[id] == nil || slices.Contains(ids, id) {
			return
		}
		for _, input := range slices.Sorted(maps.Keys(g[id].Inputs)) {
			if l, ok := g[id].Inputs[input].([]any); ok && len(l) == 2 {
				visit(fmt.Sprint(l[0]))
			}
		}
		ids = append(ids, id)
	}
	for _, id := range slices.Sorted(maps.Keys(g)) {
		visit(id)
	}
	return ids
}

func whole(v any) int {
	n, _ := strconv.ParseFloat(fmt.Sprint(v), 64)
	return int(n)
}

// node runs one node: what it hands on, and what it shows.
func (s *Server) node(j *job, id string, values map[string]any) (any, map[string]any, error) {
	n := j.graph[id]
	in := func(name string) any {
		if l, ok := n.Inputs[name].([]any); ok && len(l) == 2 {
			return values[fmt.Sprint(l[0])]
		}
		return n.Inputs[name]
	}
	switch n.Class {
	case "EmptyImage", "EmptyLatentImage":
		return paint(whole(in("width")), whole(in("height")), "0", whole(in("batch_size"))), nil, nil
	case "ImageScaleBy":
		p, _ := in("image").(pictures)
		f, _ := strconv.ParseFloat(fmt.Sprint(in("scale_by")), 64)
		return paint(int(float64(p.w)*f), int(float64(p.h)*f), p.seed, p.n), nil, nil
	case "KSampler":
		p, _ := in("latent_image").(pictures)
		for step := range whole(in("steps")) {
			s.tell(j, "progress", map[string]any{"node": id, "value": step + 1, "max": whole(in("steps"))})
			s.look(j, id)
		}
		return paint(p.w, p.h, fmt.Sprint(in("seed")), p.n), nil, nil
	case "VAEDecode":
		return in("samples"), nil, nil
	case "VAEEncode":
		return in("pixels"), nil, nil
	case "LoadImage":
		s.mu.Lock()
		data := s.files["input/"+strings.Replace(fmt.Sprint(in("image")), "/", "/", 1)]
		s.mu.Unlock()
		c, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return nil, nil, fmt.Errorf("cannot identify image file %v", in("image"))
		}
		return paint(c.Width, c.Height, "0", 1), nil, nil
	case "SaveImage", "PreviewImage":
		p, _ := in("images").(pictures)
		kind := map[string]string{"SaveImage": "output", "PreviewImage": "temp"}[n.Class]
		var all []any
		for k := range p.n {
			name := fmt.Sprintf("%v_%s_%05d_.png", in("filename_prefix"), j.id[:8], k+1)
			s.mu.Lock()
			s.files[kind+"//"+name] = p.png(k)
			s.mu.Unlock()
			all = append(all, map[string]any{"filename": name, "subfolder": "", "type": kind})
		}
		return nil, map[string]any{"images": all}, nil
	case "FakeFilm":
		s.mu.Lock()
		s.files["output/films/a.mp4"], s.files["output//b.wav"], s.files["output//c.bin"] = []byte("film"), []byte("sound"), []byte("data")
		s.mu.Unlock()
		at := func(name, folder string) []any {
			return []any{map[string]any{"filename": name, "subfolder": folder, "type": "output"}}
		}
		return nil, map[string]any{"gifs": at("a.mp4", "films"), "audio": at("b.wav", ""), "latents": at("c.bin", ""), "text": []any{"one", "two"}}, nil
	case "FakeFail":
		return nil, nil, fmt.Errorf("mat1 and mat2 shapes cannot be multiplied")
	case "FakeOOM":
		return nil, nil, oom{}
	case "FakeWait":
		s.mu.Lock()
		defer s.mu.Unlock()
		done := make(chan struct{})
		go func() {
			select {
			case <-s.gate:
			case <-s.quit:
			}
			close(done)
			s.mu.Lock()
			s.wake.Broadcast()
			s.mu.Unlock()
		}()
		for !j.interrupted {
			select {
			case <-done:
				return nil, nil, nil
			default:
			}
			s.wake.Wait()
		}
		return nil, nil, nil
	}
	return nil, nil, nil
}

// look sends a preview: described ones to who asked for them.
func (s *Server) look(j *job, id string) {
	s.mu.Lock()
	k := s.sockets[j.client]
	s.mu.Unlock()
	if k == nil {
		return
	}
	small := paint(8, 8, "1", 1).png(0)
	k.mu.Lock()
	describe := k.describe
	k.mu.Unlock()
	frame := []byte{0, 0, 0, 1, 0, 0, 0, 2}
	if describe {
		d, _ := json.Marshal(map[string]any{"node_id": id, "prompt_id": j.id, "image_type": "image/png"})
		frame = append([]byte{0, 0, 0, 4, 0, 0, byte(len(d) >> 8), byte(len(d))}, d...)
	}
	k.write(httptest.NewRequest("GET", "/", nil), websocket.MessageBinary, append(frame, small...), s.Drops)
}

// pictures are n pictures of one size; what is in them follows from the seed.
type pictures struct {
	w, h, n int
	seed    string
}

func paint(w, h int, seed string, n int) pictures {
	return pictures{max(1, w), max(1, h), max(1, n), seed}
}

func (p pictures) png(k int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	sum := k
	for _, b := range []byte(p.seed) {
		sum = sum*31 + int(b)
	}
	for y := range p.h {
		for x := range p.w {
			m.Set(x, y, color.RGBA{uint8(x*255/p.w + sum), uint8(y*255/p.h + sum*7), uint8(sum * 13), 255})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

// classes are what object_info says, in the older and the newer way of writing choices.
func classes(checkpoints []string) map[string]any {
	class := func(output bool, required, optional map[string]any) map[string]any {
		return map[string]any{"input": map[string]any{"required": required, "optional": optional}, "output_node": output, "python_module": "nodes"}
	}
	link := func(kind string) []any { return []any{kind} }
	number := func(kind string, low, high any) []any { return []any{kind, map[string]any{"min": low, "max": high}} }
	size := number("INT", 1, 16384)
	text := []any{"STRING", map[string]any{"multiline": true}}
	return map[string]any{
		"CheckpointLoaderSimple": class(false, map[string]any{"ckpt_name": []any{checkpoints, map[string]any{"tooltip": "x"}}}, nil),
		"LoraLoader":             class(false, map[string]any{"model": link("MODEL"), "clip": link("CLIP"), "lora_name": []any{[]string{}}, "strength_model": number("FLOAT", -100, 100), "strength_clip": number("FLOAT", -100, 100)}, nil),
		"CLIPTextEncode":         class(false, map[string]any{"text": text, "clip": link("CLIP")}, nil),
		"EmptyLatentImage":       class(false, map[string]any{"width": size, "height": size, "batch_size": number("INT", 1, 4096)}, nil),
		"KSampler": class(false, map[string]any{"model": link("MODEL"), "positive": link("CONDITIONING"), "negative": link("CONDITIONING"), "latent_image": link("LATENT"), "seed": number("INT", 0, uint64(1<<64-1)),
			"steps": number("INT", 1, 10000), "cfg": number("FLOAT", 0, 100), "sampler_name": []any{"COMBO", map[string]any{"options": []string{"euler", "dpmpp_2m"}}}, "scheduler": []any{[]string{"normal", "karras"}}, "denoise": number("FLOAT", 0, 1)}, nil),
		"VAEDecode":    class(false, map[string]any{"samples": link("LATENT"), "vae": link("VAE")}, nil),
		"VAEEncode":    class(false, map[string]any{"pixels": link("IMAGE"), "vae": link("VAE")}, nil),
		"LoadImage":    class(false, map[string]any{"image": []any{[]string{"example.png"}, map[string]any{"image_upload": true}}}, nil),
		"EmptyImage":   class(false, map[string]any{"width": size, "height": size, "batch_size": number("INT", 1, 4096)}, map[string]any{"color": number("INT", 0, 16777215)}),
		"ImageScaleBy": class(false, map[string]any{"image": link("IMAGE"), "upscale_method": []any{[]string{"lanczos"}}, "scale_by": number("FLOAT", 0.01, 8)}, nil),
		"SaveImage":    class(true, map[string]any{"images": link("IMAGE"), "filename_prefix": text}, nil),
		"PreviewImage": class(true, map[string]any{"images": link("IMAGE")}, nil),
		"FakeFilm":     class(true, nil, nil), "FakeFail": class(true, nil, nil), "FakeOOM": class(true, nil, nil), "FakeWait": class(true, nil, nil), "FakeRefused": class(true, nil, nil), "FakeSilent": class(true, nil, nil),
	}
}
