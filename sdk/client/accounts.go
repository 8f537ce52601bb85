package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Token is an API token. What somebody needs to use it is in Text, which is there only when it is made.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	User    string     `json:"user"`
	Role    string     `json:"role"` // viewer, operator or admin
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent: it does not
	Used    *time.Time `json:"used,omitempty"`    // to the minute; absent: never
	Text    string     `json:"text,omitempty"`
}

// NewToken asks for a token.
type NewToken struct {
	Name string `json:"name"`
	User string `json:"user,omitempty"` // empty: the name
	Role string `json:"role"`
	// Seconds is how long it is good; 0: until it is revoked.
	Seconds int64 `json:"seconds,omitempty"`
}

// TokenList is every token, the newest first.
type TokenList struct {
	Version int     `json:"version"`
	Tokens  []Token `json:"tokens"`
}

// Login begins a browser's session with a token.
type Login struct {
	Token string `json:"token"`
}

// Me is who asks.
type Me struct {
	User string `json:"user"`
	// Role is viewer, operator, admin or, over the private socket, owner.
	Role string `json:"role"`
	// SignIn says whether others than the machine's own user have to sign in.
	SignIn bool `json:"sign_in"`
}

// Deed is what somebody changed, or tried to.
type Deed struct {
	At      time.Time `json:"at"`
	User    string    `json:"user,omitempty"`
	Token   string    `json:"token,omitempty"` // its id; absent: over the private socket, or nobody had to sign in
	Address string    `json:"address,omitempty"`
	Request string    `json:"request"` // as in the answer's X-Request-Id, and in the log
	What    string    `json:"what"`    // the operationId
	On      string    `json:"on,omitempty"`
	Status  int       `json:"status"`
	Host    string    `json:"host,omitempty"` // where, when several hosts share a store
}

// DeedList is a page of the audit log, the newest first.
type DeedList struct {
	Version int    `json:"version"`
	Deeds   []Deed `json:"deeds"`
	// Next, when set, is the Before of the page behind it.
	Next string `json:"next,omitempty"`
}

// DeedQuery selects deeds.
type DeedQuery struct {
	User, What string
	Since      time.Time
	Before     string // what the page before gave as Next
	Limit      int
}

// Tokens lists the API tokens.
func (c *Client) Tokens(ctx context.Context) (l TokenList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/tokens", nil, &l)
}

// NewToken makes a token.
func (c *Client) NewToken(ctx context.Context, n NewToken) (t Token, err error) {
	return t, c.call(ctx, http.MethodPost, "/api/v1/tokens", n, &t)
}

// RevokeToken ends a token, by its id or its name.
func (c *Client) RevokeToken(ctx context.Context, which string) (t Token, err error) {
	return t, c.call(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(which), nil, &t)
}

// Me says who the host takes us for.
func (c *Client) Me(ctx context.Context) (m Me, err error) {
	return m, c.call(ctx, http.MethodGet, "/api/v1/me", nil, &m)
}

// Audit lists what was changed, and by whom.
func (c *Client) Audit(ctx context.Context, q DeedQuery) (l DeedList, err error) {
	v := url.Values{}
	if q.User != "" {
		v.Set("user", q.User)
	}
	if q.What != "" {
		v.Set("what", q.What)
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Before != "" {
		v.Set("before", q.Before)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return l, c.call(ctx, http.MethodGet, "/api/v1/audit?"+v.Encode(), nil, &l)
}
