package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Devices are the accelerators of this machine.
type Devices interface {
	// Devices lists them as of the last look; the first look is waited for.
	Devices(ctx context.Context) (client.DeviceList, error)
	// Series gives the figures of one after a time; uuid may be a unique beginning.
	Series(ctx context.Context, uuid string, since time.Time) (client.DeviceSeries, error)
}

func (s *Server) listDevices(c *fiber.Ctx) error {
	list, err := s.cfg.Devices.Devices(c.UserContext())
	if err != nil {
		return err
	}
	if list.Devices == nil {
		list.Devices = []client.KnownDevice{}
	}
	list.Version = client.ShapeVersion
	return c.JSON(list)
}

func (s *Server) deviceSeries(c *fiber.Ctx) error {
	var since time.Time
	if text := c.Query("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return badRequest("since is no time: "+text, "write it like 2026-01-31T12:00:00Z")
		}
	}
	series, err := s.cfg.Devices.Series(c.UserContext(), c.Params("uuid"), since)
	if err != nil {
		return err
	}
	if series.Points == nil {
		series.Points = []client.DevicePoint{}
	}
	series.Version = client.ShapeVersion
	return c.JSON(series)
}
