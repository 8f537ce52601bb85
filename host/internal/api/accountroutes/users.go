package accountroutes

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// oidcPath is where sign-ins elsewhere begin and end. Browsers send the cookie that binds them there alone.
const (
	oidcPath   = route.V1 + "session/oidc"
	oidcCookie = "spinbot_oidc"
)

func (s *routes) userRoutes() {
	found := func(o *huma.Operation) { o.Responses["303"] = &huma.Response{Description: "Go on there."} }
	s.Bare(route.Op{ID: "begin-oidc", Method: http.MethodGet, Path: oidcPath, Need: route.Anyone, Summary: "Sign in elsewhere: a browser goes to the provider",
		Detail: "With ?back= a path of this host to go to in the end."}, found, s.beginOIDC)
	s.Bare(route.Op{ID: "end-oidc", Method: http.MethodGet, Path: oidcPath + "/callback", Need: route.Anyone, Changes: true, Summary: "A browser comes back from the provider, and is signed in"}, found, s.endOIDC)
	route.JSON(s.Server, route.Op{ID: "list-users", Method: http.MethodGet, Path: route.V1 + "users", Need: route.Admin, Summary: "Users of whom this host says something"}, s.listUsers)
	route.JSON(s.Server, route.Op{ID: "add-user", Method: http.MethodPost, Path: route.V1 + "users", Need: route.Admin, Status: http.StatusCreated, Summary: "Say what role somebody has who signs in elsewhere"}, s.addUser)
	route.JSON(s.Server, route.Op{ID: "set-role", Method: http.MethodPut, Path: route.V1 + "users/{user}/role", Need: route.Admin, Summary: "Change a user's role, in sessions that go on too"}, s.setRole)
	route.JSON(s.Server, route.Op{ID: "remove-user", Method: http.MethodDelete, Path: route.V1 + "users/{user}", Need: route.Admin, Summary: "Say nothing of a user any more, and end their sessions"}, s.removeUser)
}

func (s *routes) beginOIDC(c *fiber.Ctx) error {
	if s.cfg.Provider == nil {
		return noProvider()
	}
	location, cookie, err := s.cfg.Provider.Begin(c.UserContext(), c.Query("back"))
	if err != nil {
		return s.unreached(err)
	}
	s.oidcCookie(c, cookie, time.Now().Add(oidc.Lasts))
	return c.Redirect(location, http.StatusSeeOther)
}

func (s *routes) endOIDC(c *fiber.Ctx) error {
	if s.cfg.Provider == nil {
		return noProvider()
	}
	query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return route.BadRequest("what follows the ? cannot be read", "begin the sign-in anew")
	}
	ctx := c.UserContext()
	l, err := s.cfg.Provider.End(ctx, c.Cookies(oidcCookie), query)
	s.oidcCookie(c, "", time.Unix(1, 0))
	var denied *oidc.DeniedError
	switch {
	case errors.Is(err, oidc.ErrStale):
		return &client.Problem{Code: client.CodeUnauthorized, Detail: err.Error(), Fix: "open " + oidcPath}
	case errors.As(err, &denied):
		return route.Forbidden(err.Error(), "")
	case err != nil:
		return s.unreached(err)
	}
	cookie, until, who, err := s.cfg.Accounts.Enter(ctx, l.User, l.Subject, l.Role)
	if err != nil {
		return route.Stranger(c, err)
	}
	route.SignedIn(ctx, who.User, who.By)
	s.sessionCookie(c, cookie, until)
	return c.Redirect(l.Back, http.StatusSeeOther)
}

// oidcCookie is lax: the browser has to bring it along from the provider's page.
func (s *routes) oidcCookie(c *fiber.Ctx, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{Name: oidcCookie, Value: value, Path: oidcPath, Expires: expires, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: c.Secure() || s.cfg.Secure})
}

// unreached keeps why the provider cannot be asked to the log: whoever asks here is nobody yet.
func (s *routes) unreached(err error) error {
	if s.cfg.Log != nil {
		s.cfg.Log.Error("nobody can sign in elsewhere", "error", err)
	}
	return &client.Problem{Code: client.CodeUnavailable, Detail: "the sign-in provider cannot be asked", Fix: "try again soon; an admin finds out why in the host's log"}
}

func noProvider() error {
	return &client.Problem{Code: client.CodeNotFound, Detail: "nobody signs in elsewhere here", Fix: "sign in with a token, or name a provider in spinbot.hcl: auth { oidc { … } }"}
}

func userShape(u auth.User) client.User {
	return client.User{Name: u.Name, Role: string(u.Role), Subject: u.Subject, Created: u.Created}
}

func (s *routes) listUsers(ctx context.Context, _ *route.None) (client.UserList, error) {
	users, err := s.cfg.Accounts.Users(ctx)
	list := client.UserList{Version: client.ShapeVersion, Users: []client.User{}}
	for _, u := range users {
		list.Users = append(list.Users, userShape(u))
	}
	return list, err
}

func (s *routes) addUser(ctx context.Context, in *struct{ Body client.NewUser }) (client.User, error) {
	u, err := s.cfg.Accounts.AddUser(ctx, auth.User{Name: in.Body.Name, Role: auth.Role(in.Body.Role), Subject: in.Body.Subject})
	return userShape(u), userError(err, in.Body.Name)
}

func (s *routes) setRole(ctx context.Context, in *struct {
	User string `path:"user" doc:"A user's name."`
	Body client.UserRole
}) (client.User, error) {
	u, err := s.cfg.Accounts.SetRole(ctx, in.User, auth.Role(in.Body.Role))
	return userShape(u), userError(err, in.User)
}

func (s *routes) removeUser(ctx context.Context, in *struct {
	User string `path:"user" doc:"A user's name."`
}) (client.User, error) {
	u, err := s.cfg.Accounts.RemoveUser(ctx, in.User)
	return userShape(u), userError(err, in.User)
}

func userError(err error, name string) error {
	var invalid *auth.InvalidError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &client.Problem{Code: client.CodeNotFound, Detail: "nothing is said of a user " + name, Fix: "spinbot users list lists them, spinbot users add adds one"}
	case errors.As(err, &invalid):
		return route.BadRequest(err.Error(), "")
	}
	return err
}
