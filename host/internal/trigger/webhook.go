package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
)

// MaxBody is the size limit of a webhook's body in bytes.
const MaxBody = 1 << 20

const (
	maxID         = 255 // bytes of a delivery's id
	maxDeliveries = 1000
	// remembered is for how long a delivery is known again: GitHub offers to send again for three days.
	remembered = 7 * 24 * time.Hour
)

// Request is what a webhook was asked with.
type Request struct {
	// Headers by name in lower case; of several of a name the values are joined by ", ".
	Headers map[string]string
	Query   map[string]string
	Body    []byte
}

// ErrNoSecret says that the host does not have the secret that a webhook is signed with.
var ErrNoSecret = errors.New("the trigger's secret is not set")

// RequestError says why a signed request cannot be read.
type RequestError struct{ Reason string }

// Error gives the reason.
func (e *RequestError) Error() string { return e.Reason }

// Deliver makes a run of what a webhook was asked, once for each delivery: when the same comes again it gives the run
// that was made. Whether a request is signed is the first thing it looks at.
func (t *Triggers) Deliver(ctx context.Context, pipelineName, name string, q Request) (run string, err error) {
	p, tr, err := t.find(ctx, pipelineName, name)
	switch {
	case errors.Is(err, ErrOutOfUse):
		return "", ErrOutOfUse // who asks is not known: no more is said
	case err != nil:
		return "", fmt.Errorf("%s/%s: %w", pipelineName, name, ErrUnknown)
	case tr.Kind != pipeline.Webhook:
		return "", fmt.Errorf("%s/%s: %w", pipelineName, name, ErrUnknown)
	}
	again := false
	defer func() {
		if again {
			t.cfg.Observe(pipelineName, name, Skipped)
			return
		}
		t.observe(ctx, pipelineName, name, err)
	}()
	now := t.cfg.Now()
	keys, err := t.known(ctx, tr, q, now)
	if err != nil {
		return "", err
	}
	body, err := read(q)
	if err != nil {
		return "", err
	}
	r := t.record(pipelineName, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.begin(ctx)
	if err != nil {
		return "", err
	}
	if d := s.delivered(keys); d != nil && d.Made {
		again = true
		return d.Run, nil
	}
	values, err := t.inputs(ctx, p, tr, eval.TriggerEvent{Time: now, Body: body, Headers: shown(q.Headers), Query: text(q.Query)})
	failed := func(err error) (string, error) {
		return "", errors.Join(err, r.change(ctx, func(s *state) error { s.failed(now, err); return nil }))
	}
	if err != nil {
		return failed(err)
	}
	err = r.change(ctx, func(s *state) error {
		if d := s.delivered(keys); d != nil { // and its run was not made, or another host makes it
			run = d.Run
			return nil
		}
		run = t.cfg.NewID(now)
		s.Deliveries = append(forget(s.Deliveries, now), delivery{Keys: keys, Run: run, At: now})
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := t.cfg.Runs.Submit(ctx, Run{ID: run, Pipeline: p, Inputs: values, Owner: ownerOf(tr)}); err != nil {
		return failed(err)
	}
	t.cfg.Log.Info("trigger fired", "trigger", pipelineName+"/"+name, "run", run)
	return run, r.change(ctx, func(s *state) error {
		for i := range s.Deliveries {
			s.Deliveries[i].Made = s.Deliveries[i].Made || s.Deliveries[i].Run == run
		}
		s.made(now, run)
		return nil
	})
}

// delivered gives the delivery that is known by one of the keys; nil: none is.
func (s *state) delivered(keys []string) *delivery {
	for i := range s.Deliveries {
		if slices.ContainsFunc(s.Deliveries[i].Keys, func(k string) bool { return slices.Contains(keys, k) }) {
			return &s.Deliveries[i]
		}
	}
	return nil
}

// known verifies who asks, and gives what the same delivery is known by; nothing when it says nothing of itself.
func (t *Triggers) known(ctx context.Context, tr *pipeline.Trigger, q Request, now time.Time) (keys []string, err error) {
	secret, err := t.cfg.Secret(ctx, tr.Secret)
	if err != nil || secret == "" {
		t.cfg.Log.Error("webhook refused", "trigger", tr.Name, "secret", tr.Secret, "error", err)
		return nil, ErrNoSecret
	}
	key, err := verify(secret, q.Headers, q.Body, now)
	if err != nil {
		return nil, err
	}
	if key != "" {
		keys = append(keys, key)
	}
	for _, header := range []string{"x-github-delivery", "idempotency-key"} {
		id := q.Headers[header]
		if len(id) > maxID {
			return nil, &RequestError{fmt.Sprintf("the header %s has more than %d bytes", header, maxID)}
		}
		if id != "" {
			keys = append(keys, "id:"+id)
		}
	}
	return keys, nil
}

// forget drops deliveries that are old, or too many.
func forget(all []delivery, now time.Time) []delivery {
	all = slices.DeleteFunc(all, func(d delivery) bool { return now.Sub(d.At) > remembered || len(d.Keys) == 0 })
	return all[max(0, len(all)-maxDeliveries+1):]
}

// read gives the body's values: those of JSON, or a form's fields as text, lists of text where one stands twice.
func read(q Request) (any, error) {
	kind, _, err := mime.ParseMediaType(q.Headers["content-type"])
	switch {
	case len(bytes.TrimSpace(q.Body)) == 0:
		return nil, nil
	case err != nil && q.Headers["content-type"] != "":
		return nil, &RequestError{"its content type cannot be read"}
	case kind == "application/x-www-form-urlencoded":
		return readForm(q.Body)
	case kind == "", kind == "application/json", strings.HasSuffix(kind, "+json"):
		return readJSON(q.Body)
	}
	return nil, &RequestError{"a body of type " + kind + " is not taken: send JSON, or a form"}
}

func readForm(body []byte) (any, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &RequestError{"the body is not a form: " + err.Error()}
	}
	fields := map[string]any{}
	for name, values := range form {
		list := make([]any, len(values))
		for i := range values {
			list[i] = strings.ToValidUTF8(values[i], "\uFFFD")
		}
		name = strings.ToValidUTF8(name, "\uFFFD")
		if fields[name] = list; len(list) == 1 {
			fields[name] = list[0]
		}
	}
	return fields, nil
}

func readJSON(body []byte) (x any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&x); err != nil {
		return nil, &RequestError{"the body is not JSON: " + err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &RequestError{"the body goes on after its JSON"}
	}
	return x, nil
}

// private are headers that say who asks, not what; inputs are kept and shown, so these never become any.
var private = []string{"authorization", "proxy-authorization", "cookie", headerGitHub, "x-hub-signature", headerTimed}

func shown(headers map[string]string) map[string]string {
	out := text(headers)
	for _, name := range private {
		delete(out, name)
	}
	return out
}

// text makes UTF-8 of what may be any bytes.
func text(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(value, "\uFFFD")
	}
	return out
}
