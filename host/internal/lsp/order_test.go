package lsp

import (
	"context"
	"testing"

	"github.com/creachadair/jrpc2"
)

// TestRoom: no more is read than can be waiting, until something has ended, or nothing is read any more.
func TestRoom(t *testing.T) {
	t.Parallel()
	o := newInOrder(map[string]jrpc2.Handler{"x": ignored})
	var handlers []jrpc2.Handler
	for range maxWaiting {
		o.room()
		handlers = append(handlers, o.Assign(t.Context(), "x"))
	}
	waits := func(free func()) {
		t.Helper()
		read := make(chan struct{})
		go func() { o.room(); close(read) }()
		select {
		case <-read:
			t.Fatal("there was room already")
		default:
		}
		free()
		<-read
	}
	waits(func() { _, _ = handlers[0](context.Background(), nil) })
	o.Assign(t.Context(), "x")
	waits(o.end)
}
