package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/myspinbot/spinbot/plugins/comfyui/api"
	"github.com/myspinbot/spinbot/plugins/comfyui/prompt"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	// poll is how often a prompt is asked for while no socket tells how it goes, and misses how often in a row the server may not answer then.
	poll   = time.Second
	misses = 30
	// silence is how long a socket may tell nothing before the prompt is asked for: messages go to the last socket of a client only, and
	// what stands between may lose them.
	silence = 15 * time.Second
	// letGo is how long the server may take to be told that a prompt is not wanted any more.
	letGo = 10 * time.Second
)

// run is one prompt on its way through the server.
type run struct {
	s      *server
	c      *api.Client
	t      *sdk.Task
	p      prompt.Prompt
	id     string // of the prompt; empty: none was given, or nobody has heard yet
	client string // of the socket
	asked  bool   // a prompt was sent
	seen   progress
	looks  previews
}

// entry is what the server's history says of a prompt that has ended.
type entry struct {
	Outputs map[string]map[string]any `json:"outputs"`
	Status  struct {
		Text     string              `json:"status_str"`
		Messages [][]json.RawMessage `json:"messages"`
	} `json:"status"`
}

const failedStatus = "error"

// noMemory are words of errors that mean that a device has no memory left, or the machine: of PyTorch and ComfyUI for the first, of PyTorch, Python
// and NumPy for the second.
var noMemory = []string{"outofmemory", "out of memory", "allocation on device", "defaultcpuallocator: can't allocate memory", "memoryerror"}

// perform queues the prompt, follows it to its end, and gives what the server has of it. An earlier attempt's prompt that still runs, or has
// ended since, is taken up.
func (s *server) perform(ctx context.Context, c *api.Client, t *sdk.Task, p prompt.Prompt) (*entry, error) {
	r := &run{s: s, c: c, t: t, p: p, client: "spinbot-" + rand.Text(), seen: progress{p: p, t: t, done: map[string]bool{}}, looks: previews{t: t}}
	defer s.hold(p.Models())()
	e, err := r.perform(ctx)
	if err != nil {
		if ctx.Err() != nil {
			r.cancel(ctx)
		}
		return nil, s.failure(ctx, c, err)
	}
	return e, r.failed(e)
}

func (r *run) perform(ctx context.Context) (*entry, error) {
	if e, over, err := r.takeUp(ctx); over {
		return e, err
	}
	// The socket comes first: a short prompt may end before one that comes later.
	socket, err := r.c.Listen(ctx, r.client)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.t.Log("warn", "no socket to ComfyUI: "+api.Plain(err)+"; its progress is not shown")
	}
	if err := r.queue(ctx); err != nil {
		if socket != nil {
			_ = socket.CloseNow()
		}
		return nil, err
	}
	return r.follow(ctx, socket)
}

// takeUp goes on with the prompt of an earlier attempt, unless that failed, or was another one: inputs may have changed since.
func (r *run) takeUp(ctx context.Context) (e *entry, over bool, err error) {
	before := strings.Fields(string(r.t.Checkpoint))
	if len(before) != 3 {
		return nil, false, nil
	}
	mine := r.client
	r.id, r.client = before[0], before[1] // what is told of it goes there
	e, here, err := r.look(ctx)
	switch {
	case err != nil:
		return nil, true, err
	case before[2] != r.p.Digest() && here:
		r.cancel(ctx)
	case before[2] == r.p.Digest() && here:
		r.t.Log("info", "ComfyUI still has the prompt of the attempt before: it goes on")
		e, err = r.follow(ctx, nil)
		return e, true, err
	case before[2] == r.p.Digest() && e != nil && e.Status.Text != failedStatus:
		return e, true, nil
	}
	r.id, r.client = "", mine
	return nil, false, nil
}

// queue gives the prompt to the server.
func (r *run) queue(ctx context.Context) error {
	var got struct {
		ID     string                     `json:"prompt_id"`
		Errors map[string]json.RawMessage `json:"node_errors"`
	}
	r.asked = true
	err := r.c.Ask(ctx, http.MethodPost, "/prompt", nil, map[string]any{"prompt": r.p, "client_id": r.client}, &got)
	var a *api.Answered
	if errors.As(err, &a) && a.Status == http.StatusBadRequest {
		return r.p.Refused(a.Body)
	}
	if err != nil {
		return err
	}
	if got.ID == "" {
		return sdk.Fail("ComfyUI took the prompt and gave it no id", "is that a ComfyUI, and not what stands before it?")
	}
	r.id = got.ID
	r.t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte(r.id + " " + r.client + " " + r.p.Digest())})
	if len(got.Errors) > 0 { // it runs what else there is
		raw, _ := json.Marshal(map[string]any{"node_errors": got.Errors})
		r.t.Log("warn", r.p.Refused(raw).Error())
	}
	return nil
}

// look asks for the prompt: its entry when it has ended, and whether it still waits or runs.
func (r *run) look(ctx context.Context) (*entry, bool, error) {
	for range 2 { // it may move from the queue to the history between two questions
		var history map[string]*entry
		if err := r.c.Ask(ctx, http.MethodGet, "/history/"+r.id, nil, nil, &history); err != nil {
			return nil, false, err
		}
		if e := history[r.id]; e != nil {
			return e, false, nil
		}
		waits, runs, err := r.inQueue(ctx)
		if waits || runs || err != nil {
			return nil, waits || runs, err
		}
	}
	return nil, false, nil
}

// inQueue says whether the prompt waits, or runs. One whose id was never heard is known by who sent it.
func (r *run) inQueue(ctx context.Context) (waits, runs bool, err error) {
	var q struct {
		Running [][]any `json:"queue_running"`
		Pending [][]any `json:"queue_pending"`
	}
	err = r.c.Ask(ctx, http.MethodGet, "/queue", nil, nil, &q)
	mine := func(item []any) bool { // number, id, prompt, what was sent with it, outputs
		if len(item) > 3 && r.id == "" {
			if with, _ := item[3].(map[string]any); with["client_id"] == r.client {
				r.id, _ = item[1].(string)
			}
		}
		return len(item) > 1 && item[1] == r.id
	}
	return slices.ContainsFunc(q.Pending, mine), slices.ContainsFunc(q.Running, mine), err
}

// follow waits until the prompt has ended. Without a socket, or when it breaks, it asks, and tries to have one again.
func (r *run) follow(ctx context.Context, socket *websocket.Conn) (*entry, error) {
	defer func() {
		if socket != nil {
			_ = socket.CloseNow()
		}
	}()
	for lost := 0; ; {
		if socket != nil { // which was there before the prompt, or before the last look
			over, err := r.hear(ctx, socket)
			if !over && ctx.Err() == nil {
				r.t.Log("debug", "the socket to ComfyUI broke: "+api.Plain(err))
			}
			_ = socket.CloseNow()
			socket = nil
		}
		e, here, err := r.look(ctx)
		switch {
		case e != nil:
			return e, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			if lost++; lost > misses || r.s.running() == nil { // a managed one that has died does not come back by waiting
				return nil, err
			}
		case !here:
			if lost++; lost > 2 {
				return nil, sdk.Fail("ComfyUI has lost the prompt: it was started again, or somebody removed it from its queue", "try again")
			}
		default:
			lost = 0
			if socket, _ = r.c.Listen(ctx, r.client); socket != nil { // else it is asked for
				if e, _, _ := r.look(ctx); e != nil { // it may have ended meanwhile
					return e, nil
				}
				continue
			}
		}
		if !pause(ctx, r.s.poll) {
			return nil, ctx.Err()
		}
	}
}

// pause waits; false: it is over.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// hear takes in what the server tells until the prompt has ended: over. Its history knows of the prompt after that only.
func (r *run) hear(ctx context.Context, socket *websocket.Conn) (over bool, err error) {
	for {
		patient, done := context.WithTimeout(ctx, silence)
		kind, data, err := socket.Read(patient)
		done()
		if err != nil {
			return false, err
		}
		if kind == websocket.MessageBinary {
			r.looks.take(r.id, data)
			continue
		}
		var m message
		if json.Unmarshal(data, &m) != nil || m.Data.Prompt != "" && m.Data.Prompt != r.id {
			continue // of another prompt, or none that is known here
		}
		if r.seen.take(m) {
			return true, nil
		}
	}
}

// failed says why a prompt that has ended did not end well.
func (r *run) failed(e *entry) error {
	if e == nil || e.Status.Text != failedStatus {
		return nil
	}
	for _, m := range slices.Backward(e.Status.Messages) {
		var kind string
		var d struct {
			Node  string `json:"node_id"`
			Said  string `json:"exception_message"`
			Type  string `json:"exception_type"`
			Trace any    `json:"traceback"`
		}
		if len(m) < 2 || json.Unmarshal(m[0], &kind) != nil || json.Unmarshal(m[1], &d) != nil {
			continue
		}
		switch kind {
		case "execution_interrupted":
			return sdk.Fail("somebody interrupted the prompt in ComfyUI, at "+r.p.Title(d.Node), "try again")
		case "execution_error":
			err := &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("%s failed: %s", r.p.Title(d.Node), strings.TrimSpace(d.Said)), Detail: lines(d.Trace)}
			if text := strings.ToLower(d.Type + " " + d.Said); slices.ContainsFunc(noMemory, func(s string) bool { return strings.Contains(text, s) }) {
				err.Cause, err.Hint = sdk.CauseOOM, "make the picture or the batch smaller, or give it a device with more memory"
			} else if strings.Contains(text, "no space left on device") {
				err.Hint = "make room on the disk of ComfyUI's machine"
			}
			return err
		}
	}
	return sdk.Fail("ComfyUI says that the prompt failed, and not why", "its own log knows more")
}

// lines makes text of a traceback.
func lines(v any) string {
	var b strings.Builder
	if all, ok := v.([]any); ok {
		for _, l := range all {
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprint(l), "\n"))
		}
	}
	const most = 4000
	text := b.String()
	return text[max(0, len(text)-most):]
}

// cancel takes the prompt out of the server, and no other: older servers interrupt whatever runs, so they are only told to when it is this
// one.
func (r *run) cancel(ctx context.Context) {
	if !r.asked && r.id == "" {
		return
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), letGo)
	defer done()
	for n := 0; r.id == "" && n < 3 && (n == 0 || pause(ctx, r.s.poll)); n++ { // its answer did not come: it may be about to be taken
		_, _, _ = r.inQueue(ctx)
	}
	if r.id == "" {
		return
	}
	if err := r.c.Ask(ctx, http.MethodPost, "/api/jobs/"+r.id+"/cancel", nil, map[string]any{}, nil); err == nil {
		return // a newer server
	}
	err := r.c.Ask(ctx, http.MethodPost, "/queue", nil, map[string]any{"delete": []string{r.id}}, nil)
	_, runs, lerr := r.inQueue(ctx)
	if runs {
		err = r.c.Ask(ctx, http.MethodPost, "/interrupt", nil, map[string]any{"prompt_id": r.id}, nil)
	}
	if err = errors.Join(err, lerr); err != nil {
		r.t.Log("warn", "ComfyUI could not be told to stop: "+api.Plain(err))
	}
}
