package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// canaries are texts that must not be seen anywhere. They are made anew each time, so that no binary holds them.
type canaries map[string]string

func newCanaries(names ...string) canaries {
	c := canaries{}
	for _, name := range names {
		c[name] = name + `+/"&` + rand.Text()
	}
	return c
}

// in fails when a canary stands in some bytes, in any encoding.
func (c canaries) in(t *testing.T, where string, data []byte) {
	t.Helper()
	for name, secret := range c {
		core := secret[len(name)+4:] // what every JSON and URL encoding leaves as it is
		for _, spelt := range append(nodes.Spell(secret), core) {
			if spelt = strings.Trim(spelt, `"=`); bytes.Contains(data, []byte(spelt[2:len(spelt)-3])) {
				at := bytes.Index(data, []byte(spelt[2:len(spelt)-3]))
				t.Errorf("%s tells the secret %s: …%q…", where, name, data[max(0, at-80):min(len(data), at+80)])
				return
			}
		}
	}
}

// under looks at every file of a folder, but for those of the folders named.
func (c canaries) under(t *testing.T, dir string, but ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, b := range but {
			if d.IsDir() && d.Name() == b {
				return filepath.SkipDir
			}
		}
		c.in(t, "the name of "+path, []byte(path))
		if !d.Type().IsRegular() {
			return nil
		}
		files++
		raw, err := os.ReadFile(path)
		c.in(t, path, raw)
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files in %s, %v", files, dir, err)
	}
}

// quiet is a log that may be read while it is written.
type quiet struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (q *quiet) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.buf.Write(p)
}

const blurting = `
pipeline "blurting" {}
secret "env" {}
secret "stored" {}
secret "printed" {}
variable "given" {
  type      = string
  sensitive = true
}
locals {
  all = { env = secret.env, stored = secret.stored, printed = secret.printed, given = var.given }
}
node "test.blurt" "blurt" {
  for_each = local.all
  secret   = each.value
  fails    = 2
  retry {
    attempts = 3
  }
}
node "test.blurt" "again" {
  secret = "Bearer ${values(node.blurt)[0].said}"
  cache {}
}
node "control.split_text" "split" {
  text = "${secret.env} and ${var.given}."
}
node "test.echo" "made" {
  value = values(node.blurt)[*].made
}
node "test.echo" "open" {
  value = nonsensitive(node.again.kept)
}
node "test.fail" "fails" {
  message    = "no ${secret.env}"
  on_failure = "continue"
}
output "said" {
  value     = node.again
  sensitive = true
}
output "open" {
  value = node.open.value
}
`

// TestCanaries: a node that tells its secrets wherever it can does not get them anywhere: not into the state directory,
// whose every file is looked at, nor into anything that the host says.
func TestCanaries(t *testing.T) {
	t.Parallel()
	c := newCanaries("env", "stored", "printed", "given")
	log := &quiet{}
	h := open(t, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Environ = []string{"PATH=" + os.Getenv("PATH"), "SPINBOT_SECRET_ENV=" + c["env"], "CANARY=" + c["printed"]}
		cfg.SecretCommands = map[string][]string{"printed": {"sh", "-c", `printf '%s\n' "$CANARY"`}}
		if err := secrets.Store(cfg.State.Secrets(), "stored", c["stored"]); err != nil {
			t.Fatal(err)
		}
	})
	said := &quiet{}
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api := client.New("http://"+address, nil)
	ask := func(path, accept string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		fmt.Fprintf(said, "GET %s: %d\n", path, res.StatusCode)
		if _, err := io.Copy(said, res.Body); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %d, %v", path, res.StatusCode, err)
		}
	}
	sub := client.Submission{Pipeline: client.Source{Text: blurting}, Text: map[string]string{"given": c["given"]}}
	p, err := api.Plan(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	tell := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = said.Write(raw)
	}
	tell(p)
	r, err := api.Submit(t.Context(), client.Submission{Plan: &p})
	if err != nil {
		t.Fatal(err)
	}
	ask("/api/v1/runs/"+r.ID+"/events", "text/event-stream") // until it ends
	until(t, h.Client(), r.ID, ended)
	if r, err = api.Run(t.Context(), r.ID); err != nil || r.State != "succeeded" {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Outputs["open"] != "harmless" || !sdk.HasSealed(r.Outputs["said"]) || !sdk.HasSealed(r.Inputs["given"]) {
		t.Errorf("%v %v", r.Inputs, r.Outputs)
	}
	tell(r)
	again, err := api.Submit(t.Context(), client.Submission{Rerun: &client.Rerun{Of: r.ID}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, h.Client(), again.ID, ended)
	if again, err = api.Run(t.Context(), again.ID); err != nil || again.State != "succeeded" || again.Nodes[0].State != "cached" {
		t.Errorf("%+v, %v", again, err)
	}
	for _, path := range []string{"/runs", "/runs/" + r.ID, "/runs/" + r.ID + "/events", "/runs/" + r.ID + "/logs", "/runs/" + r.ID + "/explain", "/runs/" + again.ID, "/node-types", "/cache"} {
		ask("/api/v1"+path, "application/json")
	}
	ask("/metrics", "*/*")
	for _, bad := range []client.Submission{
		{Pipeline: sub.Pipeline, Inputs: sdk.Values{"given": []any{c["given"]}}}, {Pipeline: sub.Pipeline, Inputs: sdk.Values{"given": again.Inputs["given"]}},
	} {
		_, err := api.Submit(t.Context(), bad)
		if err == nil {
			t.Error("it was taken")
		}
		tell(fmt.Sprint(err))
	}
	stop(t, h)
	c.in(t, "what the host said", said.buf.Bytes())
	c.in(t, "the log", log.buf.Bytes())
	if !bytes.Contains(said.buf.Bytes(), []byte(secrets.Masked)) || !bytes.Contains(log.buf.Bytes(), []byte(secrets.Masked)) {
		t.Error("nothing was masked: the test looks in the wrong places")
	}
	c.under(t, h.cfg.State.Dir, "secrets")
	stored := canaries{"env": c["env"], "printed": c["printed"], "given": c["given"]}
	stored.under(t, h.cfg.State.Dir)
}

// TestCanariesResumed: a run that is interrupted and goes on under another host says no more.
func TestCanariesResumed(t *testing.T) {
	t.Parallel()
	c := newCanaries("env", "given")
	h := open(t, func(cfg *Config) { cfg.Environ = []string{"SPINBOT_SECRET_ENV=" + c["env"]} })
	r, err := h.Client().Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: `
pipeline "resumed" {}
secret "env" {}
variable "given" {
  type      = string
  sensitive = true
}
node "test.blurt" "one" {
  secret = var.given
}
node "test.wait" "wait" {
  for        = "500ms"
  depends_on = [node.one]
}
node "test.blurt" "two" {
  secret     = "${secret.env} ${node.one.said}"
  depends_on = [node.wait]
}
output "two" {
  value     = node.two.said
  sensitive = true
}
`}, Inputs: sdk.Values{"given": c["given"]}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, h.Client(), r.ID, started("wait"))
	stop(t, h)
	h = reopen(t, h)
	if _, err := h.Serve(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	events := until(t, h.Client(), r.ID, ended)
	if last := events[len(events)-1]; last.Status != run.Succeeded {
		t.Errorf("%+v", last.Error)
	}
	s, err := h.engine.State(context.Background(), run.ID(r.ID))
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := s.Outputs["two"].(sdk.Sealed)
	if x, _, err := h.secrets.Open(sealed); err != nil || x != c["env"]+" "+c["given"] {
		t.Errorf("the output is %v, %v", x, err)
	}
	stop(t, h)
	c.under(t, h.cfg.State.Dir)
}
