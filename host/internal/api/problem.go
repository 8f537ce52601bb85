package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fail is the one place where an error becomes an answer.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && s.cfg.Log != nil {
		s.cfg.Log.Error("request failed", "method", c.Method(), "route", c.Route().Path, "error", err)
	}
	if c.Method() != fiber.MethodGet {
		// What is left of the body would be read as the next request of this connection.
		c.Context().SetConnectionClose()
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Status(p.Status).Set(fiber.HeaderContentType, "application/problem+json")
	return c.Send(raw)
}

func problemOf(err error) *client.Problem {
	p := &client.Problem{Status: http.StatusInternalServerError, Code: client.CodeInternal, Detail: err.Error()}
	var known *client.Problem
	var routing *fiber.Error
	switch {
	case errors.As(err, &known):
		c := *known
		p = &c
	case errors.Is(err, store.ErrNotFound), errors.Is(err, artifacts.ErrNotFound), errors.Is(err, artifacts.ErrDigest):
		p.Status, p.Code = http.StatusNotFound, client.CodeNotFound
	case errors.Is(err, store.ErrConflict):
		p.Status, p.Code = http.StatusConflict, client.CodeConflict
	case errors.Is(err, store.ErrStopped), errors.Is(err, store.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Code = http.StatusServiceUnavailable, client.CodeUnavailable
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
	{client.CodeTooLarge, http.StatusRequestEntityTooLarge},
	{client.CodeInvalidPipeline, http.StatusUnprocessableEntity},
	{client.CodeInvalidInput, http.StatusUnprocessableEntity},
	{client.CodeUnavailable, http.StatusServiceUnavailable},
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

func badRequest(detail, fix string) error {
	return &client.Problem{Code: client.CodeBadRequest, Detail: detail, Fix: fix}
}

func forbidden(detail, fix string) error {
	return &client.Problem{Code: client.CodeForbidden, Detail: detail, Fix: fix}
}
