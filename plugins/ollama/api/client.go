// Package api speaks the API of an Ollama over net/http, and says in words what goes wrong on the way: it knows no node types and no models.
package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	maxLine = 64 << 20 // bytes of one answer, or of one line of a stream
	maxSaid = 500      // bytes of what a server says that are repeated
)

// Client speaks Ollama's API. It has no timeouts but for connecting: a model may think as long as its task may take.
type Client struct {
	http *http.Client
	// Base is where the server is.
	Base    *url.URL
	headers map[string]string
	hint    string // what to do when it cannot be reached
}

// Transport has a limit of time for connecting, and none for answers.
var Transport = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.MaxIdleConnsPerHost = 16
	return t
}()

// New gives the client of a server; hint says what to do when it cannot be reached.
func New(base *url.URL, headers map[string]string, hint string) *Client {
	return &Client{http: &http.Client{Transport: Transport}, Base: base, headers: headers, hint: hint}
}

// Answered is an answer other than 2xx, or an error that came in a stream: status 0.
type Answered struct {
	Status int
	what   string // the path
	said   string
}

// Error says what was asked, and what was said.
func (a *Answered) Error() string {
	if a.Status == 0 {
		return "Ollama broke off " + a.what + ": " + a.said
	}
	return fmt.Sprintf("Ollama answered %s with %d: %s", a.what, a.Status, a.said)
}

// memory is how Ollama and its runners say that a model does not fit.
var memory = regexp.MustCompile(`(?i)out of memory|requires more (system )?memory|cudaMalloc failed|insufficient memory|unable to allocate \S+ buffer|failed to allocate`)

// Failure makes of what went wrong on the way to the server what a person reads.
func (c *Client) Failure(err error) error {
	var a *Answered
	var e *sdk.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return sdk.Fail("Ollama at "+c.Base.Redacted()+" does not answer", "see what it does: its log knows more")
	case !errors.As(err, &a):
		return sdk.Fail("Ollama at "+c.Base.Redacted()+" cannot be reached: "+Plain(err), c.hint)
	case memory.MatchString(a.said):
		return &sdk.Error{Cause: sdk.CauseOOM, Message: a.Error(), Hint: "use a smaller model or a smaller num_ctx, or give it a device with more memory"}
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return sdk.Refuse(a.Error(), "what stands before the server wants a sign-in: set headers in the plugin's block of spinbot.hcl")
	}
	lasts := a.Status >= 400 && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout && a.Status != 499
	return &sdk.Error{Cause: sdk.CauseFailed, Message: a.Error(), Permanent: lasts}
}

// Plain leaves out of an error what would repeat the address, which may hold a password.
func Plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// Send sends one request; the caller closes the answer's body.
func (c *Client) Send(ctx context.Context, method, path string, body io.Reader, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = length
	}
	if span := sdk.TraceParent(ctx); span != "" {
		req.Header.Set("traceparent", span)
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil || res.StatusCode/100 == 2 {
		return res, err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // the status says the most
	return nil, &Answered{res.StatusCode, path, spoken(said)}
}

// spoken is what a server said of an error, short: its JSON's word, or whatever came.
func spoken(body []byte) string {
	var e struct{ Error string }
	if json.Unmarshal(body, &e) == nil && e.Error != "" {
		body = []byte(e.Error)
	}
	text := strings.Join(strings.Fields(string(body)), " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return text
}

// Ask exchanges JSON; body may be nil.
func (c *Client) Ask(ctx context.Context, method, path string, body, into any) error {
	seen := false
	err := c.Stream(ctx, method, path, body, func(line []byte) error {
		if seen {
			return nil
		}
		seen = true
		return json.Unmarshal(line, into)
	})
	if err == nil && !seen {
		return c.Foreign(path, "it is empty")
	}
	return err
}

// Stream exchanges JSON for lines of JSON, each given to line as it comes. A line with an error ends it.
func (c *Client) Stream(ctx context.Context, method, path string, body any, line func([]byte) error) error {
	var raw []byte
	var in io.Reader
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
		in = bytes.NewReader(raw)
	}
	res, err := c.Send(ctx, method, path, in, int64(len(raw)))
	if err != nil {
		return c.Failure(err)
	}
	defer res.Body.Close()
	s := bufio.NewScanner(res.Body)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		text := bytes.TrimSpace(s.Bytes())
		if len(text) == 0 {
			continue
		}
		var e struct{ Error string }
		if bytes.Contains(text, []byte(`"error"`)) && json.Unmarshal(text, &e) == nil && e.Error != "" {
			return c.Failure(&Answered{0, path, e.Error})
		}
		if err := line(text); err != nil {
			var own *sdk.Error
			if errors.As(err, &own) {
				return err
			}
			return c.Foreign(path, spoken(text))
		}
	}
	if err := s.Err(); err != nil {
		return sdk.Fail("Ollama's answer to "+path+" was cut off: "+Plain(err), "it may have crashed: its log knows more; try again")
	}
	return nil
}

// Foreign is said of an answer that is not Ollama's.
func (c *Client) Foreign(path, said string) error {
	return sdk.Fail("Ollama's answer to "+path+" cannot be read: "+said, "is that an Ollama, and not what stands before it? "+c.hint)
}
