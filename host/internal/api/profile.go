package api

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// How long a profile lasts, in seconds.
const (
	usualProfile = 30
	mostProfile  = 300
)

// profile gives one of the process's profiles. The names are those of net/http/pprof; what that says of the command line and of
// symbols is left out, since secrets may stand in the one, and nobody asks for the other.
func (s *Server) profile(c *fiber.Ctx) error {
	name := c.Params("name")
	var out bytes.Buffer
	switch name {
	case "profile":
		if err := s.over(c, func() error { return pprof.StartCPUProfile(&out) }, pprof.StopCPUProfile); err != nil {
			return err
		}
	case "trace":
		if err := s.over(c, func() error { return trace.Start(&out) }, trace.Stop); err != nil {
			return err
		}
	default:
		p := pprof.Lookup(name)
		if p == nil {
			return &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("there is no profile %.40q", name), Fix: "there are " + strings.Join(profiles(), ", ")}
		}
		if name == "heap" && c.QueryInt("gc") > 0 { // what nobody holds any more is no part of it
			runtime.GC()
		}
		debug := c.QueryInt("debug")
		if err := p.WriteTo(&out, debug); err != nil {
			return err
		}
		if debug > 0 {
			c.Type("txt", "utf-8")
			return c.Send(out.Bytes())
		}
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
	c.Attachment(strings.Clone(name) + ".pprof")
	return c.Send(out.Bytes())
}

func profiles() []string {
	names := []string{"profile", "trace"}
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	return names
}

// over records for as long as the request says, or until the host stops. Two cannot record at once.
func (s *Server) over(c *fiber.Ctx, start func() error, stop func()) error {
	seconds, err := strconv.Atoi(c.Query("seconds", strconv.Itoa(usualProfile)))
	if err != nil || seconds < 1 || seconds > mostProfile {
		return route.BadRequest("seconds: want a whole number from 1 to "+strconv.Itoa(mostProfile), "")
	}
	if err := start(); err != nil {
		return &client.Problem{Code: client.CodeConflict, Detail: "somebody else records such a profile now: " + err.Error(), Fix: "try again when it is done"}
	}
	defer stop()
	ctx, cancel := context.WithTimeout(s.Closing(), time.Duration(seconds)*time.Second)
	defer cancel()
	<-ctx.Done()
	return nil
}
