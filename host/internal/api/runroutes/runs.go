package runroutes

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

type (
	// OneRun names a run: by its id, a unique beginning of that, or "last".
	OneRun struct {
		ID string `path:"id" doc:"A run's id, a unique beginning of that, or last."`
	}
	runFilter struct {
		route.Page
		Pipeline string    `query:"pipeline" doc:"Of the pipeline with this name."`
		State    []string  `query:"state" doc:"In one of these states."`
		Owner    string    `query:"owner" doc:"Of this user."`
		Q        string    `query:"q" maxLength:"200" doc:"With this text in its id, its pipeline, its owner or its error."`
		Since    time.Time `query:"since" doc:"Made then or later."`
		Until    time.Time `query:"until" doc:"Made before."`
		Before   string    `query:"before" doc:"Older than the run with this id: what the page before gave as next."`
	}
	oneWord struct {
		OneRun
		Body *client.Word
	}
	oneNode struct {
		OneRun
		Node string `query:"node" doc:"A node's name or address within the run."`
	}
	planned struct{ Body client.Submission }
)

func (s *Routes) runRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-runs", Method: http.MethodGet, Path: route.V1 + "runs", Need: route.Viewer, Summary: "Runs, the newest first"}, s.listRuns)
	s.Bare(route.Op{ID: "submit-run", Method: http.MethodPost, Path: route.V1 + "runs", Need: route.Operator, Summary: "Make a run", Status: fiber.StatusAccepted,
		Detail: "As JSON; or as a form whose part pipeline is the file, whose other parts are variables: files become artifacts, the rest is read as a person types it."},
		func(o *huma.Operation) {
			route.Takes(o, "application/json", route.SchemaOf[client.Submission](s.Server))
			route.Takes(o, "multipart/form-data", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{"pipeline": route.BytesSchema}})
			o.Parameters = append(o.Parameters, &huma.Param{Name: client.HeaderKey, In: "header", Schema: route.TextSchema,
				Description: "With the same key and body, for 24 hours, you get the same run again, and " + client.HeaderRepeated + ": true with it. With another body the answer is 409."},
				&huma.Param{Name: client.HeaderTrace, In: "header", Schema: route.TextSchema, Description: "The span of who submits it, as W3C Trace Context writes it: the run's trace has a link to it, where runs are traced."})
			route.Returns(o, "202", "The run. Location says where it is.", "application/json", route.SchemaOf[client.Run](s.Server))
		}, s.submit)
	s.Bare(route.Op{ID: "show-run", Method: http.MethodGet, Path: route.V1 + "runs/{id}", Need: route.Viewer, Summary: "A run, with its nodes"}, func(o *huma.Operation) {
		route.Returns(o, "200", "The run.", "application/json", route.SchemaOf[client.Run](s.Server))
	}, s.showRun)
	s.Bare(route.Op{ID: "run-events", Method: http.MethodGet, Path: route.V1 + "runs/{id}/events", Need: route.Viewer, Summary: "What was recorded of a run",
		Detail: "A page of events; or, with Accept: text/event-stream, all of them as they come, with reports, until the run ends."},
		func(o *huma.Operation) {
			route.Query(o, "after", "Begin after this sequence number.", &huma.Schema{Type: huma.TypeInteger})
			route.Query(o, "limit", "How many at most; 0: 100.", &huma.Schema{Type: huma.TypeInteger})
			route.Returns(o, "200", "Events.", "application/json", route.SchemaOf[client.EventList](s.Server))
			o.Responses["200"].Content["text/event-stream"] = &huma.MediaType{Schema: route.TextSchema}
		}, s.events)
	s.Bare(route.Op{ID: "run-logs", Method: http.MethodGet, Path: route.V1 + "runs/{id}/logs", Need: route.Viewer, Summary: "A run's log, one line of JSON each"},
		func(o *huma.Operation) {
			route.Query(o, "node", "Of this node alone.", route.TextSchema)
			route.Returns(o, "200", "The lines.", "application/x-ndjson", route.TextSchema)
		}, s.logs)
	route.JSON(s.Server, route.Op{ID: "run-reports", Method: http.MethodGet, Path: route.V1 + "runs/{id}/reports", Need: route.Viewer, Summary: "What a run's nodes said last",
		Detail: "The oldest first. The host keeps up to 100 of each node instance in memory, those that spoke last of all; a restart forgets them."}, s.reports)
	route.JSON(s.Server, route.Op{ID: "run-attempts", Method: http.MethodGet, Path: route.V1 + "runs/{id}/attempts", Need: route.Viewer, Summary: "A node's attempts: what each was given, and how it ended",
		Detail: "The last ones, the oldest of them first. Inputs are evaluated anew from what was recorded; what is sensitive stays sealed."}, s.attempts)
	route.JSON(s.Server, route.Op{ID: "explain-run", Method: http.MethodGet, Path: route.V1 + "runs/{id}/explain", Need: route.Viewer, Summary: "Why a run, or one of its nodes, stands where it stands"}, s.explainRun)
	for _, word := range [][2]string{{client.WordCancel, "Cancel a run, or one of its nodes"}, {client.WordResume, "Have a run go on"}, {client.WordPause, "Begin nothing more of a run"},
		{client.WordAnswer, "Answer a gate"}, {client.WordDecide, "Decide what becomes of a node that failed"}, {client.WordPrioritize, "Set a run's priority"}} {
		what, summary := word[0], word[1]
		route.JSON(s.Server, route.Op{ID: what + "-run", Method: http.MethodPost, Path: route.V1 + "runs/{id}/" + what, Need: route.Operator, Summary: summary}, func(ctx context.Context, in *oneWord) (client.Run, error) {
			h, err := s.Find(ctx, in.ID)
			if err != nil {
				return client.Run{}, err
			}
			if err := s.cfg.Runs.Tell(ctx, h.Run, what, route.Given(in.Body), route.CallerOf(ctx).User); err != nil {
				return client.Run{}, err
			}
			return s.Run(ctx, h.Run)
		})
	}
	route.JSON(s.Server, route.Op{ID: "pin-run", Method: http.MethodPost, Path: route.V1 + "runs/{id}/pin", Need: route.Operator, Summary: "Keep a run however old it gets"}, s.pin(true))
	route.JSON(s.Server, route.Op{ID: "unpin-run", Method: http.MethodPost, Path: route.V1 + "runs/{id}/unpin", Need: route.Operator, Summary: "Keep a run no longer than others"}, s.pin(false))
	route.JSON(s.Server, route.Op{ID: "sweep", Method: http.MethodPost, Path: route.V1 + "gc", Need: route.Operator, Summary: "Remove what is old, or say what would go"}, s.sweep)
	route.JSON(s.Server, route.Op{ID: "plan", Method: http.MethodPost, Path: route.V1 + "plans", Need: route.Operator, Summary: "What a run would do"}, s.plan)
}

func (s *Routes) listRuns(ctx context.Context, in *runFilter) (client.RunList, error) {
	limit := in.Size()
	q := store.Query{Pipeline: in.Pipeline, States: in.State, Owner: in.Owner, Text: in.Q, Before: in.Before, Limit: limit + 1}
	if !in.Since.IsZero() {
		q.From = s.cfg.FirstID(in.Since)
	}
	if !in.Until.IsZero() {
		if until := s.cfg.FirstID(in.Until); q.Before == "" || until < q.Before {
			q.Before = until
		}
	}
	heads, err := s.cfg.Index.List(ctx, q)
	if err != nil {
		return client.RunList{}, err
	}
	list := client.RunList{Version: client.ShapeVersion, Runs: []client.Run{}}
	if len(heads) > limit {
		heads = heads[:limit]
		list.Next = heads[limit-1].Run
	}
	for _, h := range heads {
		list.Runs = append(list.Runs, s.Summary(h))
	}
	return list, nil
}

// Summary gives a run as lists have it.
func (s *Routes) Summary(h store.Head) client.Run {
	r := client.Run{
		ID: h.Run, Pipeline: h.Pipeline, Digest: h.Digest, State: h.State, Error: h.Error, Owner: h.Owner,
		Pinned: h.Pinned, Seq: h.Seq, Created: h.Created.UTC(), Updated: h.Updated.UTC(),
	}
	r.Interrupted = !r.Ended() && !s.cfg.Active(h.Run)
	return r
}

// Find gives the run that an id names: whole, a unique prefix, or "last".
func (s *Routes) Find(ctx context.Context, id string) (store.Head, error) {
	h, err := s.cfg.Index.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return h, &client.Problem{Code: client.CodeNotFound, Detail: "no run " + id, Fix: "spinbot runs lists them"}
	}
	var ambiguous *store.AmbiguousError
	if errors.As(err, &ambiguous) {
		return h, route.BadRequest(err.Error(), "")
	}
	return h, err
}

// Run gives the run with this id, whole.
func (s *Routes) Run(ctx context.Context, id string) (client.Run, error) {
	r, err := s.cfg.Runs.Show(ctx, id)
	if err != nil {
		return r, err
	}
	h, err := s.cfg.Index.Find(ctx, id)
	if err != nil {
		return r, err
	}
	r.Pinned, r.Interrupted = h.Pinned, !r.Ended() && !s.cfg.Active(id)
	return r, nil
}

func (s *Routes) submit(c *fiber.Ctx) error {
	ctx := c.UserContext()
	sub, err := s.submission(c)
	if err != nil {
		return err
	}
	if sub.Rerun == nil && sub.Plan == nil || sub.Pipeline.Path != "" {
		if err := route.Permitted(ctx, sub.Pipeline); err != nil {
			return err
		}
	}
	if sub.Key = strings.Clone(c.Get(client.HeaderKey)); len(sub.Key) > maxKey || strings.ContainsFunc(sub.Key, func(r rune) bool { return r < '!' || r > '~' }) {
		return route.BadRequest("the header "+client.HeaderKey+" is no key", "write at most 255 letters, digits and signs, such as a UUID")
	}
	sub.TraceParent = strings.Clone(c.Get(client.HeaderTrace))
	r, err := s.cfg.Runs.Submit(ctx, sub, route.CallerOf(ctx).User)
	if err != nil {
		return err
	}
	if r.Repeated {
		c.Set(client.HeaderRepeated, "true")
	}
	c.Location(route.V1 + "runs/" + r.ID)
	return c.Status(fiber.StatusAccepted).JSON(r)
}

func (s *Routes) plan(ctx context.Context, in *planned) (client.Plan, error) {
	if err := route.Permitted(ctx, in.Body.Pipeline); err != nil {
		return client.Plan{}, err
	}
	return s.cfg.Planner.Plan(ctx, in.Body)
}

func (s *Routes) submission(c *fiber.Ctx) (sub client.Submission, err error) {
	if sub, ok, err := s.Form(c); ok {
		return sub, err
	}
	return sub, s.ReadJSON(c, &sub)
}

func (s *Routes) explainRun(ctx context.Context, in *oneNode) (client.Explained, error) {
	h, err := s.Find(ctx, in.ID)
	if err != nil {
		return client.Explained{}, err
	}
	return s.cfg.Runs.Explain(ctx, h.Run, in.Node)
}

func (s *Routes) reports(ctx context.Context, in *struct {
	OneRun
	route.Page
	Node string `query:"node" doc:"Of this node alone: its name or address within the run."`
}) (client.ReportList, error) {
	h, err := s.Find(ctx, in.ID)
	if err != nil {
		return client.ReportList{}, err
	}
	list := client.ReportList{Version: client.ShapeVersion}
	said, gone := s.cfg.Live.Said(h.Run, in.Node, in.Size())
	list.Reports, list.Gone = route.Some(said), gone
	return list, nil
}

func (s *Routes) attempts(ctx context.Context, in *struct {
	OneRun
	route.Page
	Node string `query:"node" required:"true" doc:"The node instance, by its address within the run. Without its round, the attempts of all rounds."`
}) (client.AttemptList, error) {
	h, err := s.Find(ctx, in.ID)
	if err != nil {
		return client.AttemptList{}, err
	}
	return s.cfg.Attempts.Attempts(ctx, h.Run, in.Node, in.Size())
}

func (s *Routes) logs(c *fiber.Ctx) error {
	h, err := s.Find(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/x-ndjson")
	if c.Method() == fiber.MethodHead {
		return nil // fasthttp would end a stream that it does not send
	}
	r, err := s.cfg.Live.Logs(h.Run, c.Query("node"))
	if err != nil {
		return err
	}
	c.Context().SetBodyStream(r, -1) // closed by the server once it is sent
	return nil
}
