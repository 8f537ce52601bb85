package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// owner is who submits a run. There is one user until there is sign-in.
const owner = "local"

func (s *Server) listRuns(c *fiber.Ctx) error {
	limit, err := limitOf(c)
	if err != nil {
		return err
	}
	q := store.Query{Pipeline: c.Query("pipeline"), Before: c.Query("before"), Limit: limit + 1}
	if state := c.Query("state"); state != "" {
		q.States = []string{state}
	}
	heads, err := s.cfg.Index.List(c.UserContext(), q)
	if err != nil {
		return err
	}
	list := client.RunList{Version: client.ShapeVersion, Runs: []client.Run{}}
	if len(heads) > limit {
		heads = heads[:limit]
		list.Next = heads[limit-1].Run
	}
	for _, h := range heads {
		list.Runs = append(list.Runs, s.summary(h))
	}
	return c.JSON(list)
}

func (s *Server) summary(h store.Head) client.Run {
	r := client.Run{
		ID: h.Run, Pipeline: h.Pipeline, Digest: h.Digest, State: h.State, Error: h.Error, Owner: h.Owner,
		Pinned: h.Pinned, Seq: h.Seq, Created: h.Created.UTC(), Updated: h.Updated.UTC(),
	}
	r.Interrupted = !r.Ended() && !s.cfg.Active(h.Run)
	return r
}

func limitOf(c *fiber.Ctx) (int, error) {
	text := c.Query("limit")
	if text == "" || text == "0" {
		return pageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxPage {
		return 0, badRequest("limit "+strconv.Quote(text)+" is not a number from 1 to "+strconv.Itoa(maxPage), "")
	}
	return n, nil
}

// find gives the run that the path's id names: whole, a unique prefix, or "last".
func (s *Server) find(c *fiber.Ctx) (store.Head, error) { return s.findRun(c, c.Params("id")) }

func (s *Server) findRun(c *fiber.Ctx, id string) (store.Head, error) {
	h, err := s.cfg.Index.Find(c.UserContext(), id)
	if errors.Is(err, store.ErrNotFound) {
		return h, &client.Problem{Code: client.CodeNotFound, Detail: "no run " + id, Fix: "spinbot runs lists them"}
	}
	var ambiguous *store.AmbiguousError
	if errors.As(err, &ambiguous) {
		return h, badRequest(err.Error(), "")
	}
	return h, err
}

func (s *Server) showRun(c *fiber.Ctx) error {
	h, err := s.find(c)
	if err != nil {
		return err
	}
	return s.answerRun(c, h.Run)
}

func (s *Server) answerRun(c *fiber.Ctx, id string) error {
	r, err := s.cfg.Runs.Show(c.UserContext(), id)
	if err != nil {
		return err
	}
	h, err := s.cfg.Index.Find(c.UserContext(), id)
	if err != nil {
		return err
	}
	r.Pinned, r.Interrupted = h.Pinned, !r.Ended() && !s.cfg.Active(id)
	return c.JSON(r)
}

func (s *Server) submit(c *fiber.Ctx) error {
	sub, err := s.submission(c)
	if err != nil {
		return err
	}
	if sub.Rerun == nil && sub.Plan == nil || sub.Pipeline.Path != "" {
		if err := permitted(c, sub.Pipeline); err != nil {
			return err
		}
	}
	if sub.Rerun != nil {
		h, err := s.findRun(c, sub.Rerun.Of)
		if err != nil {
			return err
		}
		sub.Rerun.Of = h.Run
	}
	r, err := s.cfg.Runs.Submit(c.UserContext(), sub, owner)
	if err != nil {
		return err
	}
	c.Location("/api/v1/runs/" + r.ID)
	return c.Status(fiber.StatusAccepted).JSON(r)
}

func (s *Server) plan(c *fiber.Ctx) error {
	sub, err := s.submission(c)
	if err != nil {
		return err
	}
	if err := permitted(c, sub.Pipeline); err != nil {
		return err
	}
	p, err := s.cfg.Planner.Plan(c.UserContext(), sub)
	if err != nil {
		return err
	}
	return c.JSON(p)
}

// permitted refuses paths from anybody but the machine's own user.
func permitted(c *fiber.Ctx, src client.Source) error {
	if src.Path != "" && !private(c) {
		return forbidden("a pipeline's path is taken over the private socket only", "send the file itself as pipeline.text")
	}
	if src.Path != "" && !filepath.IsAbs(src.Path) {
		return badRequest("the pipeline's path "+src.Path+" is not absolute", "")
	}
	if src.Path == "" && src.Text == "" {
		return badRequest("there is no pipeline", "send the file as pipeline.text")
	}
	return nil
}

func (s *Server) submission(c *fiber.Ctx) (sub client.Submission, err error) {
	if boundary, ok := multipartBoundary(c); ok {
		return s.multipart(c, boundary)
	}
	return sub, readJSON(c, &sub)
}

// tell passes on what a person says to a run.
func (s *Server) tell(what string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		var w client.Word
		if err := readJSON(c, &w); err != nil {
			return err
		}
		h, err := s.find(c)
		if err != nil {
			return err
		}
		if err := s.cfg.Runs.Tell(c.UserContext(), h.Run, what, w, owner); err != nil {
			return err
		}
		return s.answerRun(c, h.Run)
	}
}

func (s *Server) explain(c *fiber.Ctx) error {
	h, err := s.find(c)
	if err != nil {
		return err
	}
	x, err := s.cfg.Runs.Explain(c.UserContext(), h.Run, c.Query("node"))
	if err != nil {
		return err
	}
	return c.JSON(x)
}

func (s *Server) logs(c *fiber.Ctx) error {
	h, err := s.find(c)
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
func readJSON(c *fiber.Ctx, out any) error {
	raw, err := readBody(c, maxJSON, "upload artifacts first, and refer to them")
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return badRequest("the body is not the JSON that is wanted: "+err.Error(), "")
	}
	if d.More() {
		return badRequest("the body goes on after its JSON", "")
	}
	return nil
}

// readBody reads a body of at most so many bytes.
func readBody(c *fiber.Ctx, most int, fix string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body(c), int64(most)+1))
	if err != nil {
		return nil, badRequest("the body broke off: "+err.Error(), "")
	}
	if len(raw) > most {
		return nil, &client.Problem{Code: client.CodeTooLarge, Detail: "the body is larger than " + strconv.Itoa(most>>20) + " MiB", Fix: fix}
	}
	return raw, nil
}

// body streams the request's body.
func body(c *fiber.Ctx) io.Reader {
	if r := c.Context().RequestBodyStream(); r != nil {
		return &sent{r: r, left: c.Request().Header.ContentLength()}
	}
	return bytes.NewReader(c.Request().Body())
}

// sent tells a body that broke off from one that ended: the server's stream gives io.EOF for both, and reads on into
// the next request when it is asked again.
type sent struct {
	r    io.Reader
	left int // bytes to come; below 0: not known, since it comes in chunks
	err  error
}

func (b *sent) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if b.left >= 0 {
		b.left -= n
	}
	if errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return n, err
}
