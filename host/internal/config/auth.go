package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
)

// domainForm has a dot, since browsers take a cookie of no top-level domain, and no number at its end, since they take none of addresses.
var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

func (r *reader) auth(g given) {
	spec := blocks[slices.IndexFunc(blocks, blockNamed("auth"))]
	s, _ := r.inside(g.block, spec, "session", "auth")
	r.positive(s, "idle")
	r.positive(s, "longest")
	r.c.Auth = Auth{Required: get[bool](g, "required"), Idle: get[time.Duration](s, "idle"), Longest: get[time.Duration](s, "longest"), Domain: strings.ToLower(get[string](s, "domain"))}
	if s.has("domain") && !domainForm.MatchString(r.c.Auth.Domain) {
		r.Fail(s.where("domain"), "write it like \"gpu.example\"", "domain: %q is no domain of which browsers take a session: it needs a dot, and is no address", get[string](s, "domain"))
	}
	for _, text := range get[[]string](g, "proxies") {
		p, err := netip.ParsePrefix(text)
		if one, bad := netip.ParseAddr(text); bad == nil {
			p, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		if err != nil {
			r.Fail(g.where("proxies"), "write it like \"10.0.0.2\" or \"10.0.0.0/24\"", "proxies: %q is no address, and no network", text)
			continue
		}
		r.c.Auth.Proxies = append(r.c.Auth.Proxies, p.Masked())
	}
	if slices.ContainsFunc(g.block.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "oidc" }) {
		o, spec := r.inside(g.block, spec, "oidc", "auth")
		r.oidc(o, spec)
	}
}

// inside reads the block of a name that may stand once within another. If it does not, its defaults hold.
func (r *reader) inside(b *hclsyntax.Block, spec language.Block, name, place string) (g given, found language.Block) {
	found = spec.Blocks[slices.IndexFunc(spec.Blocks, blockNamed(name))]
	for _, x := range b.Body.Blocks {
		switch {
		case x.Type != name:
		case g.block != nil:
			r.Fail(x.DefRange(), "", "%s stands twice in %s", name, spec.Name)
		case len(x.Labels) > 0:
			r.Fail(x.LabelRanges[0], "", "%s has no label: %s { }", name, name)
			g.block = x
		default:
			g = r.read(x, found, place+"."+name)
		}
	}
	if g.block == nil {
		g = r.read(&hclsyntax.Block{Type: name, Body: &hclsyntax.Body{}}, found, place+"."+name)
	}
	return g, found
}

func (r *reader) oidc(g given, spec language.Block) {
	o := &OIDC{Issuer: get[string](g, "issuer"), ClientID: get[string](g, "client_id"), Redirect: get[string](g, "redirect"), Secret: get[string](g, "client_secret"),
		Scopes: get[[]string](g, "scopes"), UserClaim: get[string](g, "user_claim"), RolesClaim: get[string](g, "roles_claim"),
		UnverifiedEmail: get[bool](g, "unverified_email"), Roles: map[string]string{}}
	for i, e := range r.c.Entries {
		if e.Key == "auth.oidc.client_secret" {
			r.c.Entries[i].Value = value.Hidden{}
		}
	}
	r.safeURL(g, "issuer")
	r.safeURL(g, "redirect")
	if g.has("client_id") && o.ClientID == "" {
		r.Fail(g.where("client_id"), "", "client_id: want what the provider calls this host")
	}
	if g.written("client_secret") && g.written("client_secret_file") {
		r.Fail(g.where("client_secret_file"), "", "oidc has one of client_secret and client_secret_file")
	}
	if file := get[string](g, "client_secret_file"); file != "" {
		o.SecretFile = r.path(file, false)
	}
	roles, _ := r.inside(g.block, spec, "roles", "auth.oidc")
	for _, role := range []string{"viewer", "operator", "admin"} { // the highest last
		for _, name := range get[[]string](roles, role) {
			o.Roles[name] = role
		}
	}
	if o.Everybody = get[string](roles, "everybody"); len(o.Roles) == 0 && o.Everybody == "" {
		where := g.block.DefRange()
		if roles.block.TypeRange != (hcl.Range{}) { // it is written
			where = roles.block.DefRange()
		}
		r.Fail(where, "roles { admin = [\"GROUP\"] } lets a group in, everybody = \"viewer\" all others", "nobody could sign in: no role is anybody's")
	}
	r.c.Auth.OIDC = o
}

// safeURL refuses what others could read or change on its way.
func (r *reader) safeURL(g given, word string) {
	if !g.has(word) {
		return
	}
	text := get[string](g, word)
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		r.Fail(g.where(word), "", "%s: want https://…, got %q", word, text)
	case u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost") && !net.ParseIP(u.Hostname()).IsLoopback():
		r.Fail(g.where(word), "", "%s: %s can be read and changed on its way; want https://…", word, text)
	}
}
