package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Pipeline is a pipeline that lies in one of the host's folders. Lists leave out everything from Variables on.
type Pipeline struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// File is its path on the host's machine.
	File string `json:"file"`
	// State is ready or broken; Reason says why it is broken: then it is out of use.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	// Digest of the pipeline with all its files.
	Digest      string         `json:"digest,omitempty"`
	Variables   []Variable     `json:"variables,omitempty"`
	Outputs     []Output       `json:"outputs,omitempty"`
	Nodes       []PipelineNode `json:"nodes,omitempty"`
	Triggers    []Trigger      `json:"triggers,omitempty"`
	Diagnostics []Diagnostic   `json:"diagnostics,omitempty"`
	// Graph is the pipeline's graph in the format that was asked for: mermaid when none was.
	Graph string `json:"graph,omitempty"`
}

// Variable is a value that whoever submits a run gives.
type Variable struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Type is the type expression as written.
	Type   string     `json:"type"`
	Schema sdk.Schema `json:"schema"`
	// Required: there is no default. That of a sensitive variable is not told.
	Required bool `json:"required"`
	// Default is JSON, so that numbers stay exact.
	Default   json.RawMessage `json:"default,omitempty"`
	Sensitive bool            `json:"sensitive,omitempty"`
	// Options are the only values that it may have; nil: any of its type.
	Options []any    `json:"options,omitempty"`
	Accept  []string `json:"accept,omitempty"`
	// MaxSize of each artifact in bytes; 0: no limit.
	MaxSize int64 `json:"max_size,omitempty"`
}

// Output is a named result of a pipeline.
type Output struct {
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Sensitive   bool       `json:"sensitive,omitempty"`
	Schema      sdk.Schema `json:"schema"`
}

// PipelineNode is one vertex of a pipeline's graph.
type PipelineNode struct {
	// ID is a node's name, gate.<name> or module.<name>.
	ID   string `json:"id"`
	Kind string `json:"kind"` // node, gate or module
	Type string `json:"type,omitempty"`
	// Needs are the IDs of the nodes that have to end before it.
	Needs   []string `json:"needs,omitempty"`
	ForEach bool     `json:"for_each,omitempty"`
	When    bool     `json:"when,omitempty"`
	Repeat  bool     `json:"repeat,omitempty"`
	// Range is its block in the pipeline's file.
	Range Range `json:"range"`
}

// PipelineList is every pipeline that the host knows.
type PipelineList struct {
	Version   int        `json:"version"`
	Pipelines []Pipeline `json:"pipelines"`
}

// Trigger makes runs of its pipeline by itself.
type Trigger struct {
	Pipeline string `json:"pipeline"`
	Name     string `json:"name"`
	Kind     string `json:"kind"` // cron or webhook
	// Schedule to Next are a cron's.
	Schedule string `json:"schedule,omitempty"`
	Timezone string `json:"timezone,omitempty"`
	CatchUp  bool   `json:"catch_up,omitempty"`
	Overlap  string `json:"overlap,omitempty"` // skip or queue
	// Next is when it comes due, in its own time zone.
	Next *time.Time `json:"next,omitempty"`
	// Waiting counts fires that wait for the last run to end.
	Waiting int `json:"waiting,omitempty"`
	// Path is where a webhook is asked.
	Path string `json:"path,omitempty"`
	// LastFired is when the last fire of which a run was made was due, and LastRun that run.
	LastFired *time.Time `json:"last_fired,omitempty"`
	LastRun   string     `json:"last_run,omitempty"`
	// LastError is why the last fire made no run; empty once one has.
	LastError string `json:"last_error,omitempty"`
	// LastSkipped is the last time that was left out, and SkippedBecause why.
	LastSkipped    *time.Time `json:"last_skipped,omitempty"`
	SkippedBecause string     `json:"skipped_because,omitempty"`
}

// TriggerList is every trigger of the pipelines in use.
type TriggerList struct {
	Version  int       `json:"version"`
	Triggers []Trigger `json:"triggers"`
}

// TriggerEvent stands for a webhook's request when a person fires it by hand.
type TriggerEvent struct {
	// Body is JSON.
	Body json.RawMessage `json:"body,omitempty"`
	// Headers have names in lower case.
	Headers map[string]string `json:"headers,omitempty"`
	Query   map[string]string `json:"query,omitempty"`
}

// Delivered says which run was made of a webhook's request.
type Delivered struct {
	Version int    `json:"version"`
	Run     string `json:"run"`
}

// PipelineSource is a pipeline's own file.
type PipelineSource struct {
	Pipeline Pipeline `json:"pipeline"` // with its Diagnostics
	Text     string   `json:"text"`
	// Version changes with the text.
	Version string `json:"version"`
}

// SavePipeline saves a pipeline's file whose version is this one; empty: a new file.
type SavePipeline struct {
	Text    string `json:"text"`
	Version string `json:"version,omitempty"`
	// Files are put beside it, by relative slash path, such as a workflow that it reads. What is there already stays: a file
	// with other content is a conflict.
	Files map[string][]byte `json:"files,omitempty"`
}

// Starter is a pipeline to begin with.
type Starter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Text        string `json:"text"`
}

// StarterList is every starter.
type StarterList struct {
	Version  int       `json:"version"`
	Starters []Starter `json:"starters"`
}

// Formatted is a pipeline's text as it is commonly laid out.
type Formatted struct {
	Version int    `json:"version"`
	Text    string `json:"text"`
}

// PipelineText gives a pipeline's own file.
func (c *Client) PipelineText(ctx context.Context, name string) (s PipelineSource, err error) {
	return s, c.call(ctx, http.MethodGet, "/api/v1/pipelines/"+url.PathEscape(name)+"/source", nil, &s)
}

// SavePipeline saves a pipeline's file. A Problem with CodeStale: it is not at that version.
func (c *Client) SavePipeline(ctx context.Context, name string, p SavePipeline) (s PipelineSource, err error) {
	return s, c.call(ctx, http.MethodPut, "/api/v1/pipelines/"+url.PathEscape(name)+"/source", p, &s)
}

// RemovePipeline removes a pipeline's file that is at a version.
func (c *Client) RemovePipeline(ctx context.Context, name, version string) error {
	var s PipelineSource
	return c.call(ctx, http.MethodDelete, "/api/v1/pipelines/"+url.PathEscape(name)+"/source?version="+url.QueryEscape(version), nil, &s)
}

// Format lays a pipeline's text out.
func (c *Client) Format(ctx context.Context, text string) (f Formatted, err error) {
	return f, c.call(ctx, http.MethodPost, "/api/v1/pipelines/format", Source{Text: text}, &f)
}

// Starters lists the starters, as pipelines of a name.
func (c *Client) Starters(ctx context.Context, name string) (l StarterList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/starters?name="+url.QueryEscape(name), nil, &l)
}

// Pipelines lists the pipelines in the host's folders.
func (c *Client) Pipelines(ctx context.Context) (l PipelineList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/pipelines", nil, &l)
}

// Pipeline shows one of them. graph is empty (mermaid), "dot", "mermaid" or "text".
func (c *Client) Pipeline(ctx context.Context, name, graph string) (p Pipeline, err error) {
	return p, c.call(ctx, http.MethodGet, "/api/v1/pipelines/"+url.PathEscape(name)+"?graph="+url.QueryEscape(graph), nil, &p)
}

// Triggers lists the triggers of all pipelines in use.
func (c *Client) Triggers(ctx context.Context) (l TriggerList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/triggers", nil, &l)
}

// Fire makes a run of a trigger now, whatever its schedule says.
func (c *Client) Fire(ctx context.Context, pipeline, name string, e TriggerEvent) (r Run, err error) {
	return r, c.call(ctx, http.MethodPost, "/api/v1/triggers/"+url.PathEscape(pipeline)+"/"+url.PathEscape(name)+"/fire", e, &r)
}

// SignatureHeader is the header that a webhook's request is signed in; see Signature. GitHub's X-Hub-Signature-256 is
// taken too.
const SignatureHeader = "X-Spinbot-Signature"

// Signature signs a webhook's body with the trigger's secret. It holds for five minutes around the time.
func Signature(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), body) // a hash takes everything
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}
