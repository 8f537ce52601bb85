package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Gate is a question that a run asks a person. It is answered with WordAnswer.
type Gate struct {
	Run      string `json:"run"`
	Pipeline string `json:"pipeline"`
	At       string `json:"at"` // its address within the run
	// Ask is the question; AskRef is the digest of an artifact that holds it, when it is big.
	Ask    *Question  `json:"ask,omitempty"`
	AskRef string     `json:"ask_ref,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"` // absent: it waits for ever
}

// GateList is the questions of a page of runs.
type GateList struct {
	Version int    `json:"version"`
	Gates   []Gate `json:"gates"`
	// Next is the run id to ask for those of older runs with; empty at the end.
	Next string `json:"next,omitempty"`
}

// Gates lists what runs ask people; before is the Next of the page before.
func (c *Client) Gates(ctx context.Context, before string) (l GateList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/gates?before="+url.QueryEscape(before), nil, &l)
}
