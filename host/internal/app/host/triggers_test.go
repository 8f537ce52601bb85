package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

const hookSecret = "hunter2 \u00e9"

// triggersFile is a pipeline whose runs say what they were given.
const triggersFile = `
pipeline "film" {
  description = "What triggers do"
}

variable "topic" {
  type = string
}

variable "face" {
  type    = artifact
  accept  = ["image/*"]
  default = null
}

variable "key" {
  sensitive = true
  default   = "hidden"
}

secret "hook" {}

secret "nothing" {}

node "test.echo" "it" {
  value = "${var.topic}${nonsensitive(var.key == null) ? "" : ""}"
}

output "topic" {
  value = node.it.value
}

output "kind" {
  value = try(var.face.media_type, null)
}

trigger "webhook" "publish" {
  secret = secret.hook
  inputs = { topic = trigger.body.topic, face = artifact("faces/anna.png") }
}

trigger "webhook" "unset" {
  secret = secret.nothing
  inputs = { topic = "x" }
}

trigger "cron" "yearly" {
  schedule = "@yearly"
  inputs   = { topic = "the year ${formatdate("YYYY", trigger.time)}" }
}
`

// triggerRig is a host that serves pipelines of a folder.
type triggerRig struct {
	*testing.T
	*Host
	dir, url string
}

func newTriggerRig(t *testing.T, more ...string) *triggerRig {
	r := &triggerRig{T: t, dir: t.TempDir()}
	r.write("film.hcl", triggersFile)
	for i, text := range more {
		r.write(fmt.Sprintf("more%d.hcl", i), text)
	}
	r.write("faces/anna.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	r.Host = open(t, func(c *Config) {
		c.PipelineDirs = []string{r.dir}
		c.Secret = func(_ context.Context, name string) (string, error) {
			if name == "hook" {
				return hookSecret, nil
			}
			return "", errors.New("no such secret")
		}
	})
	t.Cleanup(func() { stop(t, r.Host) })
	r.serve()
	return r
}

func (r *triggerRig) serve() {
	r.Helper()
	address, err := r.Serve(r.Context(), "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.url = "http://" + address
}

func (r *triggerRig) write(name, text string) {
	r.Helper()
	path := filepath.Join(r.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		r.Fatal(err)
	}
}

// post asks a hook over loopback; headers come in pairs.
func (r *triggerRig) post(path, body string, headers ...string) (status int, answer string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.url+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "https://github.com")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// deliver asks a hook with a good signature, and gives the run.
func (r *triggerRig) deliver(body string, headers ...string) string {
	r.Helper()
	status, answer := r.post("/hooks/film/publish", body, append(headers, client.SignatureHeader, client.Signature(hookSecret, time.Now(), []byte(body)))...)
	var d client.Delivered
	if err := json.Unmarshal([]byte(answer), &d); err != nil || status != http.StatusAccepted || d.Run == "" {
		r.Errorf("%d %s", status, answer)
	}
	return d.Run
}

// finished waits for the end of a run, which has to be good.
func (r *triggerRig) finished(id string) client.Run {
	r.Helper()
	until(r.T, r.Client(), id, ended)
	run, err := r.Client().Run(r.Context(), id)
	if err != nil || run.State != "succeeded" {
		r.Errorf("%+v %v", run, err)
	}
	return run
}

func (r *triggerRig) trigger(name string) client.Trigger {
	r.Helper()
	list, err := r.Client().Triggers(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	for _, t := range list.Triggers {
		if t.Name == name {
			return t
		}
	}
	r.Fatalf("no trigger %s: %+v", name, list)
	return client.Trigger{}
}

// TestWebhook: from a signed request to a finished run, once for each delivery, over a restart too.
func TestWebhook(t *testing.T) {
	t.Parallel()
	r := newTriggerRig(t)
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() { ids[i] = r.deliver(`{"topic": "tides"}`, "X-GitHub-Delivery", "d-1") })
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("one delivery made %v", ids)
		}
	}
	run := r.finished(ids[0])
	if run.Outputs["topic"] != "tides" || run.Outputs["kind"] != "image/png" || run.Owner != "trigger:publish" {
		t.Errorf("%+v", run)
	}
	if face, ok := run.Inputs["face"].(sdk.Artifact); !ok || face.Name != "anna.png" {
		t.Errorf("%+v", run.Inputs)
	}
	other := r.deliver(`{"topic": "moons"}`, "X-GitHub-Delivery", "d-2")
	if other == ids[0] {
		t.Error("another delivery gives the same run")
	}
	if s := r.trigger("publish"); s.LastRun != other || s.LastFired == nil || s.LastError != "" || s.Path != "/hooks/film/publish" {
		t.Errorf("%+v", s)
	}
	r.finished(other)

	stop(t, r.Host)
	r.Host = reopen(t, r.Host)
	r.serve()
	if id := r.deliver(`{"topic": "tides"}`, "X-GitHub-Delivery", "d-1"); id != ids[0] {
		t.Errorf("after a restart %s, before %s", id, ids[0])
	}
	if list, err := r.Client().Runs(t.Context(), client.RunQuery{}); err != nil || len(list.Runs) != 2 {
		t.Errorf("%+v %v", list, err)
	}
}

// TestWebhookAfterSweep: once all runs of a pipeline were removed, a trigger's next run is one that can be gone on with.
func TestWebhookAfterSweep(t *testing.T) {
	t.Parallel()
	r := newTriggerRig(t)
	r.finished(r.deliver(`{"topic": "tides"}`, "X-GitHub-Delivery", "d-1"))
	if s := sweep(t, r.Host); len(s.Runs) != 1 || grow(t, r.Host) != 0 {
		t.Fatalf("swept %+v", s)
	}
	id := r.deliver(`{"topic": "moons"}`, "X-GitHub-Delivery", "d-2")
	r.finished(id)
	stop(t, r.Host)
	r.Host = reopen(t, r.Host)
	r.serve()
	if run := r.finished(id); run.Outputs["topic"] != "moons" {
		t.Errorf("%+v", run)
	}
}

// TestWebhookRefuses: what is wrong is told as a problem, and never the secret.
func TestWebhookRefuses(t *testing.T) {
	t.Parallel()
	r := newTriggerRig(t)
	now := time.Now()
	sign := func(body string, at time.Time, secret string) []string {
		return []string{client.SignatureHeader, client.Signature(secret, at, []byte(body))}
	}
	r.write("broken.hcl", "pipeline \"broken\" {}\noutput \"x\" {\n  value = nope\n}\n")
	for _, c := range []struct {
		path, body string
		headers    []string
		status     int
		code, text string
	}{
		{"/hooks/film/publish", `{}`, nil, 401, client.CodeUnauthorized, "X-Hub-Signature-256"},
		{"/hooks/film/publish", `{}`, sign(`{}`, now, "guess"), 401, client.CodeUnauthorized, "not signed"},
		{"/hooks/film/publish", `{}`, sign(`{ }`, now, hookSecret), 401, client.CodeUnauthorized, "not signed"},
		{"/hooks/film/publish", `{}`, sign(`{}`, now.Add(-6*time.Minute), hookSecret), 401, client.CodeUnauthorized, "minutes"},
		{"/hooks/film/publish", `{}`, sign(`{}`, now, hookSecret), 400, client.CodeInvalidInput, "film.hcl:"},
		{"/hooks/film/publish", `{"topic": ["a"]}`, sign(`{"topic": ["a"]}`, now, hookSecret), 400, client.CodeInvalidInput, `variable \"topic\"`},
		{"/hooks/film/publish", `{`, sign(`{`, now, hookSecret), 400, client.CodeBadRequest, "not JSON"},
		{"/hooks/film/publish", strings.Repeat(" ", 1<<20+1), nil, 413, client.CodeTooLarge, "1 MiB"},
		{"/hooks/film/unset", `{}`, sign(`{}`, now, ""), 503, client.CodeUnavailable, "secret is not set"},
		{"/hooks/film/yearly", `{}`, sign(`{}`, now, hookSecret), 404, client.CodeNotFound, "no such trigger"},
		{"/hooks/film/publisher", `{}`, sign(`{}`, now, hookSecret), 404, client.CodeNotFound, "no such trigger"},
		{"/hooks/broken/publish", `{}`, sign(`{}`, now, hookSecret), 503, client.CodeUnavailable, "out of use"},
	} {
		status, answer := r.post(c.path, c.body, c.headers...)
		var p client.Problem
		if err := json.Unmarshal([]byte(answer), &p); err != nil || status != c.status || p.Status != status || p.Code != c.code || !strings.Contains(answer, c.text) {
			t.Errorf("%s %.20q: got %d %s", c.path, c.body, status, answer)
		}
		if strings.Contains(answer, "hunter2") || c.status == 503 && strings.Contains(answer, "nope") {
			t.Errorf("the answer tells too much: %s", answer)
		}
	}
	if s := r.trigger("publish"); !strings.Contains(s.LastError, "topic") {
		t.Errorf("%+v", s)
	}
	if list, err := r.Client().Runs(t.Context(), client.RunQuery{}); err != nil || len(list.Runs) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// TestKnownPipelines: what lies in the folders is shown as it is now, and can be fired by hand.
func TestKnownPipelines(t *testing.T) {
	t.Parallel()
	r := newTriggerRig(t)
	ctx, c := t.Context(), r.Client()
	p, err := c.Pipeline(ctx, "film", "text")
	if err != nil {
		t.Fatal(err)
	}
	if p.State != "ready" || p.File != filepath.Join(r.dir, "film.hcl") || p.Description != "What triggers do" || len(p.Variables) != 3 || len(p.Outputs) != 2 ||
		len(p.Triggers) != 3 || len(p.Nodes) != 1 || !strings.Contains(p.Graph, "test.echo") || !strings.HasPrefix(p.Digest, "sha256:") {
		t.Errorf("%+v", p)
	}
	if v := p.Variables; !v[0].Required || v[1].Required || v[1].Accept[0] != "image/*" || !v[2].Sensitive || v[2].Default != nil {
		t.Errorf("%+v", v)
	}
	if s := p.Triggers[2]; s.Next == nil || s.Next.Month() != time.January || s.Timezone != "UTC" || s.Overlap != "skip" || s.LastFired != nil {
		t.Errorf("%+v", s)
	}
	run, err := c.Fire(ctx, "film", "yearly", client.TriggerEvent{})
	if err != nil || run.Owner != "local" || run.Inputs["topic"] != fmt.Sprint("the year ", time.Now().UTC().Year()) {
		t.Fatalf("%+v %v", run, err)
	}
	r.finished(run.ID)
	if run, err = c.Fire(ctx, "film", "publish", client.TriggerEvent{Body: json.RawMessage(`{"topic": "by hand"}`)}); err != nil || run.Inputs["topic"] != "by hand" {
		t.Errorf("%+v %v", run, err)
	}
	r.finished(run.ID)
	for name, want := range map[string]string{"publish": client.CodeInvalidInput, "nobody": client.CodeNotFound} {
		_, err := c.Fire(ctx, "film", name, client.TriggerEvent{})
		var problem *client.Problem
		if !errors.As(err, &problem) || problem.Code != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.write("film.hcl", triggersFile+"output \"more\" {\n  value = var.more\n}\n")
	list, err := c.Pipelines(ctx)
	if err != nil || len(list.Pipelines) != 1 || list.Pipelines[0].State != "broken" || !strings.Contains(list.Pipelines[0].Reason, `no variable named "more"`) {
		t.Errorf("%+v %v", list, err)
	}
	if p, err := c.Pipeline(ctx, "film", ""); err != nil || len(p.Diagnostics) != 1 || p.Diagnostics[0].Range.File != "film.hcl" || p.Graph != "" {
		t.Errorf("%+v %v", p, err)
	}
	var problem *client.Problem
	if _, err := c.Fire(ctx, "film", "yearly", client.TriggerEvent{}); !errors.As(err, &problem) || problem.Code != client.CodeConflict || len(problem.Diagnostics) != 1 {
		t.Errorf("%v", err)
	}
	if _, err := c.Pipeline(ctx, "nobody", ""); !errors.As(err, &problem) || problem.Code != client.CodeNotFound || !strings.Contains(problem.Detail, r.dir) {
		t.Errorf("%v", err)
	}
}

// TestServedCron: a schedule fires by itself while the host serves. A queued fire begins when the run before it has
// ended.
func TestServedCron(t *testing.T) {
	t.Parallel()
	r := newTriggerRig(t, `
pipeline "often" {}
variable "at" {}
node "test.wait" "it" {
  for = "1500ms"
}
output "at" {
  value = var.at
}
trigger "cron" "second" {
  schedule = "@every 1s"
  overlap  = "queue"
  inputs   = { at = trigger.time }
}
`)
	changed := r.store.Watch(t.Context(), "")
	deadline := time.After(time.Minute)
	for {
		list, err := r.Client().Runs(t.Context(), client.RunQuery{Pipeline: "often", State: "succeeded"})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Runs) >= 2 {
			if first, second := list.Runs[1], list.Runs[0]; second.Created.Before(first.Updated) {
				t.Errorf("%s begins before %s has ended", second.ID, first.ID)
			}
			break
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d runs: %+v", len(list.Runs), r.trigger("second"))
		}
	}
}
