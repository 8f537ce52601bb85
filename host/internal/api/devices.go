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
	// Hold takes a device out of use, why for people; an empty why takes it back. Tasks on it go on.
	Hold(ctx context.Context, uuid, why string) error
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

// holdDevice takes a device out of use.
func (s *Server) holdDevice(c *fiber.Ctx) error {
	var w client.Word
	if err := readJSON(c, &w); err != nil {
		return err
	}
	if w.Reason == "" {
		w.Reason = "by " + owner
	}
	if err := s.cfg.Devices.Hold(c.UserContext(), c.Params("uuid"), w.Reason); err != nil {
		return err
	}
	return s.listDevices(c)
}

// releaseDevice takes it back.
func (s *Server) releaseDevice(c *fiber.Ctx) error {
	if err := s.cfg.Devices.Hold(c.UserContext(), c.Params("uuid"), ""); err != nil {
		return err
	}
	return s.listDevices(c)
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
