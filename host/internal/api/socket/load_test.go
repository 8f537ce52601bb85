package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/sdk/client"
)

// raw is a client without anything that reads for it: a connection, and the answer to its handshake read away.
func raw(address, say string) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", address)
	if err == nil {
		err = readHead(c)
	}
	if err == nil && say != "" { // short, and masked with zeros
		_, err = c.Write(append([]byte{0x81, 0x80 | byte(len(say)), 0, 0, 0, 0}, say...))
	}
	if err != nil {
		c.Close()
	}
	return c, err
}

// readHead reads the answer to a handshake, and nothing behind it.
func readHead(c net.Conn) error {
	var got []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(got, []byte("\r\n\r\n")) {
		if _, err := c.Read(one); err != nil {
			return err
		}
		got = append(got, one...)
	}
	if !bytes.HasPrefix(got, []byte("HTTP/1.1 101")) {
		return fmt.Errorf("the handshake was answered with %.40s", got)
	}
	return nil
}

// TestSlowAmongMany: of a thousand clients fifty do not read. They are cut, and everybody else gets every event, once.
func TestSlowAmongMany(t *testing.T) {
	t.Parallel()
	clients, slow := 1000, 50
	if testing.Short() || raceDetector {
		clients, slow = 100, 10
	}
	const events, size = 120, 16 << 10
	r := newRig(t, Config{Ping: time.Hour}) // who reads late on a busy machine is not gone
	r.record("run_a", "running", `{}`)
	subscribe := `{"action":"SUBSCRIBE","runId":"run_a","after":1}`
	for range slow {
		c, err := raw(r.address, subscribe)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	var all sync.WaitGroup
	var heard atomic.Int64
	for range clients - slow {
		p := r.dial()
		all.Go(func() {
			p.say(subscribe)
			m, err := p.hear()
			for seq := uint64(2); err == nil; seq++ {
				heard.Add(1)
				if m, err = p.hear(); err == nil && m.Type == client.MessageEnd && seq == events+3 {
					return
				}
				if err == nil && m.Seq != seq {
					err = fmt.Errorf("got %s %d, want event %d", m.Type, m.Seq, seq)
				}
			}
			t.Error(err)
		})
	}
	data := `"` + strings.Repeat("x", size) + `"`
	for n := range events {
		if n%5 == 0 { // this machine may be slower than the clients that it plays: what it is behind fits into the kernel's buffers
			r.until("all others follow", func() bool { return heard.Load() == int64((clients-slow)*(n+1)) })
		}
		r.record("run_a", "running", data)
	}
	r.record("run_a", "succeeded", `{}`)
	all.Wait()
	r.until("the slow ones are gone", func() bool { return r.Len() == clients-slow })
}

// TestCutIsTold: a client that is too slow, and reads what is left, learns that it has to resync.
func TestCutIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{})
	r.wait = time.Minute
	r.record("run_a", "running", `{}`)
	p := r.dial()
	p.say(`{"action":"SUBSCRIBE","runId":"run_a","after":1}`)
	p.expect("snapshot")
	data := `"` + strings.Repeat("x", 512<<10) + `"`
	witness := r.dial()
	witness.say(`{"action":"SUBSCRIBE","runId":"run_a","after":1}`)
	witness.expect("snapshot")
	for range 20 { // more than the kernel's buffers and ours hold
		r.record("run_a", "running", data)
		witness.expect("event")
	}
	last := ""
	for {
		m, err := p.hear()
		if err == nil {
			last = m.Type
			continue
		}
		if !websocket.IsCloseError(err, CloseBehind) || last != client.MessageResync {
			t.Errorf("after %s it ended with %v", last, err)
		}
		return
	}
}

// TestRestartUnderLoad: a host that is started again and again while a run goes on: every client goes on with the number
// that it has, misses nothing and gets nothing twice.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	clients, restarts := 200, 4
	if testing.Short() || raceDetector {
		clients = 40
	}
	s := memstore.New()
	record(t, s, "run_a", "running", `{}`)
	r := start(t, s, "127.0.0.1:0", Config{})
	address := r.address
	ctx, stop := context.WithCancel(t.Context())
	var writing, all sync.WaitGroup
	up := make(chan struct{}) // closed while the host is there
	close(up)
	var host atomic.Pointer[chan struct{}]
	host.Store(&up)
	var least atomic.Uint64 // what was written
	writing.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			record(t, s, "run_a", "running", `{}`, `{}`, `{}`)
			least.Add(3)
			<-tick.C
		}
		record(t, s, "run_a", "succeeded", `{}`)
	})
	var ends atomic.Int64
	for range clients {
		all.Go(func() {
			have := uint64(0)
			for {
				<-*host.Load()
				p, err := dial(t, address)
				if err != nil {
					continue // it has just gone away
				}
				ended, err := resume(p, &have)
				p.Close()
				if ended {
					ends.Add(1)
					return
				}
				if !websocket.IsCloseError(err, websocket.CloseGoingAway) && !errors.Is(err, net.ErrClosed) && !isReset(err) {
					t.Errorf("at %d it ended with %v", have, err)
					return
				}
			}
		})
	}
	for range restarts {
		was := least.Load()
		r.until("it goes on", func() bool { return least.Load() > was+300 && r.Len() == clients })
		up := make(chan struct{})
		host.Store(&up)
		r.close()
		r = start(t, s, address, Config{})
		close(up)
	}
	stop()
	writing.Wait()
	all.Wait()
	if ends.Load() != int64(clients) {
		t.Errorf("%d of %d clients came to the end", ends.Load(), clients)
	}
}

// resume follows the run from the number that a client has, until it ends or the host does.
func resume(p *peer, have *uint64) (bool, error) {
	if err := p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"action":"SUBSCRIBE","runId":"run_a","after":%d}`, *have)); err != nil {
		return false, err
	}
	for {
		m, err := p.hear()
		switch {
		case err != nil:
			return false, err
		case m.Type == client.MessageEnd:
			return true, nil
		case m.Type == client.MessageEvent:
			if *have++; m.Seq != *have {
				return false, fmt.Errorf("got event %d, want %d", m.Seq, *have)
			}
		}
	}
}

// isReset says whether the host's end went away without a word: it was about to take the connection.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || websocket.IsCloseError(err, websocket.CloseAbnormalClosure)
}

// files raises the limit of open files, and gives how many connections fit with both their ends, at most most.
func files(t testing.TB, most int) int {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if fit := (int(min(l.Max, 1<<20)) - 1000) / 2; fit < most {
		t.Logf("%d connections instead of %d: no more files may be open (ulimit -n)", fit, most)
		return fit
	}
	return most
}

// TestLeft: ten thousand sockets are opened and left. Nothing stays of them.
func TestLeft(t *testing.T) {
	sockets := 10_000
	if testing.Short() || raceDetector {
		sockets = 500
	}
	sockets = files(t, sockets)
	r := newRig(t, Config{Ping: 20 * time.Second})
	r.record("run_a", "running", `{}`)
	before := runtime.NumGoroutine()
	var left []net.Conn
	for k := range sockets {
		c, err := raw(r.address, []string{"", `{"action":"SUBSCRIBE","runId":"run_a"}`}[k%2])
		if err != nil {
			t.Fatalf("socket %d: %v", k, err)
		}
		left = append(left, c)
	}
	r.until("all are there", func() bool { return r.Len() == sockets })
	if n := runtime.NumGoroutine() - before; n > sockets+sockets/2 {
		t.Errorf("%d goroutines for %d idle clients", n, sockets)
	}
	r.record("run_a", "running", `{}`) // which half of them are told
	for k, c := range left {
		if k%4 == 0 {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		c.Close()
	}
	r.until("none is left", func() bool { return r.Len() == 0 })
	r.until("no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+20 })
}

// TestSilent: sockets whose other end says nothing any more, and was not closed, are let go.
func TestSilent(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{Ping: 200 * time.Millisecond})
	for range 100 {
		c, err := raw(r.address, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	r.until("all were there", func() bool { return r.Len() > 0 })
	r.until("none is left", func() bool { return r.Len() == 0 })
}
