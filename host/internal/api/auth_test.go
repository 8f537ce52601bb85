package api

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc/oidctest"
	"github.com/myspinbot/spinbot/sdk/client"
)

// elsewhere is an API where people sign in with a provider, who sends them back to a name that stands for it.
func elsewhere(t *testing.T) (*bench, *oidctest.Server) {
	t.Helper()
	const callback = "http://localhost/api/v1/session/oidc/callback"
	id := oidctest.Start(t, callback)
	b := start(t, func(c *Config) {
		c.Route.Accounts.Rule(auth.Rules{SignIn: true})
		c.Accounts.Provider = oidc.New(oidc.Config{Issuer: id.URL, ClientID: oidctest.ClientID, Secret: oidctest.ClientSecret, Redirect: callback, Scopes: []string{"groups"},
			UserClaim: "preferred_username", RolesClaim: "groups", Roles: map[string]auth.Role{"staff": auth.Operator}, Now: time.Now})
	})
	return b, id
}

// browser is a client with cookies, for which localhost is the API. It follows nothing.
func (b *bench) browser(t *testing.T) func(at string) *http.Response {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	c := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(at string) *http.Response {
		t.Helper()
		if strings.HasPrefix(at, "/") {
			at = b.url + at
		}
		res, err := c.Get(strings.Replace(at, "http://localhost/", b.url+"/", 1))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
}

// TestSignInElsewhere goes the way of a browser to the provider and back.
func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	b, id := elsewhere(t)
	b.get(t, "/api/v1/me").problem(t, 401, client.CodeUnauthorized, "nobody knows who asks")
	anna := b.browser(t)
	begun := anna("/api/v1/session/oidc?back=" + url.QueryEscape("/runs?state=failed"))
	if bound := begun.Header.Get("Set-Cookie"); begun.StatusCode != 303 || !strings.Contains(bound, "HttpOnly") || !strings.Contains(bound, "SameSite=Lax") || !strings.Contains(bound, "path=/api/v1/session/oidc") {
		t.Fatalf("%s %q", begun.Status, bound)
	}
	came := anna(begun.Header.Get("Location")).Header.Get("Location")
	if res := b.browser(t)(came); res.StatusCode != 401 {
		t.Errorf("another browser ends it: %s", res.Status)
	}
	done := anna(came)
	if all := strings.Join(done.Header.Values("Set-Cookie"), "\n"); done.StatusCode != 303 || done.Header.Get("Location") != "/runs?state=failed" || !strings.Contains(all, "SameSite=Strict") {
		t.Fatalf("%s %q %s", done.Status, done.Header.Get("Location"), all)
	}
	if res := anna("/api/v1/me"); res.StatusCode != 200 {
		t.Errorf("she is not signed in: %s", res.Status)
	}
	if res := anna(came); res.StatusCode != 401 {
		t.Errorf("it is ended twice: %s", res.Status)
	}
	if res := anna("/api/v1/users"); res.StatusCode != 403 {
		t.Errorf("an operator sees users: %s", res.Status)
	}
	deeds, err := b.unix.Audit(t.Context(), client.DeedQuery{What: "end-oidc", User: "anna"})
	if err != nil || len(deeds.Deeds) != 2 || deeds.Deeds[0].Status != 401 || deeds.Deeds[1].Status != 303 || !strings.HasPrefix(deeds.Deeds[1].Token, "session_") {
		t.Errorf("%+v %v", deeds, err)
	}

	u, err := b.unix.AddUser(t.Context(), client.NewUser{Name: "anna", Role: "admin", Subject: "7"})
	if err != nil || u.Role != "admin" {
		t.Error(u, err)
	}
	if res := anna("/api/v1/users"); res.StatusCode != 200 {
		t.Errorf("an admin does not see users: %s", res.Status)
	}
	if _, err := b.unix.SetRole(t.Context(), "anna", "none"); err != nil {
		t.Error(err)
	}
	if res := anna("/api/v1/me"); res.StatusCode != 403 {
		t.Errorf("she is kept out: %s", res.Status)
	}
	back := func() *http.Response {
		return anna(anna(anna("/api/v1/session/oidc").Header.Get("Location")).Header.Get("Location"))
	}
	if res := back(); res.StatusCode != 403 {
		t.Errorf("she comes again: %s", res.Status)
	}
	if list, err := b.unix.Users(t.Context()); err != nil || len(list.Users) != 1 || list.Users[0].Subject != "7" {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := b.unix.RemoveUser(t.Context(), "anna"); err != nil {
		t.Error(err)
	}
	if res := back(); res.StatusCode != 303 {
		t.Errorf("she may come again: %s", res.Status)
	}
	id.Set(func(x *oidctest.Says) { x.Claims = map[string]any{"groups": []string{"others"}} })
	if res := back(); res.StatusCode != 403 {
		t.Errorf("who has no role: %s", res.Status)
	}
	for _, wrong := range []func() error{
		func() error { _, err := b.unix.SetRole(t.Context(), "nobody", "admin"); return err },
		func() error { _, err := b.unix.RemoveUser(t.Context(), "nobody"); return err },
	} {
		if err := wrong(); err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Error(err)
		}
	}
	if res := b.over(t, "POST", "/api/v1/users", `{"name": "x", "role": "root"}`); res.status != 400 {
		t.Errorf("%+v", res)
	}
}

func TestNoProvider(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, path := range []string{"/api/v1/session/oidc", "/api/v1/session/oidc/callback?state=x"} {
		b.get(t, path).problem(t, 404, client.CodeNotFound, "nobody signs in elsewhere")
	}
	b, id := elsewhere(t)
	b.get(t, "/api/v1/session/oidc/callback").problem(t, 401, client.CodeUnauthorized, "begin it anew")
	b.get(t, "/api/v1/session/oidc/callback?%zz").problem(t, 400, client.CodeBadRequest, "cannot be read")
	id.Set(func(x *oidctest.Says) { x.Down = true })
	if p := b.get(t, "/api/v1/session/oidc").problem(t, 503, client.CodeUnavailable, "cannot be asked"); strings.Contains(p.Detail, id.URL) || !strings.Contains(b.log.String(), id.URL) {
		t.Errorf("%+v\n%s", p, b.log)
	}
}

// TestCheckSession: what a proxy asks before it lets somebody into another tool of the domain.
func TestCheckSession(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/session/check"
	b := start(t, func(c *Config) { c.Accounts.Domain, c.Accounts.Secure = "gpu.example", true })
	b.get(t, path).problem(t, 403, client.CodeForbidden, "needs the role admin") // there is no token: nobody is an admin
	admin := b.token(t, "admin")
	if a := b.get(t, path, "Authorization: Bearer "+admin); a.status != 204 || a.header.Get("Spinbot-User") != "admin" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v", a)
	}
	b.get(t, path, "Authorization: Bearer "+b.token(t, "operator")).problem(t, 403, client.CodeForbidden, "operator may not open this")
	b.get(t, path).problem(t, 401, client.CodeUnauthorized, "nobody knows who asks")
	res := b.post(t, "/api/v1/session", `{"token": "`+admin+`"}`)
	cookie := res.header.Get("Set-Cookie")
	for _, part := range []string{"domain=gpu.example", "secure", "HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("%s is not in %s", part, cookie)
		}
	}
	if a := b.get(t, path, "Cookie: "+strings.Split(cookie, ";")[0]); a.status != 204 {
		t.Errorf("with a session: %+v", a)
	}
	html := "Accept: text/html,*/*"
	for _, to := range []string{"https://app.gpu.example/", "https://GPU.example:8443/x"} {
		b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if a := b.get(t, path+"?sign_in="+url.QueryEscape(to), html); a.status != 303 || a.header.Get("Location") != to {
			t.Errorf("%s: %+v", to, a)
		}
		b.get(t, path+"?sign_in="+url.QueryEscape(to), "Accept: application/json").problem(t, 401, client.CodeUnauthorized, "nobody knows")
	}
	for _, to := range []string{"", "http://app.gpu.example/", "https://evil.example/", "https://evilgpu.example/", "https://gpu.example.evil/", "//evil.example/", "https://u@gpu.example/", "https://evil.example\\.gpu.example/", "javascript:alert(1)", "%zz"} {
		b.get(t, path+"?sign_in="+url.QueryEscape(to), html).problem(t, 401, client.CodeUnauthorized, "nobody knows who asks")
	}
}
