package runroutes

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/hub"
	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk/client"
)

// beat is how often a silent stream says that it is alive, and finds out that its reader has gone.
const beat = 2 * time.Second

// events answers with a page of events, or streams them (Accept: text/event-stream) with reports until the run ends.
func (s *Routes) events(c *fiber.Ctx) error {
	// A browser that reads on sends the first address again, with the number it has come to.
	after, err := strconv.ParseUint(c.Get("Last-Event-ID", c.Query("after", "0")), 10, 64)
	if err != nil {
		return route.BadRequest("after is not a sequence number", "")
	}
	h, err := s.Find(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	if err := s.hub.Reaches(c.UserContext(), h.Run, after); err != nil {
		return err
	}
	if strings.Contains(c.Get(fiber.HeaderAccept), "text/event-stream") {
		c.Set(fiber.HeaderContentType, "text/event-stream")
		c.Set(fiber.HeaderCacheControl, "no-store")
		if c.Method() == fiber.MethodHead {
			return nil // fasthttp would end a stream that it does not send
		}
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { s.stream(w, h.Run, after) })
		return nil
	}
	limit, err := strconv.Atoi(c.Query("limit", "0"))
	if err != nil || limit < 0 || limit > route.MaxPage {
		return route.BadRequest("limit "+strconv.Quote(c.Query("limit"))+" is not a number from 1 to "+strconv.Itoa(route.MaxPage), "")
	}
	events, err := s.cfg.Journal.Read(c.UserContext(), h.Run, after, route.Page{Limit: limit}.Size())
	if err != nil {
		return err
	}
	list := client.EventList{Version: client.ShapeVersion, Events: []client.Event{}, Next: after}
	for _, e := range events {
		list.Events = append(list.Events, client.Event{Seq: e.Seq, Data: e.Data})
		list.Next = e.Seq
	}
	return c.JSON(list)
}

// stream writes events and reports until the run has ended, the reader has gone or the server closes.
func (s *Routes) stream(w *bufio.Writer, run string, after uint64) {
	ctx, cancel := context.WithCancel(s.Closing())
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			finish(w, s.Panicked(r))
		}
	}()
	more := make(chan struct{}, 1)
	line := s.hub.Line(func() {
		select {
		case more <- struct{}{}:
		default: // it will look anyway
		}
	}, nil)
	defer line.Close()
	if err := line.Subscribe(ctx, hub.Target{Kind: hub.Run, ID: run}, hub.From{After: &after}); err != nil {
		finish(w, err)
		return
	}
	alive := time.NewTicker(beat)
	defer alive.Stop()
	for {
		b, err := line.Next(ctx)
		if err != nil {
			return // it breaks off, and the reader tries again
		}
		if b != nil {
			if ended := write(w, b.Messages); ended {
				_ = w.Flush() // the reader may have gone, which ends the stream just as well
				return
			}
			continue
		}
		if w.Flush() != nil {
			return // the reader has gone
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		case <-alive.C:
			fmt.Fprint(w, ": alive\n\n")
		}
	}
}

// write writes messages as server-sent events, and says whether they were the last.
func write(w *bufio.Writer, messages []client.Message) bool {
	for _, m := range messages {
		switch m.Type {
		case client.MessageEvent:
			fmt.Fprintf(w, "event: event\nid: %d\ndata: %s\n\n", m.Seq, m.Data)
		case client.MessageEnd:
			fmt.Fprint(w, "event: end\ndata: {}\n\n")
			return true
		default:
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", m.Type, m.Data)
			if m.Type == client.MessageError {
				return true
			}
		}
	}
	return false
}

func finish(w *bufio.Writer, err error) {
	if raw, e := json.Marshal(route.Problem(err)); e == nil {
		fmt.Fprintf(w, "event: error\ndata: %s\n\n", raw)
	}
	_ = w.Flush() // the reader may have gone, which ends the stream just as well
}
