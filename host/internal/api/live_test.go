package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestWebSocket: who may see runs sees them live, and nobody else does.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) {
		c.SignIn = func(_ context.Context, token, session, _ string) (Who, error) {
			switch token + session {
			case "viewer":
				return Who{User: "ann", May: Viewer}, nil
			case "":
				return Who{}, nil
			}
			return Who{}, &client.Problem{Code: client.CodeUnauthorized, Detail: "the token is wrong"}
		}
	})
	b.record(t, "run_a", "running", `{"n":1}`)
	self := strings.TrimPrefix(b.url, "http://")
	for _, c := range []struct {
		header map[string]string
		status int
	}{
		{map[string]string{"Authorization": "Bearer viewer"}, 101},
		{map[string]string{"Cookie": sessionCookie + "=viewer"}, 101},
		{map[string]string{"Authorization": "Bearer viewer", "Origin": b.url}, 101},
		{map[string]string{"Authorization": "Bearer viewer", "Origin": "http://evil.example"}, 403},
		{map[string]string{"Cookie": sessionCookie + "=viewer", "Origin": "null"}, 403},
		{map[string]string{"Authorization": "Bearer viewer", "Sec-Fetch-Site": "cross-site"}, 403},
		{map[string]string{"Authorization": "Bearer viewer", "Host": "rebound.example"}, 403},
		{map[string]string{"Authorization": "Bearer wrong"}, 401},
		{nil, 401},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		ws, res, err := websocket.DefaultDialer.Dial("ws://"+self+"/ws", h)
		if res == nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%v: got %d, %v", c.header, res.StatusCode, err)
		}
		if err != nil {
			continue
		}
		defer ws.Close()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"action":"SUBSCRIBE","runId":"run_a","after":0}`)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{client.MessageSnapshot, client.MessageEvent} {
			var m client.Message
			if _, raw, err := ws.ReadMessage(); err != nil || json.Unmarshal(raw, &m) != nil || m.Type != want || m.RunID != "run_a" || m.Seq != 1 {
				t.Errorf("got %s, %v", raw, err)
			}
		}
	}
	b.get(t, "/ws", "Authorization: Bearer viewer").problem(t, 426, client.CodeBadRequest, "")
}

// TestStill: who was let in is asked about again, and is not let stay once that has changed.
func TestStill(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[Who]
	revoked := errors.New("it was revoked")
	s := &Server{cfg: Config{SignIn: func(_ context.Context, token, session, address string) (Who, error) {
		if token != "t" || session != "s" || address != "a" {
			t.Errorf("asked with %s %s %s", token, session, address)
		}
		if w := now.Load(); w != nil {
			return *w, nil
		}
		return Who{}, revoked
	}}}
	still := s.still(caller{address: "a"}, "t", "s")
	if err := still(t.Context()); !errors.Is(err, revoked) {
		t.Errorf("got %v", err)
	}
	for may, stays := range map[Need]bool{Viewer: true, Admin: true, unset: false, Anyone: false} {
		now.Store(&Who{May: may})
		if err := still(t.Context()); (err == nil) != stays {
			t.Errorf("%v: got %v", may, err)
		}
	}
}

// TestCloseEndsSockets: a server that closes tells them first.
func TestCloseEndsSockets(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	ws, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.url, "http")+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer ws.Close()
	go func() { _ = b.Close(context.WithoutCancel(t.Context())) }()
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("got %v", err)
	}
}

func TestJobStatus(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]string{"created": "queued", "running": "running", "paused": "paused", "succeeded": "completed", "failed": "failed", "cancelled": "cancelled"} {
		if got := jobStatus(state); got != want {
			t.Errorf("%s: got %s, want %s", state, got, want)
		}
	}
}
