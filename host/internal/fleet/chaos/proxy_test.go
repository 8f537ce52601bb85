package chaos

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// link is the network between one process and Redis.
type link interface {
	addr() string
	// cut lets nothing through, in one direction or both: nobody is told, and what was sent arrives when it is mended.
	cut(to, from bool)
	delay(time.Duration)
	// forget breaks connections so that only Redis is told: the process holds on to something that leads nowhere.
	forget()
	// mend lets all through again; with broken, connections that were cut end instead.
	mend(broken bool)
	close()
}

// gate is one direction of all connections of a proxy.
type gate struct {
	mu     sync.Mutex
	cond   *sync.Cond
	shut   bool
	behind time.Duration
}

func newGate() *gate {
	g := &gate{}
	g.cond = sync.NewCond(&g.mu)
	return g
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	g.cond.Broadcast()
}

func (g *gate) slow(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.behind = d
}

// pass waits until something may go on.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d := g.behind; d > 0 {
		g.mu.Unlock()
		time.Sleep(d) // this is the network
		g.mu.Lock()
	}
	for g.shut {
		g.cond.Wait()
	}
}

// proxy is a link that needs no rights: everything goes through this process.
type proxy struct {
	l               net.Listener
	network, target string
	to, from        *gate
	all             sync.WaitGroup

	mu    sync.Mutex
	conns map[*pair]bool // whether the process' end ends with Redis'; one that was forgotten is kept, or the collector closes it
}

// pair is one connection: the process' end and Redis' end.
type pair struct{ client, server net.Conn }

func newProxy(network, target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{l: l, network: network, target: target, to: newGate(), from: newGate(), conns: map[*pair]bool{}}
	p.all.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(c net.Conn) {
	s, err := net.Dial(p.network, p.target)
	if err != nil {
		c.Close()
		return
	}
	x := &pair{c, s}
	p.mu.Lock()
	p.conns[x] = true
	p.mu.Unlock()
	p.all.Go(func() { p.carry(x, s, c, p.from) })
	p.carry(x, c, s, p.to)
}

// carry copies one direction until it ends; then both do, unless the connection was forgotten.
func (p *proxy) carry(x *pair, from, to net.Conn, g *gate) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			g.pass()
			_, werr := to.Write(buf[:n])
			if err == nil {
				err = werr
			}
		}
		if err != nil {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[x] {
		delete(p.conns, x)
		x.client.Close()
		x.server.Close()
	}
}

func (p *proxy) cut(to, from bool) { p.to.set(to); p.from.set(from) }

func (p *proxy) delay(d time.Duration) { p.to.slow(d); p.from.slow(d) }

func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.conns {
		p.conns[x] = false
		x.server.Close()
	}
}

func (p *proxy) mend(broken bool) {
	if broken {
		p.end()
	}
	p.delay(0)
	p.cut(false, false)
}

func (p *proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.conns {
		delete(p.conns, x)
		x.client.Close()
		x.server.Close()
	}
}

func (p *proxy) close() {
	p.l.Close()
	p.mend(true)
	p.all.Wait()
}

func TestProxy(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	p, err := newProxy("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { l.Close(); p.close() }()
	c, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echo := func(text string, within time.Duration) error {
		if text != "" {
			if _, err := c.Write([]byte(text)); err != nil {
				return err
			}
		}
		_ = c.SetReadDeadline(time.Now().Add(within))
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	if err := echo("a", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]bool{{true, true}, {true, false}, {false, true}} {
		p.cut(way[0], way[1])
		if echo("b", 50*time.Millisecond) == nil {
			t.Errorf("%v: it came through", way)
		}
		p.mend(false)
		if err := echo("", 5*time.Second); err != nil {
			t.Errorf("%v: it never came: %v", way, err)
		}
	}
	p.forget()
	runtime.GC() // it closes what nobody holds
	if err := echo("c", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("somebody was told: %v", err)
	}
}
