package grant

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// pattern is a host as a grant writes it.
type pattern struct {
	host  string // lower case; an address as netip writes it; empty: any
	below bool   // any name below host, and not host itself
	port  string // empty: the scheme's own
}

func parsePattern(s string) (pattern, error) {
	if s == "*" {
		return pattern{}, nil
	}
	if strings.Contains(s, "/") {
		return pattern{}, errors.New("is a URL; write its host alone, like api.example.com")
	}
	host, port, err := splitHost(s)
	if err != nil {
		return pattern{}, err
	}
	p := pattern{port: port}
	host, p.below = strings.CutPrefix(host, "*.")
	if p.host = CanonicalHost(host); p.host == "" {
		return pattern{}, errors.New("is no host; write it like api.example.com, *.example.org:8443 or [::1]:8080")
	}
	if _, err := netip.ParseAddr(p.host); err == nil && p.below {
		return pattern{}, errors.New("is an address: there are no names below it")
	}
	return p, nil
}

// splitHost takes a port off, if there is one.
func splitHost(s string) (host, port string, err error) {
	if rest, bracketed := strings.CutPrefix(s, "["); bracketed {
		inside, after, closed := strings.Cut(rest, "]")
		if a, err := netip.ParseAddr(inside); err != nil || !a.Is6() || !closed {
			return "", "", errors.New("has brackets around what is no IPv6 address")
		}
		host, s = inside, after
		if s == "" {
			return host, "", nil
		}
	} else if strings.Count(s, ":") > 1 {
		return "", "", errors.New("is an IPv6 address without brackets; write it like [::1]:8080")
	} else {
		before, _, some := strings.Cut(s, ":")
		if !some {
			return s, "", nil
		}
		host, s = before, s[len(before):]
	}
	port, ok := strings.CutPrefix(s, ":")
	if n, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || n == 0 {
		return "", "", errors.New("has a port that is no number from 1 to 65535")
	}
	return host, port, nil
}

// CanonicalHost writes a name or an address as it is compared: lower case, without a dot at its end. It gives "" for
// what is neither; a name in another script is written in its xn-- form.
func CanonicalHost(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return ""
		}
		return a.String()
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if s == "" || len(s) > 253 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return ""
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 {
			return ""
		}
	}
	return s
}

// Reach is whether a grant covers a host.
type Reach int

// How far a grant goes.
const (
	Denied Reach = iota
	Any          // by "*" alone: it is sent no secret
	Named
)

// Reaches says whether the grant covers a host, canonical, at a port.
func (w *Web) Reaches(scheme, host, port string) Reach {
	own := "80"
	if scheme == "https" {
		own = "443"
	}
	if port == "" {
		port = own
	}
	best := Denied
	for _, text := range w.Hosts {
		p, err := parsePattern(text)
		if err != nil || p.port != port && (p.port != "" || port != own) {
			continue
		}
		switch {
		case p.host == "":
			best = max(best, Any)
		case p.below && strings.HasSuffix(host, "."+p.host), !p.below && host == p.host:
			best = Named
		}
	}
	return best
}

// Allows says whether the grant covers a method.
func (w *Web) Allows(method string) bool {
	if len(w.Methods) == 0 {
		return slices.Contains(DefaultMethods, method)
	}
	return slices.Contains(w.Methods, method)
}
