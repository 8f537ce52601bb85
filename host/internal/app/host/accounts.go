package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/auth/oidc"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// openAccounts reads who may ask for what: with the runs where hosts share them, else in the state directory. What was done is
// written down by each host for itself, and where they share runs for all together.
func (h *Host) openAccounts(ctx context.Context) (err error) {
	folder := h.cfg.State.Accounts()
	var kept store.Records = auth.NewFolder(folder)
	var log store.Log
	if h.sharing != nil {
		kept, log = h.sharing.Records, h.sharing.Log
	}
	h.trail = auth.NewTrail(filepath.Join(folder, auth.TrailFile), log)
	if h.accounts, err = auth.Open(ctx, kept, time.Now); err != nil {
		return err
	}
	said := h.cfg.File.Auth
	h.accounts.Rule(auth.Rules{SignIn: said.Required || said.OIDC != nil, Idle: said.Idle, Most: said.Longest})
	if said.OIDC != nil {
		key, err := h.accounts.Key(ctx)
		if err != nil {
			return err
		}
		h.provider, err = newProvider(said.OIDC, key)
		return err
	}
	return nil
}

func newProvider(o *config.OIDC, key []byte) (*oidc.Provider, error) {
	secret := o.Secret
	if o.SecretFile != "" {
		raw, err := os.ReadFile(o.SecretFile)
		if secret = strings.TrimSpace(string(raw)); err == nil && secret == "" {
			err = errors.New(o.SecretFile + " is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("client_secret_file of auth / oidc: %w", err)
		}
	}
	roles := map[string]auth.Role{}
	for name, role := range o.Roles {
		roles[name] = auth.Role(role)
	}
	return oidc.New(oidc.Config{Issuer: o.Issuer, ClientID: o.ClientID, Secret: secret, Redirect: o.Redirect, Scopes: o.Scopes, UserClaim: o.UserClaim,
		RolesClaim: o.RolesClaim, Roles: roles, Everybody: auth.Role(o.Everybody), Unverified: o.UnverifiedEmail, Key: key, Now: time.Now}), nil
}
