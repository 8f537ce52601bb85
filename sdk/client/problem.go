package client

import "fmt"

// The codes of a Problem.
const (
	CodeInvalidPipeline = "invalid_pipeline" // Diagnostics say what is wrong
	CodeInvalidInput    = "invalid_input"    // a variable's value; Diagnostics say which
	CodeBadRequest      = "bad_request"
	CodeUnauthorized    = "unauthorized" // nobody knows who asks; a webhook's request is not signed
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeConflict        = "conflict"
	CodeStale           = "stale" // somebody else has changed it since
	CodeTooLarge        = "too_large"
	CodeUnsupported     = "unsupported" // the host does not take, or cannot work with, what is of this kind
	CodeTooMany         = "too_many"    // wait, as Retry-After says
	CodeUnavailable     = "unavailable"
	CodeNoSpace         = "no_space" // the host's disk is full
	CodeInternal        = "internal"
)

// Problem is an error that the host explains (RFC 9457, application/problem+json).
type Problem struct {
	Type   string `json:"type"` // "about:blank"
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is stable and meant for programs.
	Code string `json:"code"`
	// Fix says what to do about it; may be empty.
	Fix         string       `json:"fix,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
}

// Error gives what happened, and what to do.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Fix != "" {
		return fmt.Sprintf("%s (%s)", text, p.Fix)
	}
	return text
}
