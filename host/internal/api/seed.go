package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// The routes of the first MySpinBot, for programs that were written for it: other names for runs.

// train is the pipeline that POST /api/train makes runs of: one in the host's folders, else the one that ships.
const train = "train"

func (s *Server) seedRoutes() {
	route.JSON(s.Server, route.Op{ID: "capabilities", Method: http.MethodGet, Path: "/api/capabilities", Need: route.Viewer, Summary: "What nodes can do, and where"}, s.capabilities)
	s.Bare(route.Op{ID: "train", Method: http.MethodPost, Path: "/api/train", Need: route.Operator, Status: fiber.StatusAccepted, Summary: "Make a run of the pipeline train",
		Detail: "Its variables as a JSON object, or as a form whose files become artifacts. It is the pipeline train of the host's folders, or else the one that ships: docs/train.md has its variables."}, func(o *huma.Operation) {
		route.Takes(o, "application/json", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true})
		route.Takes(o, "multipart/form-data", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true})
		route.Returns(o, "202", "The job.", "application/json", route.SchemaOf[client.Job](s.Server))
	}, s.train)
	route.JSON(s.Server, route.Op{ID: "job-status", Method: http.MethodGet, Path: "/api/status/{jobId}", Need: route.Viewer, Summary: "How far a job is"}, s.job)
	route.JSON(s.Server, route.Op{ID: "show-job", Method: http.MethodGet, Path: "/api/jobs/{jobId}", Need: route.Viewer, Summary: "A job"}, s.job)
	route.JSON(s.Server, route.Op{ID: "list-jobs", Method: http.MethodGet, Path: "/api/jobs", Need: route.Viewer, Summary: "Jobs, the newest first"}, s.jobs)
}

func (s *Server) capabilities(ctx context.Context, _ *route.None) (client.Capabilities, error) {
	types, err := s.cfg.Fleet.Catalog.NodeTypes(ctx)
	if err != nil {
		return client.Capabilities{}, err
	}
	agents, err := s.cfg.Fleet.Agents.Agents(ctx)
	if err != nil {
		return client.Capabilities{}, err
	}
	out := client.Capabilities{Version: client.ShapeVersion, NodeTypes: []client.Capability{}}
	for _, t := range types.NodeTypes {
		c := client.Capability{NodeType: t, Agents: []string{}}
		for _, a := range agents {
			if a.Offers(t.Name) {
				c.Agents = append(c.Agents, a.Name)
			}
		}
		out.NodeTypes = append(out.NodeTypes, c)
	}
	return out, nil
}

func (s *Server) train(c *fiber.Ctx) error {
	sub, ok, err := s.runs.Form(c)
	if err != nil {
		return err
	}
	if !ok {
		raw, err := s.ReadBody(c, route.MaxJSON, "upload artifacts first, and refer to them")
		if err != nil {
			return err
		}
		if err := route.CheckDepth(raw); err != nil {
			return err
		}
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &sub.Inputs); err != nil {
				return route.BadRequest("the body is no JSON object with the variables of the pipeline "+train+": "+err.Error(), "")
			}
		}
	}
	sub.Pipeline = client.Source{Saved: train}
	if s.cfg.Train != "" {
		var p *client.Problem
		if _, err := s.cfg.Pipelines.Pipelines.Show(c.UserContext(), train, ""); errors.As(err, &p) && p.Code == client.CodeNotFound {
			sub.Pipeline = client.Source{Path: s.cfg.Train}
		}
	}
	sub.TraceParent = strings.Clone(c.Get(client.HeaderTrace))
	r, err := s.cfg.Runs.Runs.Submit(c.UserContext(), sub, route.CallerOf(c.UserContext()).User)
	if err != nil {
		return err
	}
	c.Location("/api/status/" + r.ID)
	return c.Status(fiber.StatusAccepted).JSON(s.jobOf(r))
}

func (s *Server) job(ctx context.Context, in *struct {
	JobID string `path:"jobId" doc:"What train gave as jobId: a run's id."`
}) (client.Job, error) {
	h, err := s.runs.Find(ctx, in.JobID)
	if err != nil {
		return client.Job{}, err
	}
	r, err := s.runs.Run(ctx, h.Run)
	return s.jobOf(r), err
}

func (s *Server) jobs(ctx context.Context, in *route.Page) ([]client.Job, error) {
	heads, err := s.cfg.Runs.Index.List(ctx, store.Query{Limit: in.Size()})
	if err != nil {
		return nil, err
	}
	out := make([]client.Job, len(heads))
	for k, h := range heads {
		r := s.runs.Summary(h)
		if !r.Ended() {
			if r, err = s.runs.Run(ctx, h.Run); err != nil {
				return nil, err
			}
		}
		out[k] = s.jobOf(r)
	}
	return out, nil
}

// statuses are the words of the first MySpinBot for the states of a run.
var statuses = map[string]string{"created": "queued", "succeeded": "completed"}

func (s *Server) jobOf(r client.Run) client.Job {
	j := client.Job{JobID: r.ID, Status: r.State, Progress: s.progress(r), Error: r.Error, Outputs: r.Outputs, Created: r.Created, Updated: r.Updated}
	if word, ok := statuses[r.State]; ok {
		j.Status = word
	}
	return j
}

// progress says how much of a run is done, in percent: by the nodes that are known, and what those at work say of themselves.
func (s *Server) progress(r client.Run) int {
	if r.State == "succeeded" {
		return 100
	}
	fractions := map[string]float64{}
	if !r.Ended() {
		for _, report := range s.cfg.Runs.Live.Newest(r.ID) {
			at := report.Address
			at.Attempt = 0
			fractions[strings.TrimPrefix(at.String(), r.ID+"/")] = report.Fraction
		}
	}
	done := 0.0
	for _, n := range r.Nodes {
		switch {
		case n.Ended != nil:
			done++
		default:
			done += min(max(fractions[n.At], 0), 1)
		}
	}
	if len(r.Nodes) == 0 {
		return 0
	}
	return min(int(math.Floor(100*done/float64(len(r.Nodes)))), 99)
}
