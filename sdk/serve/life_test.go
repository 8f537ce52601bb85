//go:build unix

package serve

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// parts are those of a host and of a plugin that is not alone.
var parts = map[string]func(){"host": playHost, "interrupted": playInterrupted, "family": playFamily}

// playFamily is a plugin with children that would outlive it.
func playFamily() {
	for _, apart := range []bool{false, runtime.GOOS == "linux"} { // the second in a session of its own
		child := exec.Command("sleep", "1000")
		child.Stderr = os.Stderr
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: apart}
		if err := child.Start(); err != nil {
			panic(err)
		}
	}
	Plugin(testPlugin())
}

// startFamily starts it as a host does: as the leader of its group, the other end of its standard input held.
func startFamily(path string, stderr *os.File) (cmd *exec.Cmd, handshake string, in io.WriteCloser, err error) {
	cmd = exec.Command(path)
	cmd.Env = append(os.Environ(), wire.EnvCookie+"="+wire.Handshake().MagicCookieValue, wire.EnvWatch+"=stdin",
		wire.EnvMark+"="+rand.Text())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = stderr
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, err
	}
	handshake, err = bufio.NewReader(out).ReadString('\n')
	return cmd, handshake, in, err
}

// playHost starts the plugin that it is told, says so and waits to be killed.
func playHost() {
	_, handshake, _, err := startFamily(os.Args[1], os.Stderr)
	if err != nil {
		panic(err)
	}
	fmt.Print(handshake)
	select {}
}

// last gives a pipe whose reader sees the end once every process that holds the writer is gone.
func last(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return r, w
}

// gone waits until nobody holds the other end.
func gone(t *testing.T, r io.Reader) {
	t.Helper()
	if said, err := io.ReadAll(r); err != nil {
		t.Errorf("somebody lives on: %v %s", err, said)
	}
}

// TestHostDies: when the host is killed, the plugin ends, and so do its children.
func TestHostDies(t *testing.T) {
	t.Parallel()
	r, w := last(t)
	host := exec.Command(as(t, "host"), as(t, "family"))
	host.Stderr = w
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	handshake, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(handshake, "|grpc|") {
		t.Errorf("got %q, %v", handshake, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait() // it was killed
	gone(t, r)
}

// TestEnds: at the end of its input, or when it is told to, it ends with its children.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cmd *exec.Cmd, in io.Closer) error{
		"input":   func(_ *exec.Cmd, in io.Closer) error { return in.Close() },
		"SIGTERM": func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := last(t)
			cmd, _, in, err := startFamily(as(t, "family"), w)
			w.Close()
			if err != nil {
				t.Fatal(err)
			}
			if err := end(cmd, in); err != nil {
				t.Error(err)
			}
			gone(t, r)
			if err := cmd.Wait(); err == nil {
				t.Error("it ended as if it were done")
			}
		})
	}
}

// playInterrupted runs a task and interrupts its own group, as Ctrl-C does, before it lets the task end.
func playInterrupted() {
	signal.Ignore(syscall.SIGTERM)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	c, stop, err := wire.Start(os.Args[1], os.Stderr)
	if err != nil {
		panic(err)
	}
	defer stop()
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		_, err := c.Run(context.Background(), task("wait").WithReporter(func(sdk.Report) { close(begun) }), time.Minute)
		ended <- err
	}()
	<-begun
	if err := syscall.Kill(0, syscall.SIGINT); err != nil {
		panic(err)
	}
	<-signals
	_, err = c.Run(context.Background(), task("release"), time.Minute)
	fmt.Println("released:", err)
	fmt.Println("ended:", <-ended)
}

// TestInterrupted: Ctrl-C is the host's to answer; a task goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), as(t, "interrupted"), as(t, "plugin"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "released: <nil>\nended: <nil>\n" {
		t.Errorf("got %s, %v", out, err)
	}
}
