package route

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Caller is who asks for something.
type Caller struct {
	User    string
	May     Need
	By      string // the id of the token that they came with; empty: none
	Request string // its id, for the log
	Address string
	Private bool // over the unix socket, which only the machine's own user can open
}

type callerKey struct{}

// CallerOf says who asks; before anybody was let in, nobody.
func CallerOf(ctx context.Context) Caller {
	who, _ := ctx.Value(callerKey{}).(*Caller)
	if who == nil {
		return Caller{}
	}
	return *who
}

// SignedIn notes who somebody turned out to be who came as nobody: it is written down of them.
func SignedIn(ctx context.Context, user, by string) {
	if who, _ := ctx.Value(callerKey{}).(*Caller); who != nil {
		who.User, who.By = user, by
	}
}

// local is who asks over the socket, or over loopback where nobody has to sign in.
const local = "local"

// SessionCookie is the cookie of a browser's session. Its name has browsers take it only over HTTPS or from this machine.
const SessionCookie = "spinbot_session"

// Hooks is where webhooks are asked. A page of another site may do so too: see guard.
const Hooks = "/hooks/"

// guard refuses packed bodies, which may be bombs, and what a browser was tricked into sending: a Host that is not this machine (DNS rebinding), and a
// state-changing request, or a WebSocket, of another site's page.
func (s *Server) guard(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	who := &Caller{Request: rand.Text()[:12], Address: s.from(c).String(), Private: c.Context().LocalAddr().Network() == "unix"}
	c.Set(fiber.HeaderXRequestID, who.Request)
	c.SetUserContext(context.WithValue(c.UserContext(), callerKey{}, who))
	if packing := c.Get(fiber.HeaderContentEncoding); packing != "" && packing != "identity" {
		return &client.Problem{Code: client.CodeUnsupported, Detail: fmt.Sprintf("the body is packed (Content-Encoding: %.40q)", packing), Fix: "send it as it is"}
	}
	if who.Private {
		return c.Next()
	}
	if host := hostname(string(c.Request().Host())); !s.named(host) {
		return Forbidden("the Host header names "+host+", which is not this machine",
			"open http://127.0.0.1 with the port it listens on, or name it: spinbot serve --allow-host "+host)
	}
	if (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && c.Get(fiber.HeaderUpgrade) == "" {
		return c.Next()
	}
	if c.Method() == fiber.MethodPost && strings.HasPrefix(c.Path(), Hooks) {
		return c.Next() // a signature says who asks, which no page can make that does not know the secret
	}
	if origin := c.Get(fiber.HeaderOrigin); origin != "" && !sameOrigin(origin, string(c.Request().Host())) {
		return Forbidden("a page of "+origin+" may not change anything here", "")
	}
	if site := c.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return Forbidden("a page of another site may not change anything here", "")
	}
	return c.Next()
}

// from gives where a request is from: the last address on its way that is no proxy of ours. What stands before that anybody can write.
func (s *Server) from(c *fiber.Ctx) netip.Addr {
	at, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	at = at.Unmap()
	var way []string
	for _, header := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		way = append(way, strings.Split(string(header), ",")...)
	}
	for _, text := range slices.Backward(way) {
		before, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || !slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(at) }) {
			break
		}
		at = before.Unmap()
	}
	return at
}

// admit lets in who may ask for this, and has what they changed written down.
func (s *Server) admit(o Op) fiber.Handler {
	reads := o.Method == fiber.MethodGet && !o.Changes
	return func(c *fiber.Ctx) error {
		who, _ := c.UserContext().Value(callerKey{}).(*Caller)
		err := s.signIn(c, who)
		switch {
		case err != nil && o.Need == Anyone:
			err = c.Next()
		case err != nil:
			err = Stranger(c, err)
		case who.May < o.Need:
			err = refusal(o, who)
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
		d := auth.Deed{At: time.Now().UTC(), User: who.User, By: who.By, Address: who.Address, Request: who.Request, What: o.ID, On: on(c, o), Status: c.Response().StatusCode()}
		s.note(c.UserContext(), d)
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
func (s *Server) signIn(c *fiber.Ctx, who *Caller) error {
	if who.Private {
		who.User, who.May = local, Owner
		return nil
	}
	if !s.SignsIn() {
		who.User, who.May = local, Operator
		return nil
	}
	found, err := s.cfg.Accounts.SignIn(c.UserContext(), bearer(c), c.Cookies(SessionCookie), who.Address)
	if err == nil {
		who.User, who.By = found.User, found.By
		who.May = map[auth.Role]Need{auth.Viewer: Viewer, auth.Operator: Operator, auth.Admin: Admin}[found.Role]
	}
	return err
}

// SignsIn says whether others than the machine's own user have to sign in.
func (s *Server) SignsIn() bool { return s.cfg.Accounts.Required() || s.wide.Load() }

// Again gives what looks again whether who asks may still, for answers that last; nil where there is nothing to look at.
func (s *Server) Again(c *fiber.Ctx) func(ctx context.Context) error {
	who := CallerOf(c.UserContext())
	if who.Private {
		return nil
	}
	token, cookie := bearer(c), strings.Clone(c.Cookies(SessionCookie))
	return func(ctx context.Context) error {
		if !s.SignsIn() {
			return nil
		}
		_, err := s.cfg.Accounts.SignIn(ctx, token, cookie, who.Address)
		return err
	}
}

// bearer gives the token that a request comes with.
func bearer(c *fiber.Ctx) string {
	const scheme = "Bearer "
	text := c.Get(fiber.HeaderAuthorization)
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return ""
	}
	return strings.Clone(text[len(scheme):])
}

// Stranger says why somebody is not let in.
func Stranger(c *fiber.Ctx, err error) error {
	p := &client.Problem{Code: client.CodeUnauthorized, Detail: err.Error(), Fix: "send a token as Authorization: Bearer …; spinbot token new NAME makes one"}
	var locked *auth.LockedError
	switch {
	case errors.As(err, &locked):
		p.Code, p.Fix = client.CodeTooMany, "wait, and then take the right token"
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(time.Until(locked.Until).Seconds()+1))))
	case errors.Is(err, auth.ErrFull):
		p.Code, p.Fix = client.CodeTooMany, "come with a token, or wait until one of them has signed out"
	case errors.Is(err, auth.ErrKeptOut):
		p.Code, p.Fix = client.CodeForbidden, "ask an admin"
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrWrong), errors.Is(err, auth.ErrMistyped), errors.Is(err, auth.ErrExpired), errors.Is(err, auth.ErrSession):
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	default:
		return err
	}
	return p
}

func refusal(o Op, who *Caller) error {
	if o.Need == Owner {
		return Forbidden("this is decided on the machine itself", cmp.Or(o.Instead, "use the spinbot command there"))
	}
	return Forbidden(who.User+" may not do this: it needs the role "+o.Need.String(), "ask an admin, or take another token")
}

// Permitted refuses a pipeline's path from anybody but the machine's own user, and a source in which there is no pipeline.
func Permitted(ctx context.Context, src client.Source) error {
	if src.Path != "" && !CallerOf(ctx).Private {
		return Forbidden("a pipeline's path is taken over the private socket only", "send the file itself as pipeline.text")
	}
	if src.Path != "" && !filepath.IsAbs(src.Path) {
		return BadRequest("the pipeline's path "+src.Path+" is not absolute", "")
	}
	if src.Path == "" && src.Text == "" && src.Saved == "" {
		return BadRequest("there is no pipeline", "send the file as pipeline.text, or name one of the host's as pipeline.saved")
	}
	return nil
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
