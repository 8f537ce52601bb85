package api

import (
	"net"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// private says whether the request came over the unix socket, which only the machine's own user can open.
func private(c *fiber.Ctx) bool {
	return c.Context().LocalAddr().Network() == "unix"
}

// guard refuses what a browser was tricked into sending: a Host that is not this machine (DNS rebinding), and a
// state-changing request that another site's page made.
func (s *Server) guard(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	if c.Method() != fiber.MethodPost && c.Context().RequestBodyStream() != nil {
		c.Context().SetConnectionClose() // nobody reads it: see fail
	}
	if private(c) {
		return c.Next()
	}
	if host := hostname(string(c.Request().Host())); !loopback(host) {
		return forbidden("the Host header names "+host+", not this machine", "open http://127.0.0.1 with the port it listens on")
	}
	if c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead {
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
