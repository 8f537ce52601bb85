package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/fleetroutes"
	"github.com/myspinbot/spinbot/host/internal/api/runroutes"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

type known = fleetroutes.Agents

// fakeAgents are one that has the plugin test, one that has another version of it, and one without.
type fakeAgents struct{ known }

func (fakeAgents) Agents(context.Context) ([]client.Agent, error) {
	return []client.Agent{{Name: "attic", Plugins: []client.AgentPlugin{{Name: "test"}}}, {Name: "old", Plugins: []client.AgentPlugin{{Name: "test", Differs: "2"}}}, {Name: "bare"}}, nil
}

// TestJobs: runs by the names of the first MySpinBot.
func TestJobs(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.Fleet.Agents = fakeAgents{} })
	a := b.post(t, "/api/train", `{"subject": "a cat", "steps": 3}`)
	var job client.Job
	a.into(t, &job)
	if a.status != http.StatusAccepted || job.JobID != "run_001" || job.Status != "running" || a.header.Get("Location") != "/api/status/run_001" {
		t.Fatalf("got %+v %+v", a, job)
	}
	body, kind := form(t, [3]string{"image", "cat.png", "\x89PNG"}, [3]string{"steps", "", "3"})
	b.post(t, "/api/train", body, kind).into(t, &job)
	got := b.runs.got
	if len(got) != 2 || got[0].Pipeline.Saved != "train" || got[0].Inputs["subject"] != "a cat" || got[1].Pipeline.Saved != "train" || got[1].Text["steps"] != "3" {
		t.Fatalf("submitted %+v", got)
	}
	if image, ok := got[1].Inputs["image"].(sdk.Artifact); !ok || image.Name != "cat.png" {
		t.Errorf("the file is %+v", got[1].Inputs["image"])
	}
	body, kind = form(t, [3]string{"dataset", "a.png", "\x89PNG"}, [3]string{"dataset", "b.png", "\x89PNG"}, [3]string{"dataset", "c.png", "\x89PNG"})
	b.post(t, "/api/train", body, kind).into(t, &job)
	if files, ok := b.runs.got[2].Inputs["dataset"].([]any); !ok || len(files) != 3 || files[2].(sdk.Artifact).Name != "c.png" {
		t.Errorf("several files of one name are %+v", b.runs.got[2].Inputs["dataset"])
	}
	for _, body := range []string{"[1]", `"x"`, "{", "nothing", strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)} {
		b.post(t, "/api/train", body).problem(t, 400, client.CodeBadRequest, "JSON")
	}
	b.record(t, "run_000", "succeeded", "{}")
	for path, want := range map[string]string{"status/run_000": "run_000 completed 100", "status/run_001": "run_001 running 0", "jobs/run_003": "run_003 running 0"} {
		job = client.Job{}
		b.get(t, "/api/"+path).into(t, &job)
		if got := fmt.Sprint(job.JobID, " ", job.Status, " ", job.Progress); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"status/nobody", "jobs/nobody"} {
		b.get(t, "/api/"+path).problem(t, 404, client.CodeNotFound, "nobody")
	}
	var jobs []client.Job
	if b.get(t, "/api/jobs").into(t, &jobs); len(jobs) != 4 || jobs[0].JobID != "run_003" || jobs[3].Progress != 100 {
		t.Errorf("got %+v", jobs)
	}
	var c client.Capabilities
	if b.get(t, "/api/capabilities").into(t, &c); len(c.NodeTypes) != 1 || c.NodeTypes[0].Name != "test.echo" || strings.Join(c.NodeTypes[0].Agents, " ") != "attic" {
		t.Errorf("got %+v", c)
	}
}

// TestTrainShipped: where no pipeline of the host's folders is called train, it is the one that ships.
func TestTrainShipped(t *testing.T) {
	t.Parallel()
	missing := &client.Problem{Code: client.CodeNotFound, Detail: "no such pipeline"}
	for name, c := range map[string]struct {
		own  error
		file string
		want client.Source
	}{
		"own":     {nil, "/x/train.hcl", client.Source{Saved: "train"}},
		"shipped": {missing, "/x/train.hcl", client.Source{Path: "/x/train.hcl"}},
		"neither": {missing, "", client.Source{Saved: "train"}},
		"broken":  {&client.Problem{Code: client.CodeInternal}, "/x/train.hcl", client.Source{Saved: "train"}},
	} {
		b := start(t, func(cfg *Config) { cfg.Train, cfg.Pipelines.Pipelines = c.file, fakePipelines{err: c.own} })
		b.post(t, "/api/train", `{"save_as": "anna"}`)
		if len(b.runs.got) != 1 || !reflect.DeepEqual(b.runs.got[0].Pipeline, c.want) {
			t.Errorf("%s: submitted %+v", name, b.runs.got)
		}
	}
}

// TestProgress: how far a run is, of what its nodes are.
func TestProgress(t *testing.T) {
	t.Parallel()
	ended := time.Unix(1, 0)
	live := &fakeLive{}
	for name, fraction := range map[string]float64{"b": 0.5, "c": -1, "d": 7} {
		at := sdk.Address{Run: "run_a", Node: sdk.Step{Kind: "node", Name: name}, Attempt: 1}
		live.newest = append(live.newest, client.Report{Address: at, Report: sdk.Report{Fraction: fraction}})
	}
	s := &Server{cfg: Config{Runs: runroutes.Config{Live: live}}}
	for _, c := range []struct {
		run  client.Run
		want int
	}{
		{client.Run{State: "created"}, 0},
		{client.Run{State: "running", Nodes: []client.Node{{At: "node.a", Ended: &ended}, {At: "node.b"}}}, 75},
		{client.Run{State: "running", Nodes: []client.Node{{At: "node.b"}, {At: "node.c"}}}, 25},
		{client.Run{State: "running", Nodes: []client.Node{{At: "node.d"}}}, 99}, // it has not ended
		{client.Run{State: "failed", Nodes: []client.Node{{At: "node.a", Ended: &ended}, {At: "node.b"}}}, 50},
		{client.Run{State: "succeeded"}, 100},
	} {
		c.run.ID = "run_a"
		if got := s.progress(c.run); got != c.want {
			t.Errorf("%+v: got %d", c.run, got)
		}
	}
}
