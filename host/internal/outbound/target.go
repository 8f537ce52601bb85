package outbound

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// target is where a request goes.
type target struct {
	url                *url.URL
	scheme, host, port string // host is canonical, port empty for the scheme's own
}

const maxURL = 8 << 10

func parseTarget(text string) (target, error) {
	if len(text) > maxURL {
		return target{}, invalid("the URL is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(text)
	if err != nil {
		return target{}, invalid("%q is no URL", clip(text))
	}
	return targetOf(u)
}

func targetOf(u *url.URL) (target, error) {
	t := target{url: u, scheme: u.Scheme, port: u.Port()}
	switch {
	case t.scheme != "http" && t.scheme != "https":
		return t, invalid("%q is no http or https URL", clip(u.Redacted()))
	case u.User != nil:
		return t, invalid("%q has a user in it: name a secret and a header instead", clip(u.Redacted()))
	}
	if t.host = grant.CanonicalHost(u.Hostname()); t.host == "" {
		return t, invalid("%q has no host that can be looked up; a name in another script is written in its xn-- form", clip(u.Redacted()))
	}
	if t.port == "443" && t.scheme == "https" || t.port == "80" && t.scheme == "http" {
		t.port = ""
	}
	u.Host, u.Fragment, u.RawFragment = t.pattern(), "", ""
	return t, nil
}

// pattern is the target as a grant names it.
func (t target) pattern() string {
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port != "" {
		host += ":" + t.port
	}
	return host
}

// option names the target in a command; a shell takes brackets for a pattern.
func (t target) option() string {
	if strings.HasPrefix(t.pattern(), "[") {
		return "--host '" + t.pattern() + "'"
	}
	return "--host " + t.pattern()
}

func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// follow moves to where a redirect leads.
func (x *exchange) follow(status int, location string) error {
	u, err := x.target.url.Parse(location)
	if err != nil || len(location) > maxURL {
		return refused("", "%s redirects to what is no URL", x.target.pattern())
	}
	next, err := targetOf(u)
	if err != nil {
		return refused("", "%s redirects to where no request goes: %s", x.target.pattern(), err)
	}
	if next.scheme != x.target.scheme || next.pattern() != x.target.pattern() {
		x.sendSecrets = false
		for _, name := range []string{"Authorization", "Cookie", "Www-Authenticate"} {
			x.header.Del(name)
		}
	}
	if status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther {
		if x.method != http.MethodGet && x.method != http.MethodHead {
			x.method, x.q.Body = http.MethodGet, nil
			for name := range x.header {
				if strings.HasPrefix(name, "Content-") {
					delete(x.header, name)
				}
			}
		}
	}
	x.target = next
	return nil
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// reserved are fields that belong to the connection or to the host.
var reserved = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Host": true, "Content-Length": true, "Expect": true, "User-Agent": true,
}

// headerOf checks a header.
func headerOf(fields []guest.Field) (http.Header, error) {
	h, size := http.Header{}, 0
	for _, f := range fields {
		if err := checkField(f.Name, f.Value); err != nil {
			return nil, err
		}
		if size += len(f.Name) + len(f.Value); size > maxHeader {
			return nil, &guest.Error{Status: guest.StatusTooBig, Message: "the request's header is larger than 64 KiB"}
		}
		h.Add(f.Name, f.Value)
	}
	return h, nil
}

func checkField(name, value string) error {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	switch {
	case name == "" || strings.Trim(name, token) != "":
		return invalid("%q is no name of a header field", clip(name))
	case reserved[http.CanonicalHeaderKey(name)]:
		return invalid("the header field %s is the host's to set; leave it out", http.CanonicalHeaderKey(name))
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return invalid("the value of the header field %s has a line break or another control character in it", name)
		}
	}
	return nil
}
