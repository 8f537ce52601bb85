package api

import (
	"cmp"
	"context"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Devices are the accelerators of this machine.
type Devices interface {
	// Devices lists them as of the last look; the first look is waited for.
	Devices(ctx context.Context) (client.DeviceList, error)
	// Hold takes a device out of use, why for people; an empty why takes it back. Tasks on it go on.
	Hold(ctx context.Context, uuid, why string) error
	// Series gives the figures of one after a time; uuid may be a unique beginning.
	Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error)
}

// OneDevice names a device.
type OneDevice struct {
	UUID string `path:"uuid" doc:"A device's UUID, or a unique beginning of it."`
}

func (s *Server) deviceRoutes() {
	op(s, Op{ID: "list-devices", Method: get, Path: v1 + "devices", Need: Viewer, Summary: "Accelerators, with what was measured of them"}, s.listDevices)
	op(s, Op{ID: "device-series", Method: get, Path: v1 + "devices/{uuid}/series", Need: Viewer, Summary: "The figures of an accelerator over time"}, s.deviceSeries)
	op(s, Op{ID: "hold-device", Method: post, Path: v1 + "devices/{uuid}/hold", Need: Operator, Summary: "Take an accelerator out of use"}, func(ctx context.Context, in *struct {
		OneDevice
		Body *client.Word
	}) (client.DeviceList, error) {
		return s.hold(ctx, in.UUID, cmp.Or(given(in.Body).Reason, "by "+callerOf(ctx).User))
	})
	op(s, Op{ID: "release-device", Method: post, Path: v1 + "devices/{uuid}/release", Need: Operator, Summary: "Take an accelerator back into use"}, func(ctx context.Context, in *OneDevice) (client.DeviceList, error) {
		return s.hold(ctx, in.UUID, "")
	})
}

func (s *Server) listDevices(ctx context.Context, _ *none) (client.DeviceList, error) {
	list, err := s.cfg.Devices.Devices(ctx)
	list.Version, list.Devices = client.ShapeVersion, some(list.Devices)
	return list, err
}

func (s *Server) hold(ctx context.Context, uuid, why string) (client.DeviceList, error) {
	if err := s.cfg.Devices.Hold(ctx, uuid, why); err != nil {
		return client.DeviceList{}, err
	}
	return s.listDevices(ctx, nil)
}

func (s *Server) deviceSeries(ctx context.Context, in *struct {
	OneDevice
	Since time.Time `query:"since" doc:"Only what was measured after."`
}) (client.DeviceSeries, error) {
	series, err := s.cfg.Devices.Series(ctx, in.UUID, in.Since)
	series.Version, series.Points = client.ShapeVersion, some(series.Points)
	return series, err
}
