package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// problem is a client.Problem on its way out.
type problem struct{ client.Problem }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// fail answers with an error.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	p := s.explain(c.UserContext(), err)
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(p.Status).Send(raw)
}

// explain is the one place where an error becomes an answer.
func (s *Server) explain(ctx context.Context, err error) *problem {
	p := Problem(err)
	if p.Status >= http.StatusInternalServerError {
		s.tellFailed(ctx, p, err)
	}
	return &problem{*p}
}

// wrong is what huma found wrong with a request.
func wrong(status int, text string, errs []error) *problem {
	var found []string
	for _, err := range errs {
		var detailed huma.ErrorDetailer
		if d := (*huma.ErrorDetail)(nil); errors.As(err, &detailed) {
			if d = detailed.ErrorDetail(); d.Location != "" {
				found = append(found, d.Location+": "+d.Message)
				continue
			}
			found = append(found, d.Message)
		} else if err != nil {
			found = append(found, err.Error())
		}
	}
	if status == http.StatusUnprocessableEntity { // which is for pipelines and their inputs
		status = http.StatusBadRequest
	}
	p := &problem{client.Problem{Status: status, Code: codeOf(status), Detail: text}}
	switch {
	case status == http.StatusRequestEntityTooLarge:
		p.Detail, p.Fix = fmt.Sprintf("the body is larger than %d MiB", MaxJSON>>20), "upload artifacts first, and refer to them"
	case len(found) > 0:
		p.Detail = "the request is not what is wanted: " + strings.Join(found, "; ")
		p.Fix = "GET /api/openapi.json says what is"
	}
	p.Type, p.Title = "about:blank", http.StatusText(status)
	return p
}

// Problem gives what is said of an error. Most packages know their own; what is nobody's fault is internal.
func Problem(err error) *client.Problem {
	p := &client.Problem{Status: http.StatusInternalServerError, Code: client.CodeInternal, Detail: err.Error()}
	var known *client.Problem
	var out *problem
	var routing *fiber.Error
	var several *store.AmbiguousError
	switch {
	case errors.As(err, &out):
		return &out.Problem
	case errors.As(err, &known):
		c := *known
		p = &c
	case errors.As(err, &several):
		p.Status, p.Code = http.StatusBadRequest, client.CodeBadRequest
	case errors.Is(err, store.ErrNotFound):
		p.Status, p.Code, p.Fix = http.StatusNotFound, client.CodeNotFound, "spinbot runs lists them"
	case errors.Is(err, artifacts.ErrNotFound), errors.Is(err, artifacts.ErrDigest):
		p.Status, p.Code = http.StatusNotFound, client.CodeNotFound
	case errors.Is(err, store.ErrConflict):
		p.Status, p.Code = http.StatusConflict, client.CodeConflict
	case errors.Is(err, store.ErrStopped), errors.Is(err, store.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Code = http.StatusServiceUnavailable, client.CodeUnavailable
	case artifacts.IsFull(err):
		p.Status, p.Code = http.StatusInsufficientStorage, client.CodeNoSpace
	case errors.As(err, &routing):
		p.Status, p.Code = routing.Code, codeOf(routing.Code)
	}
	if p.Status == 0 {
		p.Status = statusOf(p.Code)
	}
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	return p
}

// codes pairs each code with its status, both ways.
var codes = []struct {
	code   string
	status int
}{
	{client.CodeBadRequest, http.StatusBadRequest},
	{client.CodeUnauthorized, http.StatusUnauthorized},
	{client.CodeForbidden, http.StatusForbidden},
	{client.CodeNotFound, http.StatusNotFound},
	{client.CodeConflict, http.StatusConflict},
	{client.CodeStale, http.StatusPreconditionFailed},
	{client.CodeTooLarge, http.StatusRequestEntityTooLarge},
	{client.CodeUnsupported, http.StatusUnsupportedMediaType},
	{client.CodeInvalidPipeline, http.StatusUnprocessableEntity},
	{client.CodeInvalidInput, http.StatusUnprocessableEntity},
	{client.CodeTooMany, http.StatusTooManyRequests},
	{client.CodeUnavailable, http.StatusServiceUnavailable},
	{client.CodeNoSpace, http.StatusInsufficientStorage},
	{client.CodeInternal, http.StatusInternalServerError},
}

func statusOf(code string) int {
	for _, c := range codes {
		if c.code == code {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

func codeOf(status int) string {
	for _, c := range codes {
		if c.status == status {
			return c.code
		}
	}
	if status < http.StatusInternalServerError {
		return client.CodeBadRequest
	}
	return client.CodeInternal
}

// BadRequest says what is wrong with a request, and what to do about it.
func BadRequest(detail, fix string) error {
	return &client.Problem{Code: client.CodeBadRequest, Detail: detail, Fix: fix}
}

// Forbidden says why somebody may not do this, and what they can do.
func Forbidden(detail, fix string) error {
	return &client.Problem{Code: client.CodeForbidden, Detail: detail, Fix: fix}
}
