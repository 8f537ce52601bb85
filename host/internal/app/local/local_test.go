package local

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const holdEnv = "SPINBOT_TEST_HOLD"

// TestMain lets this binary be another process that holds a state directory until it is killed or its input ends.
func TestMain(m *testing.M) {
	dir := os.Getenv(holdEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	lock, err := State{dir}.TryLock()
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("held\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	lock.Release()
}

// hold starts another process that holds the state directory.
func hold(t *testing.T, s State) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holdEnv+"="+s.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the holder says %q, %v", line, err)
	}
	return cmd
}

// at makes a state directory whose path is short enough for a socket.
func at(t *testing.T) State {
	t.Helper()
	dir, err := os.MkdirTemp("", "sb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s, err := At(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestAt(t *testing.T) {
	t.Parallel()
	s := at(t)
	for _, dir := range []string{s.Dir, s.Artifacts(), s.Modules(), s.Manifests(), s.Scratch(), s.Logs(), s.Plugins(), s.Control(), s.Pipelines()} {
		if got := mode(t, dir); got != 0o700 {
			t.Errorf("%s is %o", dir, got)
		}
	}
	for _, file := range []string{s.Database(), s.Trust()} {
		if filepath.Dir(file) != s.Dir {
			t.Errorf("%s is not in %s", file, s.Dir)
		}
	}
	if again, err := At(s.Dir); err != nil || again != s {
		t.Errorf("again: %+v, %v", again, err)
	}
	file := filepath.Join(s.Dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := At(file); err == nil || !strings.Contains(err.Error(), "SPINBOT_STATE_DIR") {
		t.Errorf("a file as the state directory: %v", err)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/x/state")
	if d, err := DefaultDir(); err != nil || d != "/x/state/spinbot" {
		t.Errorf("got %s, %v", d, err)
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "/x/home")
	if d, err := DefaultDir(); err != nil || d != "/x/home/.local/state/spinbot" {
		t.Errorf("got %s, %v", d, err)
	}
	t.Setenv("HOME", "")
	if _, err := DefaultDir(); err == nil || !strings.Contains(err.Error(), "SPINBOT_STATE_DIR") {
		t.Errorf("without a home: %v", err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	if s, err := At(""); err != nil || s.Dir != filepath.Join(home, ".local", "state", "spinbot") {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestSocketOfALongPath(t *testing.T) {
	t.Parallel()
	s, err := At(filepath.Join(t.TempDir(), strings.Repeat("long", 30)))
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	t.Cleanup(func() { os.RemoveAll(folder) })
	if len(path) > maxSocketPath || mode(t, folder) != 0o700 {
		t.Errorf("%s is in a folder of mode %o", path, mode(t, folder))
	}
	if again, err := s.Socket(); err != nil || again != path {
		t.Errorf("again: %s, %v", again, err)
	}
	other, err := State{s.Dir + "r"}.Socket()
	if err != nil || other == path {
		t.Errorf("another directory's: %s, %v", other, err)
	}
	os.RemoveAll(filepath.Dir(other))
	lock, err := s.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	l, err := s.Listen(lock)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()

	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Socket(); err == nil || !strings.Contains(err.Error(), "not a private folder") {
		t.Errorf("a folder that others read: %v", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), folder); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"socket": func() error { _, err := s.Socket(); return err },
		"listen": func() error { _, err := s.Listen(lock); return err },
		"reach":  func() error { _, _, err := s.Reach(t.Context()); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), "not a private folder") {
			t.Errorf("%s through somebody's link: %v", name, err)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	s := at(t)
	lock, err := s.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TryLock(); !errors.Is(err, ErrHeld) {
		t.Errorf("held here: %v", err)
	}
	lock.Release()
	holder := hold(t, s)
	if _, err := s.TryLock(); !errors.Is(err, ErrHeld) {
		t.Errorf("held by a process: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	lock, err = s.TryLock()
	if err != nil {
		t.Fatalf("held by a dead process: %v", err)
	}
	lock.Release()
	if _, err := (State{filepath.Join(s.Dir, "none")}).TryLock(); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("without a directory: %v", err)
	}
}

// TestRelease: a child that is being started has the lock's file open for a moment, and does not keep it held.
func TestRelease(t *testing.T) {
	t.Parallel()
	s := at(t)
	lock, err := s.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), holdEnv+"="+at(t).Dir)
	child.ExtraFiles = []*os.File{lock.file}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lock.Release()
	if again, err := s.TryLock(); err != nil {
		t.Error(err)
	} else {
		again.Release()
	}
	_ = in.Close()
	_ = child.Wait()
}

// serve answers health on the state directory's socket, as its holder does.
func serve(t *testing.T, s State, lock *Lock, answer http.HandlerFunc) *Listener {
	t.Helper()
	l, err := s.Listen(lock)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l
}

func TestReach(t *testing.T) {
	t.Parallel()
	s := at(t)
	lock, c, err := s.Reach(t.Context())
	if err != nil || lock == nil || c != nil {
		t.Fatalf("nobody's: %v, %v, %v", lock, c, err)
	}
	var well atomic.Bool
	well.Store(true)
	serve(t, s, lock, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"code": "internal", "status": 500}`)
			return
		}
		_, _ = io.WriteString(w, `{"status": "ok", "version": "the holder"}`)
	})
	for range 2 {
		other, c, err := s.Reach(t.Context())
		if err != nil || other != nil || c == nil {
			t.Fatalf("held, and well is %v: %v, %v, %v", well.Load(), other, c, err)
		}
		if h, err := c.Health(t.Context()); well.Load() && (err != nil || h.Version != "the holder") {
			t.Errorf("got %+v, %v", h, err)
		}
		c.Close()
		well.Store(false)
	}
}

// TestReachStartingHolder: a holder has the lock before it has the socket, and may be killed in between.
func TestReachStartingHolder(t *testing.T) {
	t.Parallel()
	type reached struct {
		lock *Lock
		ok   bool
		err  error
	}
	reach := func(ctx context.Context, s State) <-chan reached {
		got := make(chan reached, 1)
		go func() {
			lock, c, err := s.Reach(ctx)
			if c != nil {
				c.Close()
			}
			got <- reached{lock, c != nil, err}
		}()
		return got
	}

	s := at(t)
	lock, err := s.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	got := reach(t.Context(), s)
	serve(t, s, lock, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status": "ok"}`) })
	if r := <-got; r.err != nil || !r.ok {
		t.Errorf("a holder that begins to serve: %+v", r)
	}

	s = at(t)
	holder := hold(t, s)
	got = reach(t.Context(), s)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.err != nil || r.lock == nil {
		t.Fatalf("a holder that dies: %+v", r)
	}
	r.lock.Release()

	s = at(t)
	hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	got = reach(ctx, s)
	cancel()
	if r := <-got; r.err == nil || !strings.Contains(r.err.Error(), "another process holds "+s.Dir) {
		t.Errorf("a holder that never serves: %+v", r)
	}
}

// TestLeftSocket: a killed holder leaves its socket, where nobody answers any more.
func TestLeftSocket(t *testing.T) {
	t.Parallel()
	s := at(t)
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	lock, c, err := s.Reach(t.Context())
	if err != nil || lock == nil {
		t.Fatalf("got %v, %v, %v", lock, c, err)
	}
	defer lock.Release()
	l, err := s.Listen(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := mode(t, path); got != 0o600 {
		t.Errorf("the socket is %o", got)
	}
}

func TestCloseIfQuiet(t *testing.T) {
	t.Parallel()
	s := at(t)
	l, err := s.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i := range ends {
		dialled, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer dialled.Close()
		if ends[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range ends {
		if l.CloseIfQuiet() {
			t.Fatal("closed with a connection open")
		}
		for range 2 { // counted once
			_ = c.Close()
		}
	}
	for range 2 {
		if !l.CloseIfQuiet() {
			t.Fatal("not closed, though nobody is connected")
		}
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("a connection is taken after the close")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// accepting is a listener that does something between a connection's coming and its being handed on.
type accepting struct {
	net.Listener
	before func()
}

func (a accepting) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	a.before()
	return c, err
}

// TestCloseIfQuietRaces: a connection that is not counted yet is cut off, so that who made it tries again.
func TestCloseIfQuietRaces(t *testing.T) {
	t.Parallel()
	s := at(t)
	inner, err := s.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &Listener{}
	l.Listener = accepting{inner.Listener, func() {
		if !l.CloseIfQuiet() {
			t.Error("not closed")
		}
	}}
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	dialled, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer dialled.Close()
	if c, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v, %v", c, err)
	}
	if _, err := dialled.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open still")
	}
}

// TestListenerHammer: many come and go while the holder asks whether it is quiet; nobody is served after it was.
func TestListenerHammer(t *testing.T) {
	t.Parallel()
	s := at(t)
	l, err := s.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.Socket()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				c, err := net.Dial("unix", path)
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1))
				c.Close()
			}
		})
	}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if l.CloseIfQuiet() {
				t.Error("closed with a connection open")
			}
			_, _ = c.Write([]byte{1})
			_ = c.Close()
		}
	})
	all.Go(func() {
		for !l.CloseIfQuiet() {
		}
	})
	all.Wait()
}

// TestLived: who takes the state directory knows when the one before last said that it lives.
func TestLived(t *testing.T) {
	t.Parallel()
	s := State{t.TempDir()}
	first, err := s.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(first.file.Name(), time.Time{}, time.Unix(1, 0)); err != nil { // long ago
		t.Fatal(err)
	}
	first.Release()
	second, err := s.TryLock()
	if err != nil || !second.Lived.Equal(time.Unix(1, 0)) {
		t.Fatalf("the first one lived until %v, %v", second.Lived, err)
	}
	before := time.Now().Add(-time.Second)
	if err := second.Beat(); err != nil {
		t.Fatal(err)
	}
	second.Release()
	third, err := s.TryLock()
	if err != nil || third.Lived.Before(before) || third.Lived.After(time.Now().Add(time.Second)) {
		t.Errorf("the second one lived until %v, %v", third.Lived, err)
	}
	third.Release()
}
