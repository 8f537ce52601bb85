package socket

import (
	"context"
	"sync"

	"github.com/fasthttp/websocket"
)

// maxBacklog is how many bytes may wait for a client before it is cut off.
const maxBacklog = 1 << 20

// prepared is a message framed once for all who get it.
type prepared struct {
	once sync.Once
	m    *websocket.PreparedMessage
	err  error
}

func (m *message) frame() (*websocket.PreparedMessage, error) {
	m.once.once.Do(func() { m.once.m, m.once.err = websocket.NewPreparedMessage(websocket.TextMessage, m.data) })
	return m.once.m, m.once.err
}

// outbox is what waits for one client. Whoever puts into it never waits.
type outbox struct {
	wake chan struct{} // something is there, or it was cut
	room chan struct{} // something was taken

	mu    sync.Mutex
	list  []*message
	size  int
	slow  bool
	onCut func()
}

func newOutbox(onCut func()) *outbox {
	return &outbox{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), onCut: onCut}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// put adds a message. A client with too much before it is cut off.
func (o *outbox) put(m *message) {
	o.mu.Lock()
	full := o.size > 0 && o.size+len(m.data) > maxBacklog
	if !full && !o.slow {
		o.list = append(o.list, m)
		o.size += len(m.data)
	}
	o.mu.Unlock()
	if full {
		o.cut()
		return
	}
	poke(o.wake)
}

// cut gives a client up that does not read what it is sent.
func (o *outbox) cut() {
	o.mu.Lock()
	first := !o.slow
	o.slow = true
	o.list, o.size = nil, 0
	o.mu.Unlock()
	if first {
		go o.onCut()
	}
}

// take gives what waits.
func (o *outbox) take() []*message {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.list
	o.list = nil
	return list
}

// sent says that a message has gone.
func (o *outbox) sent(m *message) {
	o.mu.Lock()
	o.size = max(0, o.size-len(m.data))
	o.mu.Unlock()
	poke(o.room)
}

// calm waits until little is before a client, and says whether it came to that.
func (o *outbox) calm(ctx context.Context) bool {
	for {
		o.mu.Lock()
		size, slow := o.size, o.slow
		o.mu.Unlock()
		if slow {
			return false
		}
		if size < maxBacklog/4 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-o.room:
		}
	}
}
