// Package api is ComfyUI's API over net/http and a WebSocket, and what its failures mean.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	maxAnswer = 64 << 20         // bytes of JSON: what a server with hundreds of node packs says of itself
	maxSaid   = 500              // bytes of what a server says that are repeated
	greeting  = 10 * time.Second // how long a server may take to say hello on a socket
)

// Client talks to one ComfyUI. That has no sign-in; headers are for what stands before it. An Origin header is never sent: with one, ComfyUI
// takes requests for a foreign page's.
type Client struct {
	http    *http.Client
	base    *url.URL
	headers map[string]string
	hint    string
}

var transport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute // it answers while it computes, if slowly
	return t
}()

// New gives the client of a server; hint says what to do when it cannot be reached.
func New(base *url.URL, headers map[string]string, hint string) *Client {
	return &Client{http: &http.Client{Transport: transport}, base: base.JoinPath("/"), headers: headers, hint: hint}
}

// at gives the address of a route. Each has a twin under /api: a base that ends in it is of those.
func (c *Client) at(path string, query url.Values) *url.URL {
	if strings.HasSuffix(strings.TrimSuffix(c.base.Path, "/"), "/api") {
		path = strings.TrimPrefix(path, "/api")
	}
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	return u
}

func (c *Client) head(h http.Header) {
	for name, value := range c.headers {
		h.Set(name, value)
	}
}

// Answered is an answer other than 200.
type Answered struct {
	Status int
	What   string // the request
	Body   []byte
}

func (a *Answered) Error() string {
	said := strings.Join(strings.Fields(string(a.Body)), " ")
	if len(said) > maxSaid {
		said = said[:maxSaid] + "…"
	}
	return fmt.Sprintf("ComfyUI answered %s with %d: %s", a.What, a.Status, said)
}

// Failure makes of what went wrong on the way to the server what a person reads.
func (c *Client) Failure(ctx context.Context, err error) error {
	var a *Answered
	var e *sdk.Error
	var dns *net.DNSError
	var file *fs.PathError
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &a) && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden):
		return sdk.Refuse(a.Error(), "what stands before the server wants a sign-in: set headers in the plugin's block of spinbot.hcl")
	case errors.As(err, &a) && a.Status == http.StatusRequestEntityTooLarge:
		return sdk.Refuse(a.Error(), "start ComfyUI with a larger --max-upload-size, and see what the proxy before it takes")
	case errors.As(err, &a):
		if a.Status >= 500 || a.Status == http.StatusTooManyRequests {
			return sdk.Fail(a.Error(), "try again; ComfyUI's log knows more")
		}
		return sdk.Refuse(a.Error(), "is that a ComfyUI, and not what stands before it?")
	case errors.As(err, &file):
		hint := ""
		if errors.Is(err, syscall.ENOSPC) {
			hint = "make room on this machine's disk"
		}
		return sdk.Fail(err.Error(), hint)
	case errors.As(err, &dns):
		return sdk.Fail("no machine is called "+dns.Name, c.hint)
	}
	at := "ComfyUI at " + c.at("", nil).Redacted()
	if Unreachable(err) {
		return sdk.Fail(at+" cannot be reached: "+Plain(err), c.hint)
	}
	return sdk.Fail("the connection to "+at+" broke: "+Plain(err), c.hint)
}

// Unreachable says whether an error is that nobody listens at the address.
func Unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// Plain leaves out of an error what would repeat the address, which may hold a password.
func Plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// do sends one request; the caller closes the answer's body.
func (c *Client) do(ctx context.Context, method string, u *url.URL, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if span := sdk.TraceParent(ctx); span != "" {
		req.Header.Set("traceparent", span)
	}
	c.head(req.Header)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // the status says the most
		return nil, &Answered{res.StatusCode, method + " " + u.Path, said}
	}
	return res, nil
}

// Ask exchanges JSON; into may be nil. Numbers stay exact.
func (c *Client) Ask(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var text io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(raw)
	}
	kind := ""
	if body != nil {
		kind = "application/json"
	}
	u := c.at(path, query)
	res, err := c.do(ctx, method, u, kind, text)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if into == nil {
		return nil
	}
	d := json.NewDecoder(io.LimitReader(res.Body, maxAnswer))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return sdk.Fail(fmt.Sprintf("ComfyUI's answer to %s cannot be read: %v", u.Path, err), "is that a ComfyUI server? "+c.hint)
	}
	return nil
}

// Upload gives the server a file of whatever kind, and gets back what workflows call it: all kinds go the way of pictures.
func (c *Client) Upload(ctx context.Context, path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { // ends when all is read, or r is closed
		part, err := form.CreateFormFile("image", name)
		if err == nil {
			_, err = io.Copy(part, f)
		}
		for _, field := range [][2]string{{"type", "input"}, {"subfolder", "spinbot"}, {"overwrite", "true"}} {
			if err == nil {
				err = form.WriteField(field[0], field[1])
			}
		}
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	defer func() { _ = r.Close() }()
	res, err := c.do(ctx, http.MethodPost, c.at("/upload/image", nil), form.FormDataContentType(), r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var got struct{ Name, Subfolder string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&got); err != nil || got.Name == "" {
		return "", sdk.Fail("ComfyUI took "+name+" and did not say what it calls it", "is that a ComfyUI, and not what stands before it?")
	}
	if got.Subfolder != "" {
		return got.Subfolder + "/" + got.Name, nil
	}
	return got.Name, nil
}

// File is a file as the server names it.
type File struct {
	Filename  string `json:"filename"`
	Subfolder string `json:"subfolder"`
	Type      string `json:"type"`
}

// Download fetches a file that a workflow made.
func (c *Client) Download(ctx context.Context, f File, to string) (kind string, err error) {
	res, err := c.do(ctx, http.MethodGet, c.at("/view", url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {f.Type}}), "", nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	n, err := io.Copy(file, res.Body)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil && n == 0 {
		return "", sdk.Fail("ComfyUI gave an empty file for "+f.Filename, "it may have been removed, or its disk be full: try again")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(to), err)
	}
	return res.Header.Get("Content-Type"), nil
}

// Listen opens the socket on which the server says how prompts of this client go.
func (c *Client) Listen(ctx context.Context, client string) (*websocket.Conn, error) {
	header := http.Header{}
	c.head(header)
	conn, res, err := websocket.Dial(ctx, c.at("/ws", url.Values{"clientId": {client}}).String(), &websocket.DialOptions{HTTPHeader: header, HTTPClient: c.http})
	if res != nil && res.Body != nil {
		res.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxAnswer)
	patient, done := context.WithTimeout(ctx, greeting)
	defer done()
	if _, _, err := conn.Read(patient); err != nil { // from then on it is known
		_ = conn.CloseNow()
		return nil, err
	}
	return conn, conn.Write(ctx, websocket.MessageText, []byte(`{"type":"feature_flags","data":{"supports_preview_metadata":true}}`))
}
