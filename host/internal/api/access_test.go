package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestAccess asks for every route there is, as everybody, from everywhere.
func TestAccess(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.Fleet.Agents = fakeAgents{} })
	expired, _, err := b.cfg.Route.Accounts.New(t.Context(), "old", "", "admin", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	admin := b.token(t, "admin")
	who := []struct {
		name   string
		header string
		may    route.Need
	}{
		{"nobody", "", route.Anyone}, {"a bad token", "Authorization: Bearer spinbot_x", route.Anyone}, {"another scheme", "Authorization: Basic YTpi", route.Anyone},
		{"a bad session", "Cookie: " + route.SessionCookie + "=x", route.Anyone}, {"a token's id", "Authorization: Bearer " + expired.ID, route.Anyone},
		{"a viewer", "Authorization: Bearer " + b.token(t, "viewer"), route.Viewer}, {"an operator", "Authorization: Bearer " + b.token(t, "operator"), route.Operator},
		{"an admin", "Authorization: Bearer " + admin, route.Admin},
	}
	for _, o := range b.Ops() {
		path := strings.NewReplacer("{", "", "}", "").Replace(o.Path)
		methods := []string{o.Method}
		if o.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		for _, method := range methods {
			for _, w := range who {
				refused := map[int]bool{401: w.may == route.Anyone, 403: w.may > route.Anyone, 429: w.may == route.Anyone}
				a := b.ask(t, method, path, strings.NewReader("{"), headers(w.header)...)
				switch {
				case w.may < o.Need && !refused[a.status]:
					t.Errorf("%s %s as %s: %d %s", method, path, w.name, a.status, a.body)
				case w.may >= o.Need && o.Need > route.Anyone && (a.status == 401 || a.status == 403 && !strings.Contains(a.body, "socket") || a.status == 429):
					t.Errorf("%s %s refuses %s: %d %s", method, path, w.name, a.status, a.body)
				}
				for name := range a.header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s %s sends %s", method, path, name)
					}
				}
			}
			if a := b.ask(t, method, path, nil, "Host: rebound.example", "Authorization: Bearer "+admin); a.status != 403 {
				t.Errorf("%s %s for another host: %d", method, path, a.status)
			}
			changes := method != http.MethodGet && method != http.MethodHead && !strings.HasPrefix(path, route.Hooks)
			for _, from := range []string{"Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
				if a := b.ask(t, method, path, nil, from, "Authorization: Bearer "+admin); changes && a.status != 403 {
					t.Errorf("%s %s, %s: %d", method, path, from, a.status)
				}
			}
		}
	}
	if n := len(b.Ops()); n < 50 {
		t.Errorf("only %d routes were asked for", n)
	}
}

func headers(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}

// TestSignIn: tokens, sessions, and what was done with them.
func TestSignIn(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	var me client.Me
	if b.get(t, "/api/v1/me").into(t, &me); me != (client.Me{User: "local", Role: "operator"}) {
		t.Errorf("before there is a token: %+v", me)
	}
	if me, err := b.unix.Me(t.Context()); err != nil || me.Role != "owner" {
		t.Errorf("%+v %v", me, err)
	}
	made, err := b.unix.NewToken(t.Context(), client.NewToken{Name: "laptop", User: "anna", Role: "operator", Seconds: 3600})
	if err != nil || made.Text == "" || made.Expires == nil || made.User != "anna" {
		t.Fatalf("%+v %v", made, err)
	}
	for _, bad := range []string{`{"name": "x", "role": "root"}`, `{"role": "viewer"}`, `{"name": "x", "role": "viewer", "seconds": -1}`} {
		res := b.over(t, "POST", "/api/v1/tokens", bad)
		if res.status != 400 {
			t.Errorf("%s: %+v", bad, res)
		}
	}
	p := b.get(t, "/api/v1/runs").problem(t, 401, client.CodeUnauthorized, "nobody knows who asks")
	if !strings.Contains(p.Fix, "spinbot token new") {
		t.Errorf("%+v", p)
	}
	b.get(t, "/api/v1/runs", "Authorization: Bearer "+made.Text[:20]).problem(t, 401, client.CodeUnauthorized, "incomplete")
	as := "Authorization: Bearer " + made.Text
	if b.get(t, "/api/v1/me", as).into(t, &me); me != (client.Me{User: "anna", Role: "operator", SignIn: true}) {
		t.Errorf("%+v", me)
	}
	b.post(t, "/api/v1/tokens", `{"name": "x", "role": "admin"}`, as).problem(t, 403, client.CodeForbidden, "anna may not do this: it needs the role admin")
	b.post(t, "/api/v1/runs/run_a/cancel", `{"reason": "enough"}`, as)

	// a browser
	b.post(t, "/api/v1/session", `{"token": "x"}`).problem(t, 401, client.CodeUnauthorized, "incomplete")
	in := b.post(t, "/api/v1/session", `{"token": "`+made.Text+`"}`, "Origin: "+b.url)
	cookie := in.header.Get("Set-Cookie")
	if in.status != 200 || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") || strings.Contains(cookie, made.Text) {
		t.Fatalf("%+v", in)
	}
	session, _, _ := strings.Cut(cookie, ";")
	if b.get(t, "/api/v1/me", "Cookie: "+session).into(t, &me); me.User != "anna" {
		t.Errorf("%+v", me)
	}
	b.ask(t, "DELETE", "/api/v1/session", nil, "Cookie: "+session, "Origin: http://evil.example").problem(t, 403, client.CodeForbidden, "evil.example")
	if out := b.ask(t, "DELETE", "/api/v1/session", nil, "Cookie: "+session); out.status != 204 {
		t.Errorf("%+v", out)
	}
	b.get(t, "/api/v1/me", "Cookie: "+session).problem(t, 401, client.CodeUnauthorized, "session has ended")

	list, err := b.unix.Tokens(t.Context())
	if raw, _ := json.Marshal(list); err != nil || len(list.Tokens) != 1 || list.Tokens[0].Used == nil || strings.Contains(string(raw), made.Text[20:40]) {
		t.Errorf("%s %v", raw, err)
	}
	if _, err := b.unix.RevokeToken(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), "spinbot token list") {
		t.Error(err)
	}
	deeds, err := b.unix.Audit(t.Context(), client.DeedQuery{})
	got := ""
	for _, d := range deeds.Deeds {
		got += d.User + " " + d.What + " " + d.On + " " + http.StatusText(d.Status) + "\n"
		if d.Request == "" || d.At.IsZero() {
			t.Errorf("%+v", d)
		}
	}
	for _, want := range []string{"anna cancel-run run_a OK", "anna make-token  Forbidden", "local make-token  Created", "local make-token  Bad Request", "local revoke-token nobody Not Found"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%q is not in the log: %v\n%s", want, err, got)
		}
	}
	for _, path := range []string{"runs", "tokens", "session", "gc"} { // strangers leave nothing, however many they are
		for _, token := range []string{"", "Authorization: Bearer x"} {
			b.post(t, "/api/v1/"+path, `{"token": "x"}`, headers(token)...)
		}
	}
	if after, err := b.unix.Audit(t.Context(), client.DeedQuery{}); err != nil || len(after.Deeds) != len(deeds.Deeds) {
		t.Errorf("%v; %d deeds became %d", err, len(deeds.Deeds), len(after.Deeds))
	}
	if strings.Contains(got, "list-") {
		t.Errorf("who reads is written down: %s", got)
	}
	if d, err := b.unix.Audit(t.Context(), client.DeedQuery{User: "anna", What: "cancel-run", Limit: 1, Since: time.Now().Add(-time.Minute)}); err != nil || len(d.Deeds) != 1 || d.Deeds[0].Token != made.ID {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := b.unix.RevokeToken(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	for range 10 {
		b.get(t, "/api/v1/me", as) // it was the only one: nobody has to sign in again
	}
	b.token(t, "viewer")
	for range 10 {
		b.get(t, "/api/v1/me", as)
	}
	if a := b.get(t, "/api/v1/me", as); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("%+v", a)
	}
}
