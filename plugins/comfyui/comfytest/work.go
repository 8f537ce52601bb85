package comfytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"maps"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

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

// tell sends a message to the prompt's client, or to nobody. The history keeps those of the prompt as a whole.
func (s *Server) tell(j *job, kind string, data map[string]any) {
	s.mu.Lock()
	k := s.sockets[j.client]
	data["prompt_id"] = j.id
	if strings.HasPrefix(kind, "execution_") {
		data["timestamp"] = time.Now().UnixMilli()
		j.messages = append(j.messages, []any{kind, data})
	}
	s.mu.Unlock()
	if k != nil {
		k.send(httptest.NewRequest("GET", "/", nil), kind, data, s.Drops)
	}
}

// state tells how far a node is as 0.3.64 does, beside what older ones tell.
func (s *Server) state(j *job, id string, value, most int, state string) {
	if !s.Old {
		s.tell(j, "progress_state", map[string]any{"nodes": map[string]any{id: map[string]any{"value": value, "max": most, "state": state, "node_id": id, "prompt_id": j.id,
			"display_node_id": id, "parent_node_id": nil, "real_node_id": id}}})
	}
}

// status tells how many prompts wait and run; it names none.
func (s *Server) status(j *job, left int) {
	s.mu.Lock()
	k := s.sockets[j.client]
	s.mu.Unlock()
	if k != nil {
		k.send(httptest.NewRequest("GET", "/", nil), "status", map[string]any{"status": map[string]any{"exec_info": map[string]any{"queue_remaining": left}}}, s.Drops)
	}
}

// perform runs one prompt. The history has it only after the last message.
func (s *Server) perform(j *job) {
	s.status(j, 1)
	s.tell(j, "execution_start", map[string]any{})
	s.tell(j, "execution_cached", map[string]any{"nodes": []string{}})
	values := map[string]any{}
	status := "success"
	for _, id := range order(j.graph) {
		s.state(j, id, 0, 1, "running")
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
	s.status(j, 0)
	if k != nil {
		k.send(httptest.NewRequest("GET", "/", nil), "executing", map[string]any{"node": nil, "prompt_id": j.id}, s.Drops)
	}
}

func (s *Server) stopped(j *job) bool { s.mu.Lock(); defer s.mu.Unlock(); return j.interrupted }

// oom is what torch says.
type oom struct{}

func (oom) Error() string { return "CUDA out of memory. Tried to allocate 20.00 GiB" }

// noRAM is what torch says where the machine's memory is full: it has no kind of its own.
type noRAM struct{}

func (noRAM) Error() string {
	return "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)\n"
}

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
	case "CheckpointLoaderSimple":
		return nil, nil, s.load(fmt.Sprint(in("ckpt_name")))
	case "EmptyImage", "EmptyLatentImage", "FakeCanvas": // the last is of no ComfyUI: only its server knows its inputs
		return paint(whole(in("width")), whole(in("height")), "0", whole(in("batch_size"))), nil, nil
	case "ImageScaleBy":
		p, _ := in("image").(pictures)
		f, _ := strconv.ParseFloat(fmt.Sprint(in("scale_by")), 64)
		return paint(int(float64(p.w)*f), int(float64(p.h)*f), p.seed, p.n), nil, nil
	case "KSampler":
		p, _ := in("latent_image").(pictures)
		for step := range whole(in("steps")) {
			s.state(j, id, step+1, whole(in("steps")), "running")
			s.look(j, id)
			s.tell(j, "progress", map[string]any{"node": id, "value": step + 1, "max": whole(in("steps"))})
		}
		return paint(p.w, p.h, fmt.Sprint(in("seed")), p.n), nil, nil
	case "VAEDecode":
		return in("samples"), nil, nil
	case "VAEEncode":
		return in("pixels"), nil, nil
	case "LoadImage":
		s.mu.Lock()
		data := s.files["input/"+fmt.Sprint(in("image"))]
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
	case "FakeUploads", "FakeGroup": // say what they were given
		var said []any
		s.mu.Lock()
		for _, input := range slices.Sorted(maps.Keys(n.Inputs)) {
			name := fmt.Sprint(n.Inputs[input])
			said = append(said, fmt.Sprint(input, " ", len(s.files["input/"+name]), " ", path.Ext(name)))
		}
		s.mu.Unlock()
		return nil, map[string]any{"text": said}, nil
	case "FakeFilm":
		s.mu.Lock()
		s.files["output/films/a.mp4"], s.files["output//b.wav"], s.files["output//c.bin"] = []byte("film"), []byte("sound"), []byte("data")
		s.mu.Unlock()
		at := func(name, folder string) []any {
			return []any{map[string]any{"filename": name, "subfolder": folder, "type": "output"}}
		}
		film := at("a.mp4", "films")
		film[0].(map[string]any)["frame_rate"], film[0].(map[string]any)["fullpath"] = 24, "/srv/comfy/output/films/a.mp4"
		return nil, map[string]any{"gifs": film, "audio": at("b.wav", ""), "latents": at("c.bin", ""), "text": []any{"one", "two"}, "animated": []any{true}, "3d": "not a list"}, nil
	case "FakeFail":
		return nil, nil, fmt.Errorf("mat1 and mat2 shapes cannot be multiplied")
	case "FakeDisk":
		return nil, nil, fmt.Errorf("[Errno 28] No space left on device: '/srv/comfy/output/x.png'")
	case "FakeRAM":
		return nil, nil, noRAM{}
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
