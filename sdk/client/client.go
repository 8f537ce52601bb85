package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Client talks to one host. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
	pause func(ctx context.Context, tries int) error // before an upload is continued
}

// New makes a client of the host at base, such as "http://127.0.0.1:8080". A nil hc means http.DefaultClient.
func New(base string, hc *http.Client) *Client {
	if hc == nil {
		hc = http.DefaultClient
	}
	return &Client{base: strings.TrimRight(base, "/"), http: hc, pause: wait}
}

// Unix makes a client of the host that listens on the unix socket at path.
func Unix(path string) *Client {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	return New("http://spinbot", &http.Client{Transport: t})
}

// WithToken gives a client that signs in with an API token; an empty one is none.
func (c *Client) WithToken(token string) *Client {
	with := *c
	with.token = token
	return &with
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health asks whether the host is well. A host that is not answers too: with the Status "failing".
func (c *Client) Health(ctx context.Context) (Health, error) { return c.health(ctx, "/health") }

func (c *Client) health(ctx context.Context, path string) (h Health, err error) {
	res, err := c.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return h, err
	}
	defer res.Body.Close()
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode >= 300 && (res.StatusCode != http.StatusServiceUnavailable || kind != "application/json") {
		return h, problemOf(res)
	}
	return h, read(res, &h)
}

// Submit starts a run. It returns once the run is durable.
func (c *Client) Submit(ctx context.Context, s Submission) (r Run, err error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return r, err
	}
	headers := []string{"Content-Type", "application/json"}
	if s.Key != "" {
		headers = append(headers, HeaderKey, s.Key)
	}
	if s.TraceParent != "" {
		headers = append(headers, HeaderTrace, s.TraceParent)
	}
	res, err := c.with(ctx, http.MethodPost, "/api/v1/runs", bytes.NewReader(raw), headers...)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	err = read(res, &r)
	r.Repeated = res.Header.Get(HeaderRepeated) == "true"
	return r, err
}

// Plan says what a run would do; it makes none.
func (c *Client) Plan(ctx context.Context, s Submission) (p Plan, err error) {
	return p, c.call(ctx, http.MethodPost, "/api/v1/plans", s, &p)
}

// RunQuery selects runs.
type RunQuery struct {
	Pipeline string
	State    string
	Owner    string
	Text     string    // in its id, its pipeline, its owner or its error
	Since    time.Time // made then or later
	Until    time.Time // made before
	Before   string    // run id to page on from
	Limit    int       // 0: the host's choice
}

// Runs lists runs, newest first.
func (c *Client) Runs(ctx context.Context, q RunQuery) (l RunList, err error) {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("pipeline", q.Pipeline)
	set("state", q.State)
	set("owner", q.Owner)
	set("q", q.Text)
	set("before", q.Before)
	for key, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			v.Set(key, t.Format(time.RFC3339Nano))
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return l, c.call(ctx, http.MethodGet, "/api/v1/runs?"+v.Encode(), nil, &l)
}

// Run shows one run with its nodes.
func (c *Client) Run(ctx context.Context, id string) (r Run, err error) {
	return r, c.call(ctx, http.MethodGet, runPath(id, ""), nil, &r)
}

// Tell says something to a run; what is WordCancel, WordAnswer or another of them. It returns once that is recorded.
func (c *Client) Tell(ctx context.Context, id, what string, w Word) (r Run, err error) {
	return r, c.call(ctx, http.MethodPost, runPath(id, "/"+what), w, &r)
}

// Cancel asks for the end of a run; it returns once the wish is recorded.
func (c *Client) Cancel(ctx context.Context, id, reason string) (r Run, err error) {
	return c.Tell(ctx, id, WordCancel, Word{Reason: reason})
}

// Resume continues a run that failed, was cancelled, interrupted or paused; nodes that succeeded stay so.
func (c *Client) Resume(ctx context.Context, id string) (r Run, err error) {
	return c.Tell(ctx, id, WordResume, Word{})
}

// Queue lists the runs that wait for their turn, at most limit (0: the host's choice).
func (c *Client) Queue(ctx context.Context, limit int) (q Queue, err error) {
	return q, c.call(ctx, http.MethodGet, "/api/v1/queue?limit="+strconv.Itoa(limit), nil, &q)
}

// NextInQueue puts a run that waits before all others.
func (c *Client) NextInQueue(ctx context.Context, run string) (q Queue, err error) {
	return q, c.call(ctx, http.MethodPost, "/api/v1/queue/next", NextRun{run}, &q)
}

// MoveInQueue puts a run that waits beside another one.
func (c *Client) MoveInQueue(ctx context.Context, m MoveRun) (q Queue, err error) {
	return q, c.call(ctx, http.MethodPost, "/api/v1/queue/move", m, &q)
}

// TellQueue pauses the queue ("pause"), lets it go on ("resume") or cancels all that waits in it ("clear").
func (c *Client) TellQueue(ctx context.Context, what string) (q Queue, err error) {
	return q, c.call(ctx, http.MethodPost, "/api/v1/queue/"+what, struct{}{}, &q)
}

// Cache lists the results that are kept for later runs.
func (c *Client) Cache(ctx context.Context) (l CacheList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/cache", nil, &l)
}

// CacheRemove forgets the result of a key, or of a unique prefix of it.
func (c *Client) CacheRemove(ctx context.Context, key string) (l CacheList, err error) {
	return l, c.call(ctx, http.MethodDelete, "/api/v1/cache/"+url.PathEscape(key), nil, &l)
}

// CacheGC forgets results and gives those that went.
func (c *Client) CacheGC(ctx context.Context, g CacheGC) (l CacheList, err error) {
	return l, c.call(ctx, http.MethodPost, "/api/v1/cache/gc", g, &l)
}

// Explain says why a run stands where it stands; node is empty, or a node's name or address within the run.
func (c *Client) Explain(ctx context.Context, id, node string) (x Explained, err error) {
	return x, c.call(ctx, http.MethodGet, runPath(id, "/explain?node="+url.QueryEscape(node)), nil, &x)
}

// Reports gives what a run's nodes said last, as far as the host remembers, at most limit (0: the host's choice); node is as for Logs.
func (c *Client) Reports(ctx context.Context, id, node string, limit int) (l ReportList, err error) {
	return l, c.call(ctx, http.MethodGet, runPath(id, fmt.Sprintf("/reports?node=%s&limit=%d", url.QueryEscape(node), limit)), nil, &l)
}

// Attempts gives the last attempts of a node instance, at most limit (0: the host's choice). The node is an address within the run.
func (c *Client) Attempts(ctx context.Context, id, node string, limit int) (l AttemptList, err error) {
	return l, c.call(ctx, http.MethodGet, runPath(id, fmt.Sprintf("/attempts?node=%s&limit=%d", url.QueryEscape(node), limit)), nil, &l)
}

// Events reads recorded events above a sequence number, at most limit (0: the host's choice).
func (c *Client) Events(ctx context.Context, id string, after uint64, limit int) (l EventList, err error) {
	path := fmt.Sprintf("%s?after=%d&limit=%d", runPath(id, "/events"), after, limit)
	return l, c.call(ctx, http.MethodGet, path, nil, &l)
}

// Logs streams a run's log as JSON lines, each a LogLine; node is empty, a node's name or one instance ("shot[2]").
func (c *Client) Logs(ctx context.Context, id, node string) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, runPath(id, "/logs?node="+url.QueryEscape(node)), "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Upload stores bytes as an artifact. name and mediaType are hints; the host looks at the bytes. Of a file, or what else can
// be read from anywhere, more than 8 MiB are sent so that they go on where they broke off.
func (c *Client) Upload(ctx context.Context, name, mediaType string, r io.Reader) (a sdk.Artifact, err error) {
	if s, ok := rest(r); ok && s.Size() > resumable {
		return c.uploadLarge(ctx, name, mediaType, s)
	}
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	body, w := io.Pipe() // net/http waits for a read that is under way; one of a pipe can be ended with ctx
	defer context.AfterFunc(ctx, func() { _ = body.CloseWithError(context.Cause(ctx)) })()
	defer func() { _ = body.Close() }() // ends the copying
	go func() {
		_, err := io.Copy(w, r)
		_ = w.CloseWithError(err)
	}()
	res, err := c.do(ctx, http.MethodPost, "/api/v1/artifacts?name="+url.QueryEscape(name), mediaType, body)
	if err != nil && ctx.Err() != nil {
		return a, fmt.Errorf("upload %s: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	var v sdk.Values
	if err := read(res, &v); err != nil {
		return a, fmt.Errorf("upload %s: %w", name, err)
	}
	a, ok := v["artifact"].(sdk.Artifact)
	if !ok {
		return a, fmt.Errorf("upload %s: the host answered with no artifact", name)
	}
	return a, nil
}

// Download streams an artifact's bytes.
func (c *Client) Download(ctx context.Context, digest string) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, "/api/v1/artifacts/"+url.PathEscape(digest), "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// NodeTypes lists what nodes can do now.
func (c *Client) NodeTypes(ctx context.Context) (l NodeTypeList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/node-types", nil, &l)
}

// Plugins lists plugins and modules with their state.
func (c *Client) Plugins(ctx context.Context) (l PluginList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/plugins", nil, &l)
}

// Trust lets this machine run a plugin or module as it is now. The host takes it over the private socket only.
func (c *Client) Trust(ctx context.Context, name string) (p Plugin, err error) {
	return p, c.call(ctx, http.MethodPost, "/api/v1/plugins/"+url.PathEscape(name)+"/trust", struct{}{}, &p)
}

// Check checks a pipeline without running it. graph is empty, "dot", "mermaid" or "text".
func (c *Client) Check(ctx context.Context, s Source, graph string) (r Checked, err error) {
	return r, c.call(ctx, http.MethodPost, "/api/v1/pipelines/check?graph="+url.QueryEscape(graph), s, &r)
}

func runPath(id, rest string) string { return "/api/v1/runs/" + url.PathEscape(id) + rest }

// call sends in as JSON, when there is any, and reads the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	contentType := ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, contentType = bytes.NewReader(raw), "application/json"
	}
	res, err := c.do(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return read(res, out)
}

// read reads a JSON answer into out.
func read(res *http.Response, out any) error {
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: the host's answer: %w", res.Request.Method, res.Request.URL, err)
	}
	_, _ = io.Copy(io.Discard, res.Body) // to the end, so that the connection is used again
	return nil
}

// do sends a request; an answer that is no success is its error.
func (c *Client) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	return succeeded(c.send(ctx, method, path, contentType, body))
}

// with is do with headers: names and values.
func (c *Client) with(ctx context.Context, method, path string, body io.Reader, headers ...string) (*http.Response, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	for k := 0; k < len(headers); k += 2 {
		req.Header.Set(headers[k], headers[k+1])
	}
	return succeeded(c.http.Do(req))
}

func succeeded(res *http.Response, err error) (*http.Response, error) {
	if err != nil || res.StatusCode < 300 {
		return res, err
	}
	defer res.Body.Close()
	return nil, problemOf(res)
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" && ctx.Err() == nil {
		err = fmt.Errorf("the host at %s does not answer: %w; is spinbot serve running there, and does a firewall let its port through?", c.base, dial)
	}
	return res, err
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err == nil && c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, err
}

// problemOf reads the host's explanation, or makes one of the status.
func problemOf(res *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind == "application/problem+json" {
		var p Problem
		if err := json.Unmarshal(raw, &p); err == nil && p.Code != "" {
			return &p
		}
	}
	return &Problem{Title: res.Status, Status: res.StatusCode, Code: CodeInternal,
		Detail: fmt.Sprintf("%s %s: %s", res.Request.Method, res.Request.URL, res.Status)}
}
