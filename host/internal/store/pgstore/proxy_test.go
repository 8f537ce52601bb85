package pgstore_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A proxy stands between a store and its server, and does to messages what networks and frozen machines do.
type proxy struct {
	url, real string
	ln        net.Listener

	mu     sync.Mutex
	down   bool
	conns  map[net.Conn]bool // to clients
	marker []byte
	fate   fate
	met    chan struct{} // closed when the marker has come
	freed  chan struct{} // closed when what was held may go on
	heard  chan struct{} // closed when what is late has been answered, though not to the client
}

// fate is what becomes of the next message of the client with the marker in it.
type fate int

const (
	lost       fate = iota + 1 // it does not arrive, and the connection is cut
	unanswered                 // it arrives, but the connection is cut before the answer is back
	held                       // it arrives when it is freed
	late                       // the connection is cut, and yet it arrives when it is freed
)

// behind gives a proxy for the server at the URL.
func behind(t testing.TB, real string) *proxy {
	t.Helper()
	u, err := url.Parse(real)
	check(t, err)
	p := &proxy{real: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"), conns: map[net.Conn]bool{}}
	dir, err := os.MkdirTemp("/tmp", "proxy") // in a URL a comma would end it, and a long path is no socket's
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	u.RawQuery = "host=" + dir
	p.url = u.String()
	p.ln, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	check(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := p.ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		p.ln.Close()
		p.cut()
		p.free()
		wg.Wait()
	})
	return p
}

// next says what becomes of the next message with the marker in it; it gives what is closed when that has come.
func (p *proxy) next(marker string, f fate) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marker, p.fate, p.met, p.freed, p.heard = []byte(marker), f, make(chan struct{}), make(chan struct{}), make(chan struct{})
	return p.met
}

// free lets go of what is held.
func (p *proxy) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// arrive has what is late arrive, and waits until the server has dealt with it.
func (p *proxy) arrive(t testing.TB) {
	t.Helper()
	p.free()
	p.mu.Lock()
	heard := p.heard
	p.mu.Unlock()
	await(t, "the server's answer", heard)
}

// cut ends all connections to clients, and lets none through until mend. What is held or late may still arrive.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// enter notes a connection, if it is let through.
func (p *proxy) enter(client net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.down {
		p.conns[client] = true
	}
	return !p.down
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.real)
	if err != nil || !p.enter(client) {
		return
	}
	defer server.Close()
	var wg sync.WaitGroup
	back := &answers{to: client}
	wg.Go(func() {
		_, _ = io.Copy(back, server)
		client.Close()
		back.end()
	})
	p.forth(client, server, back)
	server.Close()
	wg.Wait()
}

// forth passes on what the client says.
func (p *proxy) forth(client, server net.Conn, back *answers) {
	buf := make([]byte, 1<<20)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		f, freed, heard := p.meet(buf[:n])
		switch f {
		case lost:
			return
		case unanswered:
			answered := back.swallow()
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
			<-answered
			return
		case held:
			<-freed
		case late:
			client.Close()
			<-freed
			answered := back.swallow()
			if _, err := server.Write(buf[:n]); err == nil {
				<-answered
			}
			close(heard)
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// meet gives the message's fate, when it may go on, and what to close when it was answered.
func (p *proxy) meet(message []byte) (f fate, freed <-chan struct{}, heard chan<- struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fate == 0 || !bytes.Contains(message, p.marker) {
		return 0, nil, nil
	}
	f, p.fate = p.fate, 0
	close(p.met)
	return f, p.freed, p.heard
}

// answers go to the client, unless they are swallowed.
type answers struct {
	to io.Writer

	mu    sync.Mutex
	over  bool
	first chan struct{} // closed when one was swallowed, or none will come; nil: none is
}

// swallow keeps answers from the client from now on; what it gives is closed when one has come, or none will.
func (a *answers) swallow() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first = make(chan struct{})
	if a.over {
		close(a.first)
	}
	return a.first
}

func (a *answers) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.met()
}

func (a *answers) met() {
	if a.first == nil {
		return
	}
	select {
	case <-a.first:
	default:
		close(a.first)
	}
}

// Write implements io.Writer.
func (a *answers) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first == nil {
		return a.to.Write(b)
	}
	a.met()
	return len(b), nil
}

// await fails the test when nothing comes within a while.
func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("not within 30 s: %s", what)
	}
}
