package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/host/internal/api/socket"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestSocketAccess: sockets are let in like requests that change something.
func TestSocketAccess(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *Config) { c.Edit = func(context.Context, string, *socket.Pipe) error { return nil } })
	upgrade := func(path string, headers ...string) string {
		t.Helper()
		address := strings.TrimPrefix(b.url, "http://")
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		host := "Host: " + address
		for k, one := range headers {
			if strings.HasPrefix(one, "Host: ") {
				host, headers[k] = one, "X-A: b"
			}
		}
		fmt.Fprintf(c, "GET "+path+" HTTP/1.1\r\n%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n\r\n",
			host, strings.Join(headers, "\r\n"))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(line)[1]
	}
	both := []string{"/ws", "/api/v1/lsp"}
	for header, status := range map[string]string{"Origin: http://evil.example": "403", "Origin: null": "403", "Sec-Fetch-Site: cross-site": "403", "Host: rebound.example": "403",
		"Origin: " + b.url: "101", "X: y": "101"} {
		for _, path := range both {
			if got := upgrade(path, header); got != status {
				t.Errorf("%s with %s: %s", path, header, got)
			}
		}
	}
	text := b.token(t, "viewer")
	for header, status := range map[string]string{"X: y": "401", "Authorization: Bearer x": "401", "Authorization: Bearer " + text: "101"} {
		for _, path := range both {
			if got := upgrade(path, header); got != status {
				t.Errorf("%s with %s: %s", path, header, got)
			}
		}
	}
	for _, path := range both {
		b.get(t, path, "Authorization: Bearer "+text).problem(t, 400, client.CodeBadRequest, "WebSocket")
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
