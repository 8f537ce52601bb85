package fleetroutes

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// OneDevice names a device.
type OneDevice struct {
	UUID string `path:"uuid" doc:"A device's UUID, or a unique beginning of it."`
}

func (s *routes) deviceRoutes() {
	route.JSON(s.Server, route.Op{ID: "list-devices", Method: http.MethodGet, Path: route.V1 + "devices", Need: route.Viewer, Summary: "Accelerators, with what was measured of them"}, s.listDevices)
	route.JSON(s.Server, route.Op{ID: "device-series", Method: http.MethodGet, Path: route.V1 + "devices/{uuid}/series", Need: route.Viewer, Summary: "The figures of an accelerator over time"}, s.deviceSeries)
	route.JSON(s.Server, route.Op{ID: "hold-device", Method: http.MethodPost, Path: route.V1 + "devices/{uuid}/hold", Need: route.Operator, Summary: "Take an accelerator out of use"}, func(ctx context.Context, in *struct {
		OneDevice
		Body *client.Word
	}) (client.DeviceList, error) {
		return s.hold(ctx, in.UUID, cmp.Or(route.Given(in.Body).Reason, "by "+route.CallerOf(ctx).User))
	})
	route.JSON(s.Server, route.Op{ID: "release-device", Method: http.MethodPost, Path: route.V1 + "devices/{uuid}/release", Need: route.Operator, Summary: "Take an accelerator back into use"}, func(ctx context.Context, in *OneDevice) (client.DeviceList, error) {
		return s.hold(ctx, in.UUID, "")
	})
}

func (s *routes) listDevices(ctx context.Context, _ *route.None) (client.DeviceList, error) {
	list, err := s.cfg.Devices.Devices(ctx)
	list.Version, list.Devices = client.ShapeVersion, route.Some(list.Devices)
	return list, err
}

func (s *routes) hold(ctx context.Context, uuid, why string) (client.DeviceList, error) {
	if err := s.cfg.Devices.Hold(ctx, uuid, why); err != nil {
		return client.DeviceList{}, err
	}
	return s.listDevices(ctx, nil)
}

func (s *routes) deviceSeries(ctx context.Context, in *struct {
	OneDevice
	Since time.Time `query:"since" doc:"Only what was measured after."`
}) (client.DeviceSeries, error) {
	series, err := s.cfg.Devices.Series(ctx, in.UUID, in.Since)
	series.Version, series.Points = client.ShapeVersion, route.Some(series.Points)
	return series, err
}
