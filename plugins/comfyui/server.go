package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	maxAnswer = 64 << 20         // bytes of JSON: what a server with hundreds of node packs says of itself
	maxSaid   = 500              // bytes of what a server says that are repeated
	glance    = 3 * time.Second  // how long resident waits for an answer
	greeting  = 10 * time.Second // how long a server may take to say hello on a socket
	startHint = "start ComfyUI, or say where it is: plugin \"comfyui\" { url = \"http://127.0.0.1:8188\" } in spinbot.hcl"
)

// server is a ComfyUI that runs by itself. It has no sign-in; headers are for what stands before it. An Origin header is never sent:
// with one, ComfyUI takes requests for a foreign page's.
type server struct {
	client *http.Client

	mu      sync.Mutex
	base    *url.URL
	headers map[string]string
	loaded  map[string]int // models of prompts since memory was freed, and how many use each now

	installed   map[string]string // versions of node packs, as of installedAt
	installedAt time.Time
}

func newServer() *server {
	base, _ := url.Parse("http://127.0.0.1:8188")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 2 * time.Minute // it answers while it computes, if slowly
	return &server{client: &http.Client{Transport: transport}, base: base, loaded: map[string]int{}}
}

func (s *server) configure(c config) error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return sdk.Refuse("url is no address of a server", "write it like http://127.0.0.1:8188") // it may hold a password
	}
	for name := range c.Headers {
		if strings.EqualFold(name, "Origin") {
			return sdk.Refuse("headers: ComfyUI refuses requests with an Origin header", "leave it out")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base, s.headers = u, c.Headers
	return nil
}

func (s *server) at(path string, query url.Values) *url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	return u
}

func (s *server) head(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range s.headers {
		h.Set(name, value)
	}
}

// answered is an answer other than 200.
type answered struct {
	status int
	what   string
	body   []byte
}

func (a *answered) Error() string {
	said := strings.Join(strings.Fields(string(a.body)), " ")
	if len(said) > maxSaid {
		said = said[:maxSaid] + "…"
	}
	return fmt.Sprintf("ComfyUI answered %s with %d: %s", a.what, a.status, said)
}

// failure makes of what went wrong on the way to the server what a person reads.
func (s *server) failure(ctx context.Context, err error) error {
	var a *answered
	var e *sdk.Error
	var dns *net.DNSError
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &a) && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden):
		return sdk.Refuse(a.Error(), "what stands before the server wants a sign-in: set headers in the plugin's block of spinbot.hcl")
	case errors.As(err, &a):
		return &sdk.Error{Cause: sdk.CauseFailed, Message: a.Error(), Permanent: a.status < 500 && a.status != http.StatusTooManyRequests}
	case errors.As(err, &dns):
		return sdk.Fail("no machine is called "+dns.Name, startHint)
	}
	return sdk.Fail("ComfyUI at "+s.at("", nil).Redacted()+" cannot be reached: "+plain(err), startHint)
}

// plain leaves out of an error what would repeat the address, which may hold a password.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// do sends one request; the caller closes the answer's body.
func (s *server) do(ctx context.Context, method string, u *url.URL, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	s.head(req.Header)
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // the status says the most
		return nil, &answered{res.StatusCode, method + " " + u.Path, said}
	}
	return res, nil
}

// ask exchanges JSON; into may be nil. Numbers stay exact.
func (s *server) ask(ctx context.Context, method, path string, query url.Values, body, into any) error {
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
	u := s.at(path, query)
	res, err := s.do(ctx, method, u, kind, text)
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
		return sdk.Fail(fmt.Sprintf("ComfyUI's answer to %s cannot be read: %v", u.Path, err), "is that a ComfyUI server? "+startHint)
	}
	return nil
}

// upload gives the server a file, and gets back what workflows call it.
func (s *server) upload(ctx context.Context, route, path, name string) (string, error) {
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
	res, err := s.do(ctx, http.MethodPost, s.at(route, nil), form.FormDataContentType(), r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var got struct{ Name, Subfolder string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&got); err != nil || got.Name == "" {
		return "", sdk.Fail("ComfyUI took "+name+" and did not say what it calls it", "")
	}
	if got.Subfolder != "" {
		return got.Subfolder + "/" + got.Name, nil
	}
	return got.Name, nil
}

// download fetches a file that a workflow made.
func (s *server) download(ctx context.Context, f made, to string) (kind string, err error) {
	res, err := s.do(ctx, http.MethodGet, s.at("/view", url.Values{"filename": {f.Filename}, "subfolder": {f.Subfolder}, "type": {f.Type}}), "", nil)
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
		err = sdk.Fail("ComfyUI gave an empty file for "+f.Filename, "")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(to), err)
	}
	return res.Header.Get("Content-Type"), nil
}

// listen opens the socket on which the server says how prompts of this client go.
func (s *server) listen(ctx context.Context, client string) (*websocket.Conn, error) {
	header := http.Header{}
	s.head(header)
	c, res, err := websocket.Dial(ctx, s.at("/ws", url.Values{"clientId": {client}}).String(), &websocket.DialOptions{HTTPHeader: header, HTTPClient: s.client})
	if res != nil && res.Body != nil {
		res.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(maxAnswer)
	patient, done := context.WithTimeout(ctx, greeting)
	defer done()
	if _, _, err := c.Read(patient); err != nil { // from then on it is known
		_ = c.CloseNow()
		return nil, err
	}
	return c, c.Write(ctx, websocket.MessageText, []byte(`{"type":"feature_flags","data":{"supports_preview_metadata":true}}`))
}

// hold counts a prompt's models as loaded, and in use until release.
func (s *server) hold(models []string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range models {
		s.loaded[m]++
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range models {
			s.loaded[m]--
		}
	}
}

// unnamed is what the server holds, in resident, when no prompt of ours has loaded it.
const unnamed = "loaded by others"

// resident tells of the models of prompts, and gives the first all the memory that the server holds: it does not say which holds how much.
func (s *server) resident(ctx context.Context) ([]sdk.Model, error) {
	ctx, done := context.WithTimeout(ctx, glance)
	defer done()
	st, err := s.stats(ctx)
	if err != nil {
		return nil, err
	}
	waits, err := s.waiting(ctx)
	if err != nil {
		return nil, err
	}
	var held int64
	for _, d := range st.Devices {
		held += d.Torch
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []sdk.Model
	for _, name := range slices.Sorted(maps.Keys(s.loaded)) {
		all = append(all, sdk.Model{Name: name, InUse: waits > 0})
	}
	if len(all) == 0 && held > 0 {
		all = []sdk.Model{{Name: unnamed, InUse: waits > 0}}
	}
	if len(all) > 0 {
		all[0].Memory = held
	}
	return all, nil
}

// unload has the server free its memory. It knows no single models.
func (s *server) unload(ctx context.Context, model string) error {
	s.mu.Lock()
	uses, ok := s.loaded[model]
	for _, n := range s.loaded {
		uses = max(uses, n)
	}
	s.mu.Unlock()
	if model != "" && model != unnamed && !ok {
		return nil
	}
	if uses > 0 {
		return sdk.Fail("a prompt uses what is loaded", "")
	}
	if err := s.ask(ctx, http.MethodPost, "/free", nil, map[string]bool{"unload_models": true, "free_memory": true}, nil); err != nil {
		return s.failure(ctx, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, n := range s.loaded {
		if n == 0 {
			delete(s.loaded, name)
		}
	}
	return nil
}
