package main

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
	maxLine = 64 << 20         // bytes of one answer, or of one line of a stream
	maxSaid = 500              // bytes of what a server says that are repeated
	brief   = 30 * time.Second // for questions that need no model
)

// client speaks Ollama's API. It has no timeouts but for connecting: a model may think as long as its task may take.
type client struct {
	http    *http.Client
	base    *url.URL
	headers map[string]string
	hint    string // what to do when it cannot be reached
}

var transport = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.MaxIdleConnsPerHost = 16
	return t
}()

func newClient(base *url.URL, headers map[string]string, hint string) *client {
	return &client{http: &http.Client{Transport: transport}, base: base, headers: headers, hint: hint}
}

// answered is an answer other than 2xx, or an error that came in a stream: status 0.
type answered struct {
	status int
	what   string // the path
	said   string
}

func (a *answered) Error() string {
	if a.status == 0 {
		return "Ollama broke off " + a.what + ": " + a.said
	}
	return fmt.Sprintf("Ollama answered %s with %d: %s", a.what, a.status, a.said)
}

// memory is how Ollama and its runners say that a model does not fit.
var memory = regexp.MustCompile(`(?i)out of memory|requires more (system )?memory|cudaMalloc failed|insufficient memory|unable to allocate \S+ buffer|failed to allocate`)

// failure makes of what went wrong on the way to the server what a person reads.
func (c *client) failure(err error) error {
	var a *answered
	var e *sdk.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return sdk.Fail("Ollama at "+c.base.Redacted()+" does not answer", "see what it does: its log knows more")
	case !errors.As(err, &a):
		return sdk.Fail("Ollama at "+c.base.Redacted()+" cannot be reached: "+plain(err), c.hint)
	case memory.MatchString(a.said):
		return &sdk.Error{Cause: sdk.CauseOOM, Message: a.Error(), Hint: "use a smaller model or a smaller num_ctx, or give it a device with more memory"}
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return sdk.Refuse(a.Error(), "what stands before the server wants a sign-in: set headers in the plugin's block of spinbot.hcl")
	}
	lasts := a.status >= 400 && a.status < 500 && a.status != http.StatusTooManyRequests && a.status != http.StatusRequestTimeout && a.status != 499
	return &sdk.Error{Cause: sdk.CauseFailed, Message: a.Error(), Permanent: lasts}
}

// plain leaves out of an error what would repeat the address, which may hold a password.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// send sends one request; the caller closes the answer's body.
func (c *client) send(ctx context.Context, method, path string, body io.Reader, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = length
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
	return nil, &answered{res.StatusCode, path, spoken(said)}
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

// ask exchanges JSON; body may be nil.
func (c *client) ask(ctx context.Context, method, path string, body, into any) error {
	seen := false
	err := c.stream(ctx, method, path, body, func(line []byte) error {
		if seen {
			return nil
		}
		seen = true
		return json.Unmarshal(line, into)
	})
	if err == nil && !seen {
		return c.foreign(path, "it is empty")
	}
	return err
}

// stream exchanges JSON for lines of JSON, each given to line as it comes. A line with an error ends it.
func (c *client) stream(ctx context.Context, method, path string, body any, line func([]byte) error) error {
	var raw []byte
	var in io.Reader
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
		in = bytes.NewReader(raw)
	}
	res, err := c.send(ctx, method, path, in, int64(len(raw)))
	if err != nil {
		return c.failure(err)
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
			return c.failure(&answered{0, path, e.Error})
		}
		if err := line(text); err != nil {
			var own *sdk.Error
			if errors.As(err, &own) {
				return err
			}
			return c.foreign(path, spoken(text))
		}
	}
	if err := s.Err(); err != nil {
		return sdk.Fail("Ollama's answer to "+path+" was cut off: "+plain(err), "it may have crashed: its log knows more; try again")
	}
	return nil
}

// foreign is said of an answer that is not Ollama's.
func (c *client) foreign(path, said string) error {
	return sdk.Fail("Ollama's answer to "+path+" cannot be read: "+said, "is that an Ollama, and not what stands before it? "+c.hint)
}
