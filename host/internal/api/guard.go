package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// caller is who asks for something.
type caller struct {
	Who
	request string // its id, for the log
	address string
	private bool // over the unix socket, which only the machine's own user can open
}

// Who is somebody who was let in.
type Who struct {
	User string
	May  Need
	// By is the id of the token or session that they came with; empty: neither.
	By string
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

// guard refuses what a browser was tricked into sending: a Host that is not this machine (DNS rebinding), and a
// state-changing request, or a WebSocket, of another site's page.
func (s *Server) guard(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	who := &caller{request: rand.Text()[:12], address: c.Context().RemoteIP().String(), private: c.Context().LocalAddr().Network() == "unix"}
	c.Set(fiber.HeaderXRequestID, who.request)
	c.SetUserContext(context.WithValue(c.UserContext(), callerKey{}, who))
	if who.private {
		return c.Next()
	}
	if host := hostname(string(c.Request().Host())); !loopback(host) && !slices.Contains(s.cfg.Hosts, strings.ToLower(host)) {
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
	reads := o.Method == fiber.MethodGet
	return func(c *fiber.Ctx) error {
		who, _ := c.UserContext().Value(callerKey{}).(*caller)
		if err := s.signIn(c, who); err != nil && o.Need != Anyone {
			return err
		}
		if who.May < o.Need {
			return s.refusal(o, who)
		}
		err := c.Next()
		if !reads && s.cfg.Audit != nil {
			if err != nil {
				err = s.fail(c, err)
			}
			s.cfg.Audit(Deed{User: who.User, By: who.By, Address: who.address, Request: who.request, What: o.ID, On: on(c, o), Status: c.Response().StatusCode()})
		}
		return err
	}
}

// Deed is what somebody did, or tried to do.
type Deed struct {
	User, By, Address, Request string
	What                       string // an Op's ID
	On                         string // to what: the elements of the path that name something
	Status                     int
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
		who.Who = Who{User: local, May: Owner}
		return nil
	}
	token, session := credentials(c)
	if s.cfg.SignIn == nil {
		who.Who = Who{User: local, May: Operator}
		return nil
	}
	found, err := s.cfg.SignIn(c.UserContext(), token, session, who.address)
	if err == nil {
		who.Who = found
	}
	return err
}

// credentials are what a request says of who sent it.
func credentials(c *fiber.Ctx) (token, session string) {
	token, _ = strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	return token, c.Cookies(sessionCookie)
}

func (s *Server) refusal(o Op, who *caller) error {
	switch {
	case o.Need == Owner:
		return forbidden("this is decided on the machine itself", cmp.Or(o.Instead, "use the spinbot command there"))
	case who.May == unset || who.May == Anyone:
		return &client.Problem{Code: client.CodeUnauthorized, Detail: "nobody knows who asks", Fix: "send a token: spinbot token new NAME makes one"}
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
