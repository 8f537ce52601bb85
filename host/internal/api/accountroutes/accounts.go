package accountroutes

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *routes) accountRoutes() {
	route.JSON(s.Server, route.Op{ID: "who-am-i", Method: http.MethodGet, Path: route.V1 + "me", Need: route.Viewer, Summary: "Who asks, and what they may do"}, func(ctx context.Context, _ *route.None) (client.Me, error) {
		who := route.CallerOf(ctx)
		return client.Me{User: who.User, Role: who.May.String(), SignIn: s.SignsIn()}, nil
	})
	route.JSON(s.Server, route.Op{ID: "list-tokens", Method: http.MethodGet, Path: route.V1 + "tokens", Need: route.Admin, Summary: "API tokens"}, s.listTokens)
	route.JSON(s.Server, route.Op{ID: "make-token", Method: http.MethodPost, Path: route.V1 + "tokens", Need: route.Admin, Status: http.StatusCreated, Summary: "Make an API token"}, s.newToken)
	route.JSON(s.Server, route.Op{ID: "revoke-token", Method: http.MethodDelete, Path: route.V1 + "tokens/{token}", Need: route.Admin, Summary: "End an API token, and the sessions that were begun with it"}, s.revokeToken)
	s.Bare(route.Op{ID: "log-in", Method: http.MethodPost, Path: route.V1 + "session", Need: route.Anyone, Summary: "Begin a browser's session with a token"}, func(o *huma.Operation) {
		route.Takes(o, "application/json", route.SchemaOf[client.Login](s.Server))
		route.Returns(o, "200", "Who it is. The cookie signs in from now on.", "application/json", route.SchemaOf[client.Me](s.Server))
	}, s.logIn)
	s.Bare(route.Op{ID: "log-out", Method: http.MethodDelete, Path: route.V1 + "session", Need: route.Anyone, Summary: "End the browser's session"}, func(o *huma.Operation) {
		o.Responses["204"] = &huma.Response{Description: "It has ended."}
	}, s.logOut)
	s.Bare(route.Op{ID: "check-session", Method: http.MethodGet, Path: route.V1 + "session/check", Need: route.Anyone, Summary: "Whether who asks is an admin: what a proxy asks before it lets somebody into another tool",
		Detail: "A browser that nobody has signed in is sent to sign_in, when that is within the domain of sessions. User is in the header Spinbot-User."}, func(o *huma.Operation) {
		route.Query(o, "sign_in", "Where people sign in: https://… within the domain of sessions.", route.TextSchema)
		o.Responses["204"] = &huma.Response{Description: "It is an admin."}
		o.Responses["303"] = &huma.Response{Description: "Sign in there first."}
	}, s.checkSession)
	route.JSON(s.Server, route.Op{ID: "list-audit", Method: http.MethodGet, Path: route.V1 + "audit", Need: route.Admin, Summary: "What was changed, and by whom; on all hosts that share the store"}, s.listAudit)
}

func tokenShape(t auth.Token) client.Token {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return client.Token{ID: t.ID, Name: t.Name, User: t.User, Role: string(t.Role), Created: t.Created, Expires: moment(t.Expires), Used: moment(t.Used)}
}

func (s *routes) listTokens(ctx context.Context, _ *route.None) (client.TokenList, error) {
	tokens, err := s.cfg.Accounts.List(ctx)
	list := client.TokenList{Version: client.ShapeVersion, Tokens: []client.Token{}}
	for _, t := range tokens {
		list.Tokens = append(list.Tokens, tokenShape(t))
	}
	return list, err
}

func (s *routes) newToken(ctx context.Context, in *struct{ Body client.NewToken }) (client.Token, error) {
	var expires time.Time
	if in.Body.Seconds < 0 || in.Body.Seconds > 100*365*24*3600 {
		return client.Token{}, route.BadRequest("a token is good for at most 100 years", "")
	}
	if in.Body.Seconds > 0 {
		expires = time.Now().Add(time.Duration(in.Body.Seconds) * time.Second)
	}
	t, text, err := s.cfg.Accounts.New(ctx, in.Body.Name, in.Body.User, auth.Role(in.Body.Role), expires)
	var invalid *auth.InvalidError
	if errors.As(err, &invalid) {
		return client.Token{}, route.BadRequest(err.Error(), "")
	}
	shape := tokenShape(t)
	shape.Text = text
	return shape, err
}

func (s *routes) revokeToken(ctx context.Context, in *struct {
	Token string `path:"token" doc:"A token's id, or its name if no other has that."`
}) (client.Token, error) {
	t, err := s.cfg.Accounts.Revoke(ctx, in.Token)
	var invalid *auth.InvalidError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return client.Token{}, &client.Problem{Code: client.CodeNotFound, Detail: "there is no token " + in.Token, Fix: "spinbot token list lists them"}
	case errors.As(err, &invalid):
		return client.Token{}, &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	}
	return tokenShape(t), err
}

func (s *routes) logIn(c *fiber.Ctx) error {
	var in client.Login
	if err := s.ReadJSON(c, &in); err != nil {
		return err
	}
	cookie, until, who, err := s.cfg.Accounts.Begin(c.UserContext(), in.Token, route.CallerOf(c.UserContext()).Address)
	if err != nil {
		return route.Stranger(c, err)
	}
	s.sessionCookie(c, cookie, until)
	return c.JSON(client.Me{User: who.User, Role: string(who.Role), SignIn: true})
}

func (s *routes) logOut(c *fiber.Ctx) error {
	if cookie := c.Cookies(route.SessionCookie); cookie != "" {
		if err := s.cfg.Accounts.End(c.UserContext(), cookie); err != nil {
			return err
		}
	}
	s.sessionCookie(c, "", time.Unix(1, 0))
	return c.SendStatus(http.StatusNoContent)
}

// checkSession says yes to admins. Others are refused, or sent to sign in: only within our domain, or any page could send people anywhere.
func (s *routes) checkSession(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	who := route.CallerOf(c.UserContext())
	switch {
	case who.May >= route.Admin:
		c.Set("Spinbot-User", who.User)
		return c.SendStatus(http.StatusNoContent)
	case who.User != "":
		return route.Forbidden(who.User+" may not open this: it needs the role admin", "sign in with an admin's token")
	}
	if to := c.Query("sign_in"); s.ours(to) && strings.Contains(c.Get(fiber.HeaderAccept), "text/html") {
		return c.Redirect(to, http.StatusSeeOther)
	}
	return route.Stranger(c, auth.ErrMissing)
}

// ours says whether an address is https, and of the domain of sessions.
func (s *routes) ours(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || s.cfg.Domain == "" {
		return false
	}
	name := strings.ToLower(u.Hostname())
	return name == s.cfg.Domain || strings.HasSuffix(name, "."+s.cfg.Domain)
}

// sessionCookie is strict: no other site can use it.
func (s *routes) sessionCookie(c *fiber.Ctx, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{Name: route.SessionCookie, Value: value, Path: "/", Domain: s.cfg.Domain, Expires: expires, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode, Secure: c.Secure() || s.cfg.Secure})
}

func (s *routes) listAudit(ctx context.Context, in *struct {
	route.Page
	User   string    `query:"user" doc:"Of this user."`
	What   string    `query:"what" doc:"The id of an operation."`
	Since  time.Time `query:"since" doc:"Then or later."`
	Before string    `query:"before" maxLength:"100" doc:"What the page before gave as next."`
}) (client.DeedList, error) {
	limit := in.Size()
	deeds, err := s.cfg.Trail.List(ctx, auth.Query{User: in.User, What: in.What, Since: in.Since, Before: in.Before, Limit: limit + 1})
	if errors.Is(err, store.ErrNotFound) {
		return client.DeedList{}, route.BadRequest("before is not what a page gave as next, or that is not kept any more", "begin without it")
	}
	list := client.DeedList{Version: client.ShapeVersion, Deeds: []client.Deed{}}
	if len(deeds) > limit {
		deeds = deeds[:limit]
		list.Next = deeds[limit-1].Request
	}
	for _, d := range deeds {
		list.Deeds = append(list.Deeds, client.Deed{At: d.At, User: d.User, Token: d.By, Address: d.Address, Request: d.Request, What: d.What, On: d.On, Status: d.Status, Host: d.Host})
	}
	return list, err
}
