package socket

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
)

// echoing serves pipes that say what they hear, but for "enough", at which they end.
func echoing(t *testing.T, cfg PipeConfig, still func(context.Context) error) (*Pipes, func(user string) *peer) {
	t.Helper()
	s := NewPipes(cfg)
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	app.Get("/ws", func(c *fiber.Ctx) error {
		return s.Serve(c, c.Get("X-User"), still, func(_ context.Context, p *Pipe) error {
			for {
				m, err := p.Recv()
				switch {
				case err != nil:
					return nil
				case string(m) == "panic":
					panic("it was told to")
				case string(m) == "enough":
					return errors.New("that was enough")
				}
				if err := p.Send(m); err != nil {
					return err
				}
			}
		})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = app.Listener(ln) })
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		_ = app.Shutdown()
		ln.Close()
		serving.Wait()
	})
	return s, func(user string) *peer {
		c, res, err := websocket.DefaultDialer.Dial("ws://"+ln.Addr().String()+"/ws", map[string][]string{"X-User": {user}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		t.Cleanup(func() { c.Close() })
		return &peer{Conn: c, t: t}
	}
}

func (p *peer) echoes(text string) {
	p.t.Helper()
	p.say(text)
	_ = p.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, raw, err := p.ReadMessage(); err != nil || string(raw) != text {
		p.t.Fatalf("%.40s %v", raw, err)
	}
}

func TestPipe(t *testing.T) {
	t.Parallel()
	s, dial := echoing(t, PipeConfig{Message: 1000}, nil)
	p := dial("anna")
	p.echoes("one")
	p.echoes(strings.Repeat("x", 1000))
	p.say("enough")
	p.ended(websocket.ClosePolicyViolation)
	p = dial("anna")
	p.say("panic")
	p.ended(websocket.CloseInternalServerErr)
	p = dial("anna")
	p.say(strings.Repeat("x", 1001))
	p.ended(websocket.CloseMessageTooBig)
	p = dial("anna")
	if err := p.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	p.ended(websocket.CloseUnsupportedData)
	p = dial("anna")
	p.echoes("last")
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	p.ended(websocket.CloseGoingAway)
	if n := s.Len(); n != 0 {
		t.Errorf("%d are left", n)
	}
	dial("anna").ended(websocket.CloseGoingAway)
}

// TestPipesCount: there are so many in all, and so many of one user; one that goes makes room.
func TestPipesCount(t *testing.T) {
	t.Parallel()
	_, dial := echoing(t, PipeConfig{All: 3, Each: 2}, nil)
	one := dial("anna")
	one.echoes("x")
	dial("anna").echoes("x")
	dial("anna").ended(CloseTooMany)
	dial("bert").echoes("x")
	dial("carl").ended(CloseTooMany)
	one.say("enough")
	one.ended(websocket.ClosePolicyViolation)
	for until := time.Now().Add(30 * time.Second); ; { // its room is free once the server has seen it go
		p := dial("carl")
		p.say("x")
		if _, _, err := p.ReadMessage(); err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatal("there is no room for carl")
		}
	}
}

// TestPipesEnd: who says nothing, or may not be here any more, or does not answer is not kept.
func TestPipesEnd(t *testing.T) {
	t.Parallel()
	_, dial := echoing(t, PipeConfig{Idle: time.Nanosecond, Ping: 300 * time.Millisecond}, nil)
	told(t, dial, CloseIdle)

	var revoked atomic.Bool
	_, dial = echoing(t, PipeConfig{Ping: time.Second, Recheck: time.Nanosecond}, func(context.Context) error {
		if revoked.Load() {
			return errors.New("the token was revoked")
		}
		return nil
	})
	dial("anna").echoes("x")
	revoked.Store(true)
	told(t, dial, CloseRevoked)

	s, dial := echoing(t, PipeConfig{Ping: 20 * time.Millisecond}, nil)
	gone := dial("anna") // which reads nothing, and so answers no ping
	_ = gone
	for until := time.Now().Add(30 * time.Second); s.Len() > 0; time.Sleep(time.Millisecond) { // polled: nobody tells
		if time.Now().After(until) {
			t.Fatal("it is kept")
		}
	}
}

// told has clients connect until one is told why it has to go: on a busy machine one may be let go as silent before.
func told(t *testing.T, dial func(user string) *peer, code int) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); ; {
		_, err := dial("anna").hear()
		if websocket.IsCloseError(err, code) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("it ended with %v, want %d", err, code)
		}
	}
}

// TestPipesHammer: clients come, talk and go from everywhere while the host ends.
func TestPipesHammer(t *testing.T) {
	t.Parallel()
	s, dial := echoing(t, PipeConfig{All: 8, Each: 8, Ping: time.Millisecond}, func(context.Context) error { return nil })
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				p := dial("anna")
				_ = p.WriteMessage(websocket.TextMessage, []byte("x"))
				_, _, _ = p.ReadMessage()
				p.Close()
			}
		})
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	all.Wait()
	if n := s.Len(); n != 0 {
		t.Errorf("%d are left", n)
	}
}
