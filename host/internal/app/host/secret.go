package host

import "context"

// secretOf gives the value of a secret, as the vault finds it now.
func (h *Host) secretOf(ctx context.Context, name string) (string, error) {
	if err := h.secrets.Resolve(ctx, []string{name}); err != nil {
		return "", err
	}
	return h.secrets.Secret(name)
}
