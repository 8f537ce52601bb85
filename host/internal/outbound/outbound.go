// Package outbound sends the HTTP requests of control nodes: to hosts that a grant covers, at addresses that are public
// unless the grant says otherwise, with secrets that the node never holds. The address counts that is connected to, after
// every name was looked up, so a name that changes its address leads nowhere else. It refuses schemes other than http and
// https, proxies, headers that belong to the connection, and secrets in the clear over a public network.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// Config of a Client.
type Config struct {
	// Secret gives the value of a secret; its error says what to do. nil: there are none.
	Secret func(ctx context.Context, name string) (string, error)
	// Resolver looks names up; nil: the system's.
	Resolver *net.Resolver

	connecting func(netip.AddrPort) error // for tests: before a connection that is permitted
}

// Client sends requests. Its connections are shared, but for those to private addresses, which only requests with
// such a grant use. It is safe for concurrent use.
type Client struct {
	cfg             Config
	public, private *http.Transport
}

// New makes a client.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg}
	c.public, c.private = c.transport(false), c.transport(true)
	return c
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.private.CloseIdleConnections()
}

// maxHeader bounds what a header may hold, in bytes, either way.
const maxHeader = 64 << 10

func (c *Client) transport(privateToo bool) *http.Transport {
	d := &net.Dialer{
		Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Resolver: c.cfg.Resolver,
		Control: func(network, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" {
				return fmt.Errorf("%s %s is no internet address", network, address)
			}
			if err := permit(at.Addr(), privateToo); err != nil {
				return err
			}
			if c.cfg.connecting != nil {
				return c.cfg.connecting(at)
			}
			return nil
		},
	}
	return &http.Transport{
		Proxy: nil, DialContext: d.DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 64, MaxIdleConnsPerHost: 8,
		IdleConnTimeout: 60 * time.Second, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxHeader,
	}
}

// Downloads gives a client for files that a person has named: it reaches the same addresses as control nodes do.
func (c *Client) Downloads(privateToo bool) *http.Client {
	t := c.public
	if privateToo {
		t = c.private
	}
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return refused("", "%s redirects more than %d times", via[0].URL.Host, maxRedirects)
		}
		_, err := targetOf(r.URL)
		return err
	}}
}

// IsPrivate says whether an error is about a private address, which may be reached by who is allowed to.
func IsPrivate(err error) bool {
	var at *addressError
	return errors.As(err, &at) && at.private
}

// IsRefused says whether an error is about what is not reached, however often it is tried.
func IsRefused(err error) bool {
	var at *addressError
	var told *guest.Error
	return errors.As(err, &at) || errors.As(err, &told)
}

// maxRedirects is how many redirects are followed.
const maxRedirects = 5

// Caller is for whom a request is sent.
type Caller struct {
	NodeType string
	Granted  grant.Set
	// Used is told of each host and secret before it is used: the name of the grant and of what it covers. It may be nil.
	Used func(name, what string)
}

// Do sends a request and reads the response, within the caller's grants. The error is a *guest.Error.
func (c *Client) Do(ctx context.Context, who Caller, q guest.Request) (guest.Response, error) {
	nodeType := who.NodeType
	if who.Granted.HTTP == nil {
		e := refused(grant.Command(nodeType, grant.HTTP), "%s was not granted http", nodeType)
		x := exchange{Caller: who, q: q, method: method(q)}
		if x.target, _ = parseTarget(q.URL); x.target.host != "" && grant.IsMethod(x.method) {
			e.Hint = grant.Command(nodeType, grant.HTTP, x.options()...)
		}
		return guest.Response{}, e
	}
	web := who.Granted.HTTP.Filled()
	if who.Used == nil {
		who.Used = func(string, string) {}
	}
	if q.Timeout > 0 {
		web.Timeout = min(web.Timeout, q.Timeout)
	}
	timed, cancel := context.WithTimeout(ctx, web.Timeout)
	defer cancel()
	x := exchange{Caller: who, c: c, web: web, q: q, method: method(q), sendSecrets: true}
	p, err := x.run(timed)
	if err != nil {
		return guest.Response{}, x.explain(ctx, timed, err)
	}
	return p, nil
}

// exchange is one request with its redirects.
type exchange struct {
	Caller
	c   *Client
	web grant.Web
	q   guest.Request

	method string
	target target
	header http.Header
	mask   masks
	// sendSecrets ends with the first redirect to another origin.
	sendSecrets bool
}

func method(q guest.Request) string {
	if q.Method == "" {
		return http.MethodGet
	}
	return q.Method
}

// options are those of the command that grants what the exchange is about.
func (x *exchange) options() []string {
	out := []string{x.target.option()}
	if !slices.Contains(grant.DefaultMethods, x.method) {
		out = append(out, "--method "+x.method)
	}
	if a, err := netip.ParseAddr(x.target.host); err == nil && permit(a, false) != nil && permit(a, true) == nil {
		out = append(out, "--private")
	}
	return out
}

func refused(hint, format string, args ...any) *guest.Error {
	return &guest.Error{Status: guest.StatusRefused, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func invalid(format string, args ...any) *guest.Error {
	return &guest.Error{Status: guest.StatusInvalid, Message: fmt.Sprintf(format, args...)}
}

func (x *exchange) run(ctx context.Context) (p guest.Response, err error) {
	if int64(len(x.q.Body)) > x.web.MaxRequest {
		return p, &guest.Error{Status: guest.StatusTooBig, Message: fmt.Sprintf("the request's body has %s; %s are granted", sdk.FormatSize(int64(len(x.q.Body))), sdk.FormatSize(x.web.MaxRequest)),
			Hint: grant.Command(x.NodeType, grant.HTTP, "--max-request SIZE")}
	}
	if x.header, err = headerOf(x.q.Header); err != nil {
		return p, err
	}
	if x.target, err = parseTarget(x.q.URL); err != nil {
		return p, err
	}
	for hop := 0; ; hop++ {
		if err = x.check(); err != nil {
			return p, err
		}
		res, err := x.send(ctx)
		if err != nil {
			return p, err
		}
		next := ""
		if location := res.Header.Get("Location"); redirects(res.StatusCode) && location != "" {
			next = location
		}
		if next == "" {
			return x.read(res)
		}
		_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
		res.Body.Close()
		if hop == maxRedirects {
			return p, refused("", "%s redirects more than %d times", x.q.URL, maxRedirects)
		}
		if err := x.follow(res.StatusCode, next); err != nil {
			return p, err
		}
	}
}

// check says whether the grants cover the method and the target.
func (x *exchange) check() error {
	t := x.target
	if !x.web.Allows(x.method) {
		if !grant.IsMethod(x.method) {
			return invalid("%q is no method that a request may have; write it like GET or POST", x.method)
		}
		return refused(grant.Command(x.NodeType, grant.HTTP, t.option(), "--method "+x.method), "%s was not granted the method %s", x.NodeType, x.method)
	}
	reach := x.web.Reaches(t.scheme, t.host, t.port)
	if reach == grant.Denied {
		return refused(grant.Command(x.NodeType, grant.HTTP, x.options()...), "%s was not granted the host %s", x.NodeType, t.pattern())
	}
	if len(x.q.Secrets) > 0 && x.sendSecrets && reach == grant.Any {
		return refused(grant.Command(x.NodeType, grant.HTTP, t.option()), "a secret goes only to hosts that are granted by name, and %s is not", t.pattern())
	}
	return nil
}

// explain says for people why there is no response.
func (x *exchange) explain(task, timed context.Context, err error) error {
	var told *guest.Error
	if errors.As(err, &told) {
		return told
	}
	where := x.method + " " + x.target.pattern()
	var at *addressError
	if errors.As(err, &at) {
		e := refused("", "%s: %s, which is not reached for a control node", where, at.Error())
		if at.private {
			e.Hint = grant.Command(x.NodeType, grant.HTTP, x.target.option(), "--private")
		}
		return e
	}
	switch {
	case task.Err() != nil:
		return &guest.Error{Status: guest.StatusTimeout, Message: where + ": given up: " + context.Cause(task).Error()}
	case timed.Err() != nil:
		return &guest.Error{Status: guest.StatusTimeout, Message: where + ": no whole response within " + x.web.Timeout.String(),
			Hint: grant.Command(x.NodeType, grant.HTTP, "--timeout 60s") + " waits longer"}
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return &guest.Error{Status: guest.StatusUnreachable, Message: where + ": there is no host of that name"}
	}
	return &guest.Error{Status: guest.StatusUnreachable, Message: where + ": " + x.mask.text(err.Error())}
}
