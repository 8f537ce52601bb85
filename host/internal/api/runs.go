package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Page asks for a page of a list.
type Page struct {
	Limit int `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 0: 100."`
}

func (m Page) limit() int {
	if m.Limit == 0 {
		return pageSize
	}
	return m.Limit
}

type (
	// OneRun names a run: by its id, a unique beginning of that, or "last".
	OneRun struct {
		ID string `path:"id" doc:"A run's id, a unique beginning of that, or last."`
	}
	runFilter struct {
		Page
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

func (s *Server) runRoutes() {
	op(s, Op{ID: "list-runs", Method: get, Path: v1 + "runs", Need: Viewer, Summary: "Runs, the newest first"}, s.listRuns)
	s.bare(Op{ID: "submit-run", Method: post, Path: v1 + "runs", Need: Operator, Summary: "Make a run", Status: fiber.StatusAccepted,
		Detail: "As JSON; or as a form whose part pipeline is the file, whose other parts are variables: files become artifacts, the rest is read as a person types it."},
		func(o *huma.Operation) {
			takes(o, "application/json", schemaOf[client.Submission](s))
			takes(o, "multipart/form-data", &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{"pipeline": bytesSchema}})
			o.Parameters = append(o.Parameters, &huma.Param{Name: client.HeaderKey, In: "header", Schema: textSchema,
				Description: "With the same key and body, for 24 hours, you get the same run again, and " + client.HeaderRepeated + ": true with it. With another body the answer is 409."})
			s.returns(o, "202", "The run. Location says where it is.", "application/json", schemaOf[client.Run](s))
		}, s.submit)
	s.bare(Op{ID: "show-run", Method: get, Path: v1 + "runs/{id}", Need: Viewer, Summary: "A run, with its nodes"}, func(o *huma.Operation) {
		s.returns(o, "200", "The run.", "application/json", schemaOf[client.Run](s))
	}, s.showRun)
	s.bare(Op{ID: "run-events", Method: get, Path: v1 + "runs/{id}/events", Need: Viewer, Summary: "What was recorded of a run",
		Detail: "A page of events; or, with Accept: text/event-stream, all of them as they come, with reports, until the run ends."},
		func(o *huma.Operation) {
			query(o, "after", "Begin after this sequence number.", &huma.Schema{Type: huma.TypeInteger})
			query(o, "limit", "How many at most; 0: 100.", &huma.Schema{Type: huma.TypeInteger})
			s.returns(o, "200", "Events.", "application/json", schemaOf[client.EventList](s))
			o.Responses["200"].Content["text/event-stream"] = &huma.MediaType{Schema: textSchema}
		}, s.events)
	s.bare(Op{ID: "run-logs", Method: get, Path: v1 + "runs/{id}/logs", Need: Viewer, Summary: "A run's log, one line of JSON each"},
		func(o *huma.Operation) {
			query(o, "node", "Of this node alone.", textSchema)
			s.returns(o, "200", "The lines.", "application/x-ndjson", textSchema)
		}, s.logs)
	op(s, Op{ID: "run-reports", Method: get, Path: v1 + "runs/{id}/reports", Need: Viewer, Summary: "What a run's nodes said last",
		Detail: "The oldest first. The host keeps up to 100 of each node instance in memory, those that spoke last of all; a restart forgets them."}, s.reports)
	op(s, Op{ID: "explain-run", Method: get, Path: v1 + "runs/{id}/explain", Need: Viewer, Summary: "Why a run, or one of its nodes, stands where it stands"}, s.explainRun)
	for _, word := range [][2]string{{client.WordCancel, "Cancel a run, or one of its nodes"}, {client.WordResume, "Have a run go on"}, {client.WordPause, "Begin nothing more of a run"},
		{client.WordAnswer, "Answer a gate"}, {client.WordDecide, "Decide what becomes of a node that failed"}, {client.WordPrioritize, "Set a run's priority"}} {
		what, summary := word[0], word[1]
		op(s, Op{ID: what + "-run", Method: post, Path: v1 + "runs/{id}/" + what, Need: Operator, Summary: summary}, func(ctx context.Context, in *oneWord) (client.Run, error) {
			h, err := s.find(ctx, in.ID)
			if err != nil {
				return client.Run{}, err
			}
			if err := s.cfg.Runs.Tell(ctx, h.Run, what, given(in.Body), callerOf(ctx).User); err != nil {
				return client.Run{}, err
			}
			return s.run(ctx, h.Run)
		})
	}
	op(s, Op{ID: "pin-run", Method: post, Path: v1 + "runs/{id}/pin", Need: Operator, Summary: "Keep a run however old it gets"}, s.pin(true))
	op(s, Op{ID: "unpin-run", Method: post, Path: v1 + "runs/{id}/unpin", Need: Operator, Summary: "Keep a run no longer than others"}, s.pin(false))
	op(s, Op{ID: "sweep", Method: post, Path: v1 + "gc", Need: Operator, Summary: "Remove what is old, or say what would go"}, s.sweep)
	op(s, Op{ID: "plan", Method: post, Path: v1 + "plans", Need: Operator, Summary: "What a run would do"}, s.plan)
}

func (s *Server) listRuns(ctx context.Context, in *runFilter) (client.RunList, error) {
	limit := in.limit()
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
		list.Runs = append(list.Runs, s.summary(h))
	}
	return list, nil
}

func (s *Server) summary(h store.Head) client.Run {
	r := client.Run{
		ID: h.Run, Pipeline: h.Pipeline, Digest: h.Digest, State: h.State, Error: h.Error, Owner: h.Owner,
		Pinned: h.Pinned, Seq: h.Seq, Created: h.Created.UTC(), Updated: h.Updated.UTC(),
	}
	r.Interrupted = !r.Ended() && !s.cfg.Active(h.Run)
	return r
}

// find gives the run that an id names: whole, a unique prefix, or "last".
func (s *Server) find(ctx context.Context, id string) (store.Head, error) {
	h, err := s.cfg.Index.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return h, &client.Problem{Code: client.CodeNotFound, Detail: "no run " + id, Fix: "spinbot runs lists them"}
	}
	var ambiguous *store.AmbiguousError
	if errors.As(err, &ambiguous) {
		return h, badRequest(err.Error(), "")
	}
	return h, err
}

func (s *Server) run(ctx context.Context, id string) (client.Run, error) {
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

func (s *Server) submit(c *fiber.Ctx) error {
	ctx := c.UserContext()
	sub, err := s.submission(c)
	if err != nil {
		return err
	}
	if sub.Rerun == nil && sub.Plan == nil || sub.Pipeline.Path != "" {
		if err := permitted(ctx, sub.Pipeline); err != nil {
			return err
		}
	}
	if sub.Key = strings.Clone(c.Get(client.HeaderKey)); len(sub.Key) > maxKey || strings.ContainsFunc(sub.Key, func(r rune) bool { return r < '!' || r > '~' }) {
		return badRequest("the header "+client.HeaderKey+" is no key", "write at most 255 letters, digits and signs, such as a UUID")
	}
	r, err := s.cfg.Runs.Submit(ctx, sub, callerOf(ctx).User)
	if err != nil {
		return err
	}
	if r.Repeated {
		c.Set(client.HeaderRepeated, "true")
	}
	c.Location(v1 + "runs/" + r.ID)
	return c.Status(fiber.StatusAccepted).JSON(r)
}

func (s *Server) plan(ctx context.Context, in *planned) (client.Plan, error) {
	if err := permitted(ctx, in.Body.Pipeline); err != nil {
		return client.Plan{}, err
	}
	return s.cfg.Planner.Plan(ctx, in.Body)
}

// permitted refuses paths from anybody but the machine's own user.
func permitted(ctx context.Context, src client.Source) error {
	if src.Path != "" && !callerOf(ctx).private {
		return forbidden("a pipeline's path is taken over the private socket only", "send the file itself as pipeline.text")
	}
	if src.Path != "" && !filepath.IsAbs(src.Path) {
		return badRequest("the pipeline's path "+src.Path+" is not absolute", "")
	}
	if src.Path == "" && src.Text == "" && src.Saved == "" {
		return badRequest("there is no pipeline", "send the file as pipeline.text, or name one of the host's as pipeline.saved")
	}
	return nil
}

func (s *Server) submission(c *fiber.Ctx) (sub client.Submission, err error) {
	if boundary, ok := multipartBoundary(c); ok {
		return s.multipart(c, boundary)
	}
	return sub, s.readJSON(c, &sub)
}

func (s *Server) explainRun(ctx context.Context, in *oneNode) (client.Explained, error) {
	h, err := s.find(ctx, in.ID)
	if err != nil {
		return client.Explained{}, err
	}
	return s.cfg.Runs.Explain(ctx, h.Run, in.Node)
}

func (s *Server) reports(ctx context.Context, in *struct {
	OneRun
	Page
	Node string `query:"node" doc:"Of this node alone: its name or address within the run."`
}) (client.ReportList, error) {
	h, err := s.find(ctx, in.ID)
	if err != nil {
		return client.ReportList{}, err
	}
	return client.ReportList{Version: client.ShapeVersion, Reports: some(s.cfg.Live.Said(h.Run, in.Node, in.limit()))}, nil
}

func (s *Server) logs(c *fiber.Ctx) error {
	h, err := s.find(c.UserContext(), c.Params("id"))
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

// readJSON reads a bounded body; an empty one leaves out as it is.
func (s *Server) readJSON(c *fiber.Ctx, out any) error {
	raw, err := s.readBody(c, maxJSON, "upload artifacts first, and refer to them")
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if depth(raw) > maxDepth {
		return badRequest("the JSON nests too deep", "")
	}
	if err := d.Decode(out); err != nil {
		return badRequest("the body is not the JSON that is wanted: "+err.Error(), "")
	}
	if d.More() {
		return badRequest("the body goes on after its JSON", "")
	}
	return nil
}

// readBody reads a body of at most so many bytes.
func (s *Server) readBody(c *fiber.Ctx, most int, fix string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(s.paced(c), int64(most)+1))
	if err != nil {
		return nil, brokeOff("the body", err)
	}
	if len(raw) > most {
		return nil, &client.Problem{Code: client.CodeTooLarge, Detail: "the body is larger than " + strconv.Itoa(most>>20) + " MiB", Fix: fix}
	}
	return raw, nil
}
