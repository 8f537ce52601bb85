// Package oidc lets people sign in who have an account somewhere else: with a provider of OpenID Connect, by an authorization
// code with PKCE. What is begun in a browser is ended in that browser: a signed cookie binds it. It keeps nothing and knows
// nothing of HTTP's other end: the API redirects and sets cookies.
package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/myspinbot/spinbot/host/internal/auth"
)

// Lasts is how long a sign-in may take.
const Lasts = 10 * time.Minute

const (
	patience = 10 * time.Second // with the provider's answer
	again    = 5 * time.Second  // after the provider could not be asked it is not asked again for so long
)

// Config says whom a provider vouches for. Every part but Secret, Scopes, Roles, Everybody, Unverified and Key has to be
// there.
type Config struct {
	Issuer   string // its URL, as it stands in its tokens
	ClientID string
	Secret   string // empty: the client has none
	Redirect string // the URL of this host that it sends browsers back to
	// Scopes are asked for beside openid and profile.
	Scopes []string
	// UserClaim names who somebody is; RolesClaim, a text or a list of them, what Roles are looked up by. Dots lead into
	// objects.
	UserClaim, RolesClaim string
	Roles                 map[string]auth.Role
	// Everybody is the role of those who have none of Roles; empty: they are refused.
	Everybody auth.Role
	// Unverified lets in by e-mail (as UserClaim) whose address the provider does not say it has verified.
	Unverified bool
	// Key signs cookies: who has the same one ends the sign-ins that another began. Empty: one of this process alone.
	Key []byte
	Now func() time.Time
}

// ErrStale says that a sign-in cannot be ended here.
var ErrStale = errors.New("the sign-in was not begun in this browser, or took longer than 10 minutes; begin it anew")

// DeniedError says why somebody is not let in: the provider would not have it, or what it says of them is not enough.
type DeniedError struct{ text string }

// Error says why.
func (e *DeniedError) Error() string { return e.text }

func denied(format string, args ...any) error { return &DeniedError{fmt.Sprintf(format, args...)} }

// Login is somebody whom the provider vouches for.
type Login struct {
	User    string
	Subject string // what the provider knows them by
	Role    auth.Role
	Back    string // where they wanted to go
}

// Provider is one provider. It is asked what it can do when somebody signs in first, so that a host starts without it.
type Provider struct {
	cfg    Config
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
	err   error
	tried time.Time
}

// New makes a provider of a configuration, whose URLs have been found safe.
func New(cfg Config) *Provider {
	if len(cfg.Key) == 0 {
		cfg.Key = []byte(rand.Text())
	}
	return &Provider{cfg: cfg, client: &http.Client{Timeout: patience}}
}

// discover asks the provider what it can do, once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil && (p.err == nil || p.cfg.Now().Sub(p.tried) >= again) {
		// Its keys are read later on, whatever becomes of this request.
		p.found, p.err = oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.cfg.Issuer)
		p.tried = p.cfg.Now()
	}
	if p.found == nil {
		return nil, nil, fmt.Errorf("the sign-in provider %s cannot be asked: %w; look at issuer in the block auth, and whether it runs", p.cfg.Issuer, p.err)
	}
	return p.found, &oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.Secret, RedirectURL: p.cfg.Redirect, Endpoint: p.found.Endpoint(),
		Scopes: append([]string{oidc.ScopeOpenID, "profile"}, p.cfg.Scopes...)}, nil
}

// Begin gives the URL to send a browser to, and the value of a cookie that it has to come back with within Lasts. Back is a
// path of this host to go to in the end; another site's becomes /.
func (p *Provider) Begin(ctx context.Context, back string) (location, cookie string, err error) {
	_, o, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	t := trip{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Back: here(back), Until: p.cfg.Now().Add(Lasts).Unix()}
	return o.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), p.sign(t), nil
}

// here keeps a way back on this host. Browsers take \ for /, and leave tabs out.
func here(back string) string {
	u, err := url.Parse(back)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || len(back) > 1000 ||
		strings.ContainsFunc(back, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	return back
}

// End says who came back with a cookie and the query of the URL. Its errors are ErrStale, a DeniedError, or of the way to the
// provider.
func (p *Provider) End(ctx context.Context, cookie string, query url.Values) (Login, error) {
	t, ok := p.open(cookie)
	if !ok || !equal(t.State, query.Get("state")) {
		return Login{}, ErrStale
	}
	if why := query.Get("error"); why != "" {
		return Login{}, denied("the sign-in provider says %s", printable(strings.TrimSpace(why+" "+query.Get("error_description"))))
	}
	provider, o, err := p.discover(ctx)
	if err != nil {
		return Login{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	answer, err := o.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(t.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < 500:
		return Login{}, denied("the sign-in provider does not take what it gave out itself (%s): it was used before, or client_id, client_secret or redirect is wrong",
			printable(cmp.Or(refused.ErrorCode, refused.Response.Status)))
	case err != nil:
		return Login{}, fmt.Errorf("the sign-in provider %s cannot be asked: %w", p.cfg.Issuer, err)
	}
	raw, _ := answer.Extra("id_token").(string)
	token, err := provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return Login{}, denied("the sign-in provider's ID token is not to be believed: %s", printable(err.Error()))
	}
	if !equal(token.Nonce, t.Nonce) {
		return Login{}, denied("the sign-in provider's ID token is of another sign-in: its nonce differs")
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return Login{}, denied("the sign-in provider's ID token cannot be read: %s", printable(err.Error()))
	}
	l := Login{Subject: token.Subject, Back: t.Back}
	if l.User, err = p.user(claims); err == nil {
		l.Role, err = p.role(l.User, claims)
	}
	return l, err
}

// maxUser is the length of a name in bytes.
const maxUser = 100

func (p *Provider) user(claims map[string]any) (string, error) {
	name, _ := claim(claims, p.cfg.UserClaim).(string)
	switch {
	case name == "" || len(name) > maxUser || printable(name) != name:
		return "", denied("the ID token says no name in its claim %s; let the provider put it there, or name another in user_claim", p.cfg.UserClaim)
	case p.cfg.UserClaim == "email" && !p.cfg.Unverified && claims["email_verified"] != true && claims["email_verified"] != "true": // some write it as a text
		return "", denied("the sign-in provider does not say that it has verified %s (email_verified in the ID token): have the address verified there, "+
			"or set unverified_email = true in auth / oidc if nobody can choose their own", name)
	}
	return name, nil
}

// role is the highest that the claim gives.
func (p *Provider) role(user string, claims map[string]any) (auth.Role, error) {
	best := p.cfg.Everybody
	consider := func(x any) {
		name, _ := x.(string)
		if r, ok := p.cfg.Roles[name]; ok && (best == "" || slices.Index(auth.Roles, r) > slices.Index(auth.Roles, best)) {
			best = r
		}
	}
	switch x := claim(claims, p.cfg.RolesClaim).(type) {
	case []any:
		for _, each := range x {
			consider(each)
		}
	default:
		consider(x)
	}
	if best == "" {
		return "", denied("%s may not use this host: nothing in the claim %s has a role here; ask an admin of it", user, p.cfg.RolesClaim)
	}
	return best, nil
}

// claim finds a claim by its name, else by its way into objects.
func claim(claims map[string]any, name string) any {
	if x, ok := claims[name]; ok {
		return x
	}
	first, rest, ok := strings.Cut(name, ".")
	inner, _ := claims[first].(map[string]any)
	if !ok || inner == nil {
		return nil
	}
	return claim(inner, rest)
}
