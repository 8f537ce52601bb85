package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (s *Server) accountRoutes() {
	op(s, Op{ID: "who-am-i", Method: get, Path: v1 + "me", Need: Viewer, Summary: "Who asks, and what they may do"}, func(ctx context.Context, _ *none) (client.Me, error) {
		who := callerOf(ctx)
		return client.Me{User: who.User, Role: who.May.String(), SignIn: s.signsIn()}, nil
	})
	op(s, Op{ID: "list-tokens", Method: get, Path: v1 + "tokens", Need: Admin, Summary: "API tokens"}, s.listTokens)
	op(s, Op{ID: "make-token", Method: post, Path: v1 + "tokens", Need: Admin, Status: http.StatusCreated, Summary: "Make an API token"}, s.newToken)
	op(s, Op{ID: "revoke-token", Method: del, Path: v1 + "tokens/{token}", Need: Admin, Summary: "End an API token, and the sessions that were begun with it"}, s.revokeToken)
	s.bare(Op{ID: "log-in", Method: post, Path: v1 + "session", Need: Anyone, Summary: "Begin a browser's session with a token"}, func(o *huma.Operation) {
		takes(o, "application/json", schemaOf[client.Login](s))
		s.returns(o, "200", "Who it is. The cookie signs in from now on.", "application/json", schemaOf[client.Me](s))
	}, s.logIn)
	s.bare(Op{ID: "log-out", Method: del, Path: v1 + "session", Need: Anyone, Summary: "End the browser's session"}, func(o *huma.Operation) {
		o.Responses["204"] = &huma.Response{Description: "It has ended."}
	}, s.logOut)
	op(s, Op{ID: "list-audit", Method: get, Path: v1 + "audit", Need: Admin, Summary: "What was changed, and by whom"}, s.listAudit)
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

func (s *Server) listTokens(ctx context.Context, _ *none) (client.TokenList, error) {
	tokens, err := s.cfg.Accounts.List(ctx)
	list := client.TokenList{Version: client.ShapeVersion, Tokens: []client.Token{}}
	for _, t := range tokens {
		list.Tokens = append(list.Tokens, tokenShape(t))
	}
	return list, err
}

func (s *Server) newToken(ctx context.Context, in *struct{ Body client.NewToken }) (client.Token, error) {
	var expires time.Time
	if in.Body.Seconds < 0 || in.Body.Seconds > 100*365*24*3600 {
		return client.Token{}, badRequest("a token is good for at most 100 years", "")
	}
	if in.Body.Seconds > 0 {
		expires = time.Now().Add(time.Duration(in.Body.Seconds) * time.Second)
	}
	t, text, err := s.cfg.Accounts.New(ctx, in.Body.Name, in.Body.User, auth.Role(in.Body.Role), expires)
	var invalid *auth.InvalidError
	if errors.As(err, &invalid) {
		return client.Token{}, badRequest(err.Error(), "")
	}
	shape := tokenShape(t)
	shape.Text = text
	return shape, err
}

func (s *Server) revokeToken(ctx context.Context, in *struct {
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

func (s *Server) logIn(c *fiber.Ctx) error {
	var in client.Login
	if err := s.readJSON(c, &in); err != nil {
		return err
	}
	cookie, until, who, err := s.cfg.Accounts.Begin(c.UserContext(), in.Token, callerOf(c.UserContext()).address)
	if err != nil {
		return s.stranger(c, err)
	}
	s.sessionCookie(c, cookie, until)
	return c.JSON(client.Me{User: who.User, Role: string(who.Role), SignIn: true})
}

func (s *Server) logOut(c *fiber.Ctx) error {
	if cookie := c.Cookies(sessionCookie); cookie != "" {
		if err := s.cfg.Accounts.End(c.UserContext(), cookie); err != nil {
			return err
		}
	}
	s.sessionCookie(c, "", time.Unix(1, 0))
	return c.SendStatus(http.StatusNoContent)
}

// sessionCookie is strict: no other site can use it.
func (s *Server) sessionCookie(c *fiber.Ctx, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{Name: sessionCookie, Value: value, Path: "/", Expires: expires, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode, Secure: c.Secure() || s.cfg.Secure})
}

// stranger says why somebody is not let in.
func (s *Server) stranger(c *fiber.Ctx, err error) error {
	p := &client.Problem{Code: client.CodeUnauthorized, Detail: err.Error(), Fix: "send a token as Authorization: Bearer …; spinbot token new NAME makes one"}
	var locked *auth.LockedError
	switch {
	case errors.As(err, &locked):
		p.Code, p.Fix = client.CodeTooMany, "wait, and then take the right token"
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(time.Until(locked.Until).Seconds()+1))))
	case errors.Is(err, auth.ErrKeptOut):
		p.Code, p.Fix = client.CodeForbidden, "ask an admin"
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrWrong), errors.Is(err, auth.ErrMistyped), errors.Is(err, auth.ErrExpired), errors.Is(err, auth.ErrSession):
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	default:
		return err
	}
	return p
}

func (s *Server) listAudit(_ context.Context, in *struct {
	Page
	User  string    `query:"user" doc:"Of this user."`
	What  string    `query:"what" doc:"The id of an operation."`
	Since time.Time `query:"since" doc:"Then or later."`
}) (client.DeedList, error) {
	deeds, err := s.cfg.Trail.List(auth.Query{User: in.User, What: in.What, Since: in.Since, Limit: in.limit()})
	list := client.DeedList{Version: client.ShapeVersion, Deeds: []client.Deed{}}
	for _, d := range deeds {
		list.Deeds = append(list.Deeds, client.Deed{At: d.At, User: d.User, Token: d.By, Address: d.Address, Request: d.Request, What: d.What, On: d.On, Status: d.Status})
	}
	return list, err
}
