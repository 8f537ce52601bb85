package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Figures are what attempts have used together.
type Figures struct {
	Attempts int `json:"attempts"`
	// GPUSeconds are their parts of devices; GuessedSeconds what of that nobody has measured, since whoever carried it out was lost.
	GPUSeconds     float64 `json:"gpu_seconds"`
	GuessedSeconds float64 `json:"guessed_seconds,omitempty"`
	// EnergyWh is what devices drew for them, in watt-hours; EstimatedWh what of that no counter has measured. Of UnknownSeconds of
	// GPUSeconds nobody knows the energy.
	EnergyWh       float64 `json:"energy_wh"`
	EstimatedWh    float64 `json:"estimated_wh,omitempty"`
	UnknownSeconds float64 `json:"unknown_seconds,omitempty"`
	CPUSeconds     float64 `json:"cpu_seconds"` // of control nodes
	ReadBytes      int64   `json:"read_bytes"`  // of artifacts
	MadeBytes      int64   `json:"made_bytes"`
	// PeakMemory is the most memory of one device that an attempt used, in bytes.
	PeakMemory int64 `json:"peak_memory,omitempty"`
	// Cost is in the bill's currency; 0 without one.
	Cost float64 `json:"cost,omitempty"`
}

// Spent is what was used; what of it was for nothing, since the attempt did not end well; and what was not used, since a result was
// known.
type Spent struct {
	Used   Figures `json:"used"`
	Wasted Figures `json:"wasted"`
	Saved  Figures `json:"saved"`
}

// BillLine is what attempts of one node type had of one device on one day.
type BillLine struct {
	Day    string `json:"day"`              // in UTC: 2026-01-31
	Type   string `json:"type,omitempty"`   // node type
	Device string `json:"device,omitempty"` // UUID; absent: they had none
	Name   string `json:"name,omitempty"`   // of the device
	Spent
}

// RunBill is what a run has used.
type RunBill struct {
	Version  int    `json:"version"`
	Run      string `json:"run"`
	Pipeline string `json:"pipeline"`
	User     string `json:"user,omitempty"`
	// Ended: nothing more comes. Imported: another host has carried it out, and no total counts it.
	Ended    bool       `json:"ended"`
	Imported bool       `json:"imported,omitempty"`
	Currency string     `json:"currency,omitempty"` // absent: there are no prices
	Lines    []BillLine `json:"lines"`
	Total    Spent      `json:"total"`
}

// BillGroup is what one group of runs, or of parts of them, has used.
type BillGroup struct {
	Key  string `json:"key"`            // as the bill is grouped: a user, a pipeline, a day, …
	Name string `json:"name,omitempty"` // of a device
	Runs int    `json:"runs"`
	Spent
}

// Bill is what runs have used. What is shared out over several groups, such as a run's over days, is in each of them with its part.
type Bill struct {
	Version int `json:"version"`
	// By is run, user, pipeline, node (the node type), device or day.
	By       string      `json:"by"`
	Since    string      `json:"since,omitempty"` // the first day, in UTC
	Until    string      `json:"until,omitempty"` // the day after the last one
	User     string      `json:"user,omitempty"`  // of this user alone
	Pipeline string      `json:"pipeline,omitempty"`
	Currency string      `json:"currency,omitempty"` // absent: there are no prices
	Groups   []BillGroup `json:"groups"`
	More     int         `json:"more,omitempty"` // groups that are not listed; Total counts them
	Total    BillGroup   `json:"total"`
}

// BillQuery selects what is added up. What is empty selects all.
type BillQuery struct {
	By             string // as Bill.By; empty: user
	Since, Until   string // days in UTC, such as 2026-01-31: from the first one until before the other
	User, Pipeline string
	Limit          int // groups; 0: 1000
}

// Bill adds up what runs have used.
func (c *Client) Bill(ctx context.Context, q BillQuery) (b Bill, err error) {
	v := url.Values{}
	for name, text := range map[string]string{"by": q.By, "since": q.Since, "until": q.Until, "user": q.User, "pipeline": q.Pipeline} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return b, c.call(ctx, http.MethodGet, "/api/v1/bill?"+v.Encode(), nil, &b)
}

// RunBill gives what a run has used; one that retention has removed goes by its whole id.
func (c *Client) RunBill(ctx context.Context, run string) (b RunBill, err error) {
	return b, c.call(ctx, http.MethodGet, "/api/v1/runs/"+url.PathEscape(run)+"/bill", nil, &b)
}
