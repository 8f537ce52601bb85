package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/sdk/client"
)

// caller is who asks for something.
type caller struct {
	User    string
	May     Need
	By      string // the id of the token that they came with; empty: none
	request string // its id, for the log
	address string
	private bool // over the unix socket, which only the machine's own user can open
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(*caller)
	if who == nil {
		return caller{}
	}
	return *who
}

// local is who asks over the socket, or over loopback where nobody has to sign in.
const local = "local"

// sessionCookie is the cookie of a browser's session. Its name has browsers take it only over HTTPS or from this machine.
const sessionCookie = "spinbot_session"

// guard refuses packed bodies, which may be bombs, and what a browser was tricked into sending: a Host that is not this machine (DNS rebinding), and a
// state-changing request, or a WebSocket, of another site's page.
func (s *Server) guard(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	who := &caller{request: rand.Text()[:12], address: c.Context().RemoteIP().String(), private: c.Context().LocalAddr().Network() == "unix"}
	c.Set(fiber.HeaderXRequestID, who.request)
	c.SetUserContext(context.WithValue(c.UserContext(), callerKey{}, who))
	if packing := c.Get(fiber.HeaderContentEncoding); packing != "" && packing != "identity" {
		return &client.Problem{Code: client.CodeUnsupported, Detail: fmt.Sprintf("the body is packed (Content-Encoding: %.40q)", packing), Fix: "send it as it is"}
	}
	if who.private {
		return c.Next()
	}
	if host := hostname(string(c.Request().Host())); !s.named(host) {
		return forbidden("the Host header names "+host+", which is not this machine",
			"open http://127.0.0.1 with the port it listens on, or name it: spinbot serve --allow-host "+host)
	}
	if (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && c.Get(fiber.HeaderUpgrade) == "" {
		return c.Next()
	}
	if c.Method() == fiber.MethodPost && strings.HasPrefix(c.Path(), hooks) {
		return c.Next() // a signature says who asks, which no page can make that does not know the secret
	}
	if origin := c.Get(fiber.HeaderOrigin); origin != "" && !sameOrigin(origin, string(c.Request().Host())) {
		return forbidden("a page of "+origin+" may not change anything here", "")
	}
	if site := c.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return forbidden("a page of another site may not change anything here", "")
	}
	return c.Next()
}

// admit lets in who may ask for this, and has what they changed written down.
func (s *Server) admit(o Op) fiber.Handler {
	reads := o.Method == fiber.MethodGet && !o.Changes
	return func(c *fiber.Ctx) error {
		who, _ := c.UserContext().Value(callerKey{}).(*caller)
		err := s.signIn(c, who)
		switch {
		case err != nil && o.Need == Anyone:
			err = c.Next()
		case err != nil:
			err = s.stranger(c, err)
		case who.May < o.Need:
			err = s.refusal(o, who)
		default:
			err = c.Next()
		}
		if reads {
			return err
		}
		if err != nil {
			err = s.fail(c, err)
		}
		if who.User == "" && c.Response().StatusCode() >= fiber.StatusBadRequest {
			return err // strangers who are refused: there may be any number, and they would push out what was done
		}
		d := auth.Deed{At: time.Now().UTC(), User: who.User, By: who.By, Address: who.address, Request: who.request, What: o.ID, On: on(c, o), Status: c.Response().StatusCode()}
		if e := s.cfg.Trail.Note(d); e != nil && s.cfg.Log != nil {
			s.cfg.Log.Error("what was done could not be written down", "what", d.What, "user", d.User, "error", e)
		}
		return err
	}
}

func on(c *fiber.Ctx, o Op) string {
	var names []string
	for _, name := range parameters(o.Path) {
		names = append(names, strings.Clone(c.Params(name)))
	}
	return strings.Join(names, "/")
}

// signIn finds out who asks.
func (s *Server) signIn(c *fiber.Ctx, who *caller) error {
	if who.private {
		who.User, who.May = local, Owner
		return nil
	}
	if !s.signsIn() {
		who.User, who.May = local, Operator
		return nil
	}
	found, err := s.cfg.Accounts.SignIn(c.UserContext(), bearer(c), c.Cookies(sessionCookie), who.address)
	if err == nil {
		who.User, who.By = found.User, found.By
		who.May = map[auth.Role]Need{auth.Viewer: Viewer, auth.Operator: Operator, auth.Admin: Admin}[found.Role]
	}
	return err
}

// signsIn says whether others than the machine's own user have to sign in.
func (s *Server) signsIn() bool { return s.cfg.Accounts.Required() || s.wide.Load() }

// bearer gives the token that a request comes with.
func bearer(c *fiber.Ctx) string {
	const scheme = "Bearer "
	text := c.Get(fiber.HeaderAuthorization)
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return ""
	}
	return strings.Clone(text[len(scheme):])
}

func (s *Server) refusal(o Op, who *caller) error {
	if o.Need == Owner {
		return forbidden("this is decided on the machine itself", cmp.Or(o.Instead, "use the spinbot command there"))
	}
	return forbidden(who.User+" may not do this: it needs the role "+o.Need.String(), "ask an admin, or take another token")
}

// String gives the role's name.
func (n Need) String() string {
	return [...]string{"", "anyone", "viewer", "operator", "admin", "owner"}[n]
}

// hostname strips the port and the brackets of a Host header.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// named says whether a Host header may name this host so. Where others than this machine are listened to, any address will do:
// a name is what rebinding needs.
func (s *Server) named(host string) bool {
	return loopback(host) || slices.Contains(s.cfg.Hosts, strings.ToLower(host)) || s.wide.Load() && net.ParseIP(host) != nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host)
}
