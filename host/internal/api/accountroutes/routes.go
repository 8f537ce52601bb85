// Package accountroutes is what the REST API says of who somebody is: signing in, here or with a provider, tokens, users, and
// what everybody did.
package accountroutes

import (
	"log/slog"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
)

// Config is what the routes need. Accounts and Trail have to be there, and are those of the server.
type Config struct {
	Accounts *auth.Accounts
	Trail    *auth.Trail
	// Provider lets people sign in elsewhere; nil: with tokens alone.
	Provider *oidc.Provider
	// Secure has browsers send their cookies over TLS alone: somebody else ends it.
	Secure bool
	// Domain is whose names all see a browser's session; empty: this host's alone.
	Domain string
	Log    *slog.Logger
}

type routes struct {
	*route.Server
	cfg Config
}

// Add adds the routes to a server.
func Add(to *route.Server, cfg Config) {
	s := &routes{to, cfg}
	s.accountRoutes()
	s.userRoutes()
}
