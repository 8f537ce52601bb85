package lsp

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/creachadair/jrpc2"
)

// inOrder lets handlers run one after another, in the order in which their messages came, so that a question is about
// the text as it was when it was asked. A handler that has to wait for something else lets the next one go first.
type inOrder struct {
	handlers map[string]jrpc2.Handler

	mu    sync.Mutex
	last  chan struct{} // closed once all that came so far have had their turn
	count int           // of handlers that were asked for and have not ended
	fewer sync.Cond     // of mu: count has sunk, or nobody waits any more
	ended bool
}

// maxWaiting is how many messages may be under way before the next one is read.
const maxWaiting = 256

func newInOrder(handlers map[string]jrpc2.Handler) *inOrder {
	first := make(chan struct{})
	close(first)
	o := &inOrder{handlers: handlers, last: first}
	o.fewer.L = &o.mu
	return o
}

// room waits until one more message may be read, so that who sends faster than is answered waits too.
func (o *inOrder) room() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.count >= maxWaiting && !o.ended {
		o.fewer.Wait()
	}
}

// end has nobody wait any more.
func (o *inOrder) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.fewer.Broadcast()
}

func (o *inOrder) done() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count--
	o.fewer.Broadcast()
}

// Assign implements jrpc2.Assigner, which is asked in the order of the messages.
func (o *inOrder) Assign(_ context.Context, method string) jrpc2.Handler {
	h := o.handlers[method]
	if h == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	before, mine := o.last, make(chan struct{})
	o.last = mine
	o.count++
	return func(ctx context.Context, r *jrpc2.Request) (any, error) {
		defer o.done()
		release := sync.OnceFunc(func() { close(mine) })
		defer release()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return h(context.WithValue(ctx, turnKey{}, release), r)
	}
}

type turnKey struct{}

// letOthers ends the turn of the handler that a context belongs to.
func letOthers(ctx context.Context) {
	if release, ok := ctx.Value(turnKey{}).(func()); ok {
		release()
	}
}

// lastWord ends a stream with a word to exit, so that what came before its end is done before the server ends. Closing
// it is how the server is stopped: jrpc2's own Stop panics when a message comes at the same moment (v1.3.6).
type lastWord struct {
	Messages
	order  *inOrder
	err    error // why there are no more messages; for whoever waited for the server to end
	close  sync.Once
	closed chan struct{}
}

// Recv gives the next message; io.EOF once it was closed.
func (w *lastWord) Recv() ([]byte, error) {
	if w.err != nil {
		<-w.closed
		return nil, io.EOF
	}
	w.order.room()
	message, err := w.Messages.Recv()
	select {
	case <-w.closed:
		return nil, io.EOF
	default:
	}
	if err != nil {
		w.err = err
		return []byte(`{"jsonrpc":"2.0","method":"exit"}`), nil
	}
	if bytes.HasPrefix(bytes.TrimSpace(message), []byte("[")) {
		return []byte("[]"), nil // which is answered with an error: the protocol has no batches, any number of messages at once
	}
	return message, nil
}

// Close ends the stream.
func (w *lastWord) Close() (err error) {
	w.close.Do(func() {
		close(w.closed)
		w.order.end()
		err = w.Messages.Close()
	})
	return err
}
