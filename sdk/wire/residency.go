package wire

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/myspinbot/spinbot/sdk"
)

// ErrCannot says that the plugin does not offer what was asked of it, or was built before there was such a thing.
var ErrCannot = errors.New("the plugin cannot do this")

// Resident asks which models are loaded. Its error is ErrCannot, the plugin's *sdk.Error, or a *ConnError.
func (c *Client) Resident(ctx context.Context) ([]sdk.Model, error) {
	r, err := c.rpc.Resident(ctx, &ResidentRequest{})
	switch {
	case err != nil:
		return nil, cannot(err)
	case r.Error != nil:
		return nil, fromError(r.Error)
	}
	models := make([]sdk.Model, len(r.Models))
	for i, m := range r.Models {
		models[i] = sdk.Model{Name: m.Name, Devices: m.Devices, Memory: max(m.Memory, 0), InUse: m.InUse}
	}
	return models, nil
}

// Unload frees a model, or everything when model is empty. Its errors are those of Resident.
func (c *Client) Unload(ctx context.Context, model string) error {
	r, err := c.rpc.Unload(ctx, &UnloadRequest{Model: text(model, maxShort)})
	switch {
	case err != nil:
		return cannot(err)
	case r.Error != nil:
		return fromError(r.Error)
	}
	return nil
}

// Bounds of what Installed gives: more than that is not told.
const (
	maxNames      = 20_000
	maxNamesBytes = 1 << 20
)

// Installed asks what the plugin's engine has. Its errors are those of Resident.
func (c *Client) Installed(ctx context.Context) ([]string, error) {
	r, err := c.rpc.Installed(ctx, &InstalledRequest{})
	switch {
	case err != nil:
		return nil, cannot(err)
	case r.Error != nil:
		return nil, fromError(r.Error)
	}
	sum := 0
	for _, n := range r.Names {
		sum += len(n)
	}
	if len(r.Names) > maxNames || sum > maxNamesBytes {
		return nil, sdk.Fail(fmt.Sprintf("its engine has %d things installed, with names of %s in all: too many to tell", len(r.Names), sdk.FormatSize(int64(sum))), "")
	}
	return r.Names, nil
}

func cannot(err error) error {
	if status.Code(err) == codes.Unimplemented {
		return ErrCannot
	}
	return &ConnError{err}
}

// Resident gives the models that the plugin holds.
func (s *server) Resident(ctx context.Context, _ *ResidentRequest) (*ResidentResponse, error) {
	if s.plugin.Resident == nil {
		return nil, status.Errorf(codes.Unimplemented, "plugin %s does not tell what it holds", s.plugin.Name)
	}
	models, err := s.resident(ctx)
	if err != nil {
		return &ResidentResponse{Error: toError(sdk.AsError(err))}, nil
	}
	r := &ResidentResponse{}
	for _, m := range models {
		out := &Model{Name: text(m.Name, maxShort), Memory: m.Memory, InUse: m.InUse}
		for _, d := range m.Devices {
			out.Devices = append(out.Devices, text(d, maxShort))
		}
		r.Models = append(r.Models, out)
	}
	return r, nil
}

// Installed names what the plugin's engine has.
func (s *server) Installed(ctx context.Context, _ *InstalledRequest) (*InstalledResponse, error) {
	if s.plugin.Installed == nil {
		return nil, status.Errorf(codes.Unimplemented, "plugin %s does not tell what is installed", s.plugin.Name)
	}
	names, err := s.installed(ctx)
	if err != nil {
		return &InstalledResponse{Error: toError(sdk.AsError(err))}, nil
	}
	r := &InstalledResponse{}
	for _, n := range names {
		r.Names = append(r.Names, text(n, maxShort))
	}
	return r, nil
}

func (s *server) installed(ctx context.Context) (names []string, err error) {
	defer recovered(&err, "plugin "+s.plugin.Name+", asked what is installed,")
	return s.plugin.Installed(ctx)
}

func (s *server) resident(ctx context.Context) (models []sdk.Model, err error) {
	defer recovered(&err, "plugin "+s.plugin.Name+", asked what it holds,")
	return s.plugin.Resident(ctx)
}

// Unload has the plugin free a model.
func (s *server) Unload(ctx context.Context, r *UnloadRequest) (*UnloadResponse, error) {
	if s.plugin.Unload == nil {
		return nil, status.Errorf(codes.Unimplemented, "plugin %s cannot unload", s.plugin.Name)
	}
	if err := s.unload(ctx, r.Model); err != nil {
		return &UnloadResponse{Error: toError(sdk.AsError(err))}, nil
	}
	return &UnloadResponse{}, nil
}

func (s *server) unload(ctx context.Context, model string) (err error) {
	defer recovered(&err, "plugin "+s.plugin.Name+", told to unload,")
	return s.plugin.Unload(ctx, model)
}
