package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen opens the private unix socket, replacing what a killed holder left. Only the holder of the lock may call it.
func (s State) Listen(_ *Lock) (*Listener, error) {
	path, err := s.Socket()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("old socket: %w", err)
	}
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// On Linux the socket is 0600 from its first moment. An umask would reach files that others make meanwhile.
		return raw.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) })
	}}
	inner, err := c.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		inner.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return &Listener{Listener: inner}, nil
}

// Listener counts its connections, so that a holder can wait until nobody talks to it any more.
type Listener struct {
	net.Listener

	mu    sync.Mutex
	open  int
	quiet bool // closed by CloseIfQuiet
}

// Accept counts the connection it gives.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quiet { // since the line above
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open++
	return &conn{Conn: c, listener: l}, nil
}

func (l *Listener) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

// CloseIfQuiet closes the listener when no connection is open, and says whether it did. A connection that comes at the
// same moment is either counted, or refused and tried again by who made it.
func (l *Listener) CloseIfQuiet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open > 0 {
		return false
	}
	l.quiet = true
	l.Listener.Close() //nolint:staticcheck // QF1008: the name says which Close
	return true
}

type conn struct {
	net.Conn
	listener *Listener
	once     sync.Once
}

func (c *conn) Close() error {
	c.once.Do(c.listener.left)
	return c.Conn.Close()
}
