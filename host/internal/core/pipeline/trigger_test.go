package pipeline_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/sdk"
)

// triggered is a pipeline of one output, with variables of each kind and triggers.
const triggered = head + `
variable "topic" {
  type = string
}
variable "face" {
  type   = artifact
  accept = ["image/*"]
}
variable "n" {
  type    = number
  default = 3
}
variable "more" {
  default = null
}
secret "hook" {}
locals {
  topics = ["news", "weather"]
}
output "o" {
  value = [var.topic, var.face, var.n, var.more]
}
trigger "cron" "nightly" {
  schedule = "0 3 * * *"
  timezone = "Europe/Berlin"
  inputs   = { topic = "${local.topics[1]} at ${trigger.time}", face = artifact("./faces/anna.png"), n = null, more = artifact("faces/anna.png").size }
}
trigger "webhook" "publish" {
  secret = secret.hook
  inputs = { topic = trigger.body.topic, face = artifact("faces/bob.png"), n = trigger.query["n"], more = [trigger.headers["x-user"], trigger.body, trigger.name] }
}
trigger "webhook" "all" {
  secret = secret.hook
  inputs = trigger.body
}
trigger "cron" "whole" {
  schedule = "@daily"
  inputs   = { topic = "t", face = artifact("faces/bob.png"), more = trigger }
}
`

func TestTriggerInputs(t *testing.T) {
	t.Parallel()
	p := loaded(t, triggered, "faces/anna.png", "PNG", "faces/bob.png", "PNG")
	anna, ok := p.Trigger("nightly")
	if !ok || !reflect.DeepEqual(anna.Files, []string{"faces/anna.png"}) || anna.Schedule.Timezone() != "Europe/Berlin" || anna.CatchUp || anna.Overlap != pipeline.OverlapSkip {
		t.Errorf("%+v", anna)
	}
	if publish, _ := p.Trigger("publish"); publish.Secret != "hook" || publish.Kind != pipeline.Webhook {
		t.Errorf("%+v", publish)
	}
	bob := sdk.Artifact{Digest: "sha256:bb", MediaType: "image/png", Size: 4, Name: "bob.png"}
	files := map[string]sdk.Artifact{"faces/anna.png": picture, "faces/bob.png": bob}
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	body := map[string]any{"topic": "cats", "list": []any{n("1.50"), nil, true}}
	for _, c := range []struct {
		trigger string
		event   eval.TriggerEvent
		want    sdk.Values
		problem string
	}{
		{"nightly", eval.TriggerEvent{}, sdk.Values{"topic": "weather at 2026-07-01T14:00:00+02:00", "face": picture, "more": n("10")}, ""},
		{"publish", eval.TriggerEvent{Body: body, Headers: map[string]string{"x-user": "ada"}, Query: map[string]string{"n": "7"}},
			sdk.Values{"topic": "cats", "face": bob, "n": "7", "more": []any{"ada", map[string]any{"topic": "cats", "list": []any{n("1.5"), nil, true}}, "publish"}}, ""},
		{"publish", eval.TriggerEvent{Headers: map[string]string{"x-user": "ada"}, Query: map[string]string{"n": "7"}}, nil, "trigger.publish: attempt to get attribute from null value"},
		{"publish", eval.TriggerEvent{Body: body, Query: map[string]string{"n": "7"}}, nil, "film.hcl:"},
		{"publish", eval.TriggerEvent{Body: body, Headers: map[string]string{"x-user": "ada"}, Query: map[string]string{"n": "7"}, Files: map[string]sdk.Artifact{"x": bob}}, nil, "was not read"},
		{"all", eval.TriggerEvent{Body: map[string]any{"topic": "x", "m": nil}}, sdk.Values{"topic": "x"}, ""},
		{"all", eval.TriggerEvent{Body: "x"}, nil, "inputs wants an object"},
		{"all", eval.TriggerEvent{}, nil, "inputs wants an object"},
		{"whole", eval.TriggerEvent{}, sdk.Values{"topic": "t", "face": bob, "more": map[string]any{"name": "whole", "time": "2026-07-01T12:00:00Z"}}, ""},
		{"nobody", eval.TriggerEvent{}, nil, `no trigger "nobody"`},
	} {
		c.event.Time = noon
		if c.event.Files == nil {
			c.event.Files = files
		}
		got, ds := eval.TriggerInputs(p, c.trigger, c.event)
		if c.problem != "" {
			if got != nil || !strings.Contains(ds.Error(), c.problem) {
				t.Errorf("%s: %v %v, want %q", c.trigger, got, ds, c.problem)
			}
			continue
		}
		if len(ds) > 0 || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v %v, want %#v", c.trigger, got, ds, c.want)
		}
	}
	given, ds := eval.TriggerInputs(p, "nightly", eval.TriggerEvent{Time: noon, Files: files})
	if values, found := eval.Inputs(p, given); len(ds)+len(found) > 0 || values["n"] != n("3") || values["face"] != picture {
		t.Error(values, ds, found)
	}
}

// TestTriggersOfABundle: what artifact() names is not kept with a run, and the run's pipeline can be loaded all the same.
func TestTriggersOfABundle(t *testing.T) {
	t.Parallel()
	b := loaded(t, triggered, "faces/anna.png", "PNG", "faces/bob.png", "PNG").Bundle()
	if len(b.Files) != 1 || !reflect.DeepEqual(b.Named, []string{"faces/anna.png", "faces/bob.png"}) {
		t.Errorf("%v %v", b.Files, b.Named)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var back pipeline.Bundle
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	p, ds := load.Load(back.FS(), back.File, back)
	if len(ds) > 0 || len(p.Triggers) != 4 || p.Bundle().Digest() != b.Digest() {
		t.Error(ds)
	}
}
