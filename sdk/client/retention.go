package client

import (
	"context"
	"net/http"
	"time"
)

// Sweep asks for the removal of runs that ended longer ago than OlderThan, such as "30d" (empty: what the host has), and of
// artifacts that no run refers to. With DryRun nothing goes.
type Sweep struct {
	DryRun    bool   `json:"dry_run,omitempty"`
	OlderThan string `json:"older_than,omitempty"`
}

// Amount is how many things there are, and their bytes.
type Amount struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Swept is what went, or would go, and why the rest stays.
type Swept struct {
	Version int  `json:"version"`
	DryRun  bool `json:"dry_run"`
	// Before is when a run must have ended to go.
	Before time.Time  `json:"before"`
	Runs   []SweptRun `json:"runs"`
	Kept   []SweptRun `json:"kept"`
	// Results (kept for later runs; bytes without their artifacts), Artifacts and Logs went; KeptArtifacts stay, by the
	// reason.
	Results       Amount            `json:"results"`
	Artifacts     Amount            `json:"artifacts"`
	Logs          Amount            `json:"logs"`
	KeptArtifacts map[string]Amount `json:"kept_artifacts"`
	// JournalBytes is what the database gave back; in a dry run, the bytes of the events that would go.
	JournalBytes int64 `json:"journal_bytes"`
	FreedBytes   int64 `json:"freed_bytes"`
}

// SweptRun is what became of one run.
type SweptRun struct {
	ID       string    `json:"id"`
	Pipeline string    `json:"pipeline"`
	State    string    `json:"state"`
	Updated  time.Time `json:"updated"`
	// Bytes is the size of its events; known of those that would go.
	Bytes int64 `json:"bytes,omitempty"`
	// Why it is kept.
	Why string `json:"why,omitempty"`
}

// Sweep removes what is old and what nothing refers to. The host takes it over the private socket only.
func (c *Client) Sweep(ctx context.Context, s Sweep) (out Swept, err error) {
	return out, c.call(ctx, http.MethodPost, "/api/v1/gc", s, &out)
}

// Pin keeps a run however old it gets, or lets it go like any other.
func (c *Client) Pin(ctx context.Context, id string, on bool) (r Run, err error) {
	word := "/pin"
	if !on {
		word = "/unpin"
	}
	return r, c.call(ctx, http.MethodPost, runPath(id, word), struct{}{}, &r)
}
