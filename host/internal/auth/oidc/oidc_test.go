package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc/oidctest"
)

const callback = "https://gpu.example/api/v1/session/oidc/callback"

func config(s *oidctest.Server) Config {
	return Config{Issuer: s.URL, ClientID: oidctest.ClientID, Secret: oidctest.ClientSecret, Redirect: callback, Scopes: []string{"groups"}, UserClaim: "preferred_username", RolesClaim: "groups", Now: time.Now,
		Roles: map[string]auth.Role{"staff": auth.Operator, "ops": auth.Admin, "guests": auth.Viewer}}
}

// visit goes to the provider as a browser does, and gives the query that it comes back with, and its cookie.
func visit(t *testing.T, p *Provider, back string) (url.Values, string) {
	t.Helper()
	location, cookie, err := p.Begin(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	once := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := once.Get(location)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		t.Fatalf("%s: %s", location, answer.Status)
	}
	return to.Query(), cookie
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := oidctest.Start(t, callback)
	p := New(config(s))
	for _, alg := range []string{"RS256", "ES256"} {
		s.Set(func(x *oidctest.Says) { x.Alg = alg })
		query, cookie := visit(t, p, "/runs?state=failed")
		l, err := p.End(t.Context(), cookie, query)
		if err != nil || l != (Login{"anna", "7", auth.Operator, "/runs?state=failed"}) {
			t.Errorf("%s: %+v %v", alg, l, err)
		}
		if _, err := p.End(t.Context(), cookie, query); !denies(err) {
			t.Errorf("a code is taken twice: %v", err)
		}
	}
	s.Set(func(x *oidctest.Says) { x.Keys = "2" }) // it has other keys now
	query, cookie := visit(t, p, "/")
	if _, err := p.End(t.Context(), cookie, query); err != nil {
		t.Error(err)
	}
	if s.Asked() != 1 {
		t.Errorf("it was asked %d times what it can do", s.Asked())
	}
}

func denies(err error) bool {
	var d *DeniedError
	return errors.As(err, &d)
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	s := oidctest.Start(t, callback)
	p := New(config(s))
	for name, forge := range map[string]func(*oidctest.Says){
		"nonce of another":                 func(x *oidctest.Says) { x.Claims["nonce"] = "made up" },
		"no nonce":                         func(x *oidctest.Says) { x.Claims["nonce"] = nil },
		"for another client":               func(x *oidctest.Says) { x.Claims["aud"] = "shop" },
		"of another issuer":                func(x *oidctest.Says) { x.Claims["iss"] = "https://elsewhere.example" },
		"expired":                          func(x *oidctest.Says) { x.Claims["exp"] = time.Now().Add(-time.Hour).Unix() },
		"not yet good":                     func(x *oidctest.Says) { x.Claims["nbf"] = time.Now().Add(time.Hour).Unix() },
		"not signed":                       func(x *oidctest.Says) { x.Alg = "none" },
		"signed with what everybody knows": func(x *oidctest.Says) { x.Alg = "HS256" },
		"signed by another":                func(x *oidctest.Says) { x.Alg = "swapped" },
		"no name":                          func(x *oidctest.Says) { x.Claims["preferred_username"] = "" },
		"a name that is none":              func(x *oidctest.Says) { x.Claims["preferred_username"] = []string{"anna"} },
		"a name with a line's end":         func(x *oidctest.Says) { x.Claims["preferred_username"] = "anna\nroot" },
		"a long name":                      func(x *oidctest.Says) { x.Claims["preferred_username"] = strings.Repeat("a", maxUser+1) },
		"no role":                          func(x *oidctest.Says) { x.Claims["groups"] = []string{"others"} },
		"no groups":                        func(x *oidctest.Says) { x.Claims["groups"] = nil },
		"groups that are none":             func(x *oidctest.Says) { x.Claims["groups"] = map[string]any{"staff": true} },
	} {
		s.Set(func(x *oidctest.Says) { x.Alg, x.Claims = "RS256", map[string]any{}; forge(x) })
		query, cookie := visit(t, p, "/")
		if l, err := p.End(t.Context(), cookie, query); !denies(err) {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
	s.Set(func(x *oidctest.Says) { x.Alg, x.Claims = "RS256", nil })
	query, cookie := visit(t, p, "/")
	if _, err := p.End(t.Context(), cookie, query); err != nil {
		t.Errorf("what is right is refused too: %v", err)
	}
}

// TestOtherBrowsers: what was begun in a browser is ended there, soon, with its own code.
func TestOtherBrowsers(t *testing.T) {
	t.Parallel()
	s := oidctest.Start(t, callback)
	cfg := config(s)
	var mu sync.Mutex
	now := time.Now()
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	p := New(cfg)
	mine, cookie := visit(t, p, "/")
	theirs, other := visit(t, p, "/")
	restarted := New(cfg)
	flipped := []byte(cookie)
	flipped[3] ^= 1
	for name, x := range map[string]struct {
		p      *Provider
		cookie string
		query  url.Values
	}{
		"no cookie": {p, "", mine}, "another's cookie": {p, other, mine}, "another's way back": {p, cookie, theirs}, "a changed cookie": {p, string(flipped), mine},
		"a cookie without a signature": {p, cookie[:strings.Index(cookie, ".")], mine}, "a cookie of another process": {restarted, cookie, mine},
		"no state": {p, cookie, url.Values{"code": mine["code"]}}, "nothing": {p, "", nil}, "a dot": {p, ".", nil},
	} {
		if _, err := x.p.End(t.Context(), x.cookie, x.query); !errors.Is(err, ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A code that was stolen elsewhere: the verifier of this browser does not fit it.
	if _, err := p.End(t.Context(), cookie, url.Values{"state": mine["state"], "code": theirs["code"]}); !denies(err) {
		t.Error(err)
	}
	if _, err := p.End(t.Context(), cookie, url.Values{"state": mine["state"], "error": {"access_denied"}, "error_description": {"not\x1b[31m today"}}); !denies(err) ||
		!strings.Contains(err.Error(), "access_denied not[31m today") {
		t.Errorf("%v", err)
	}
	mu.Lock()
	now = now.Add(Lasts)
	mu.Unlock()
	if _, err := p.End(t.Context(), cookie, mine); !errors.Is(err, ErrStale) {
		t.Errorf("it can be ended for ever: %v", err)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := oidctest.Start(t, callback)
	in := func(cfg Config, claims map[string]any) (Login, error) {
		s.Set(func(x *oidctest.Says) { x.Claims = claims })
		p := New(cfg)
		query, cookie := visit(t, p, "/")
		return p.End(t.Context(), cookie, query)
	}
	with := func(change func(*Config)) Config {
		cfg := config(s)
		change(&cfg)
		return cfg
	}
	for name, x := range map[string]struct {
		cfg    Config
		claims map[string]any
		want   auth.Role
	}{
		"the highest": {config(s), map[string]any{"groups": []string{"staff", "ops", "guests", "?"}}, auth.Admin},
		"one text":    {config(s), map[string]any{"groups": "guests"}, auth.Viewer},
		"everybody":   {with(func(c *Config) { c.Everybody = auth.Viewer }), map[string]any{"groups": nil}, auth.Viewer},
		"and higher":  {with(func(c *Config) { c.Everybody = auth.Viewer }), nil, auth.Operator},
		"not lower":   {with(func(c *Config) { c.Everybody = auth.Admin }), nil, auth.Admin},
		"deep":        {with(func(c *Config) { c.RolesClaim = "realm_access.roles" }), map[string]any{"realm_access": map[string]any{"roles": []string{"ops"}}}, auth.Admin},
		"with dots":   {with(func(c *Config) { c.RolesClaim = "https://gpu.example/roles" }), map[string]any{"https://gpu.example/roles": []string{"ops"}}, auth.Admin},
	} {
		if l, err := in(x.cfg, x.claims); err != nil || l.Role != x.want {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
	mail := with(func(c *Config) { c.UserClaim = "email" })
	if l, err := in(mail, map[string]any{"email": "a@b.example", "email_verified": true}); err != nil || l.User != "a@b.example" {
		t.Errorf("%+v %v", l, err)
	}
	for _, says := range []any{false, nil, "false", 1} {
		if l, err := in(mail, map[string]any{"email": "a@b.example", "email_verified": says}); !denies(err) {
			t.Errorf("%v: %+v %v", says, l, err)
		}
	}
	mail.Unverified = true
	if _, err := in(mail, map[string]any{"email": "a@b.example"}); err != nil {
		t.Error(err)
	}
}

// TestNextProcess: a sign-in that one process began is ended by the next one, which has the same key, and by no other.
func TestNextProcess(t *testing.T) {
	t.Parallel()
	cfg := config(oidctest.Start(t, callback))
	cfg.Key = []byte("the key of these hosts")
	query, cookie := visit(t, New(cfg), "/")
	cfg.Key = nil
	if _, err := New(cfg).End(t.Context(), cookie, query); !errors.Is(err, ErrStale) {
		t.Error(err)
	}
	cfg.Key = []byte("the key of these hosts")
	if l, err := New(cfg).End(t.Context(), cookie, query); err != nil || l.User != "anna" {
		t.Errorf("%+v %v", l, err)
	}
}

// TestProviderDown: it is not asked over and over, and when it is back people sign in.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	s := oidctest.Start(t, callback)
	s.Set(func(x *oidctest.Says) { x.Down = true })
	cfg := config(s)
	now := time.Now()
	cfg.Now = func() time.Time { return now }
	p := New(cfg)
	for range 3 {
		if _, _, err := p.Begin(t.Context(), "/"); err == nil || denies(err) || !strings.Contains(err.Error(), s.URL) {
			t.Error(err)
		}
	}
	if s.Asked() != 1 {
		t.Errorf("it was asked %d times", s.Asked())
	}
	s.Set(func(x *oidctest.Says) { x.Down = false })
	now = now.Add(again)
	query, cookie := visit(t, p, "/")
	s.Set(func(x *oidctest.Says) { x.Down = true })
	if _, err := p.End(t.Context(), cookie, query); err == nil || denies(err) {
		t.Error(err)
	}
	s.Set(func(x *oidctest.Says) { x.Down = false })
	cfg.Secret = "wrong"
	p = New(cfg)
	query, cookie = visit(t, p, "/")
	if _, err := p.End(t.Context(), cookie, query); !denies(err) || !strings.Contains(err.Error(), "invalid_client") {
		t.Error(err)
	}
}

func TestBack(t *testing.T) {
	t.Parallel()
	for back, want := range map[string]string{"/runs?a=b#c": "/runs?a=b#c", "": "/", "https://x.example/": "/", "//x.example": "/", `/\x.example`: "/", "/\t/x": "/", "runs": "/", "javascript:x": "/", "/" + strings.Repeat("x", 1000): "/"} {
		if got := here(back); got != want {
			t.Errorf("%q: %q, want %q", back, got, want)
		}
	}
}
