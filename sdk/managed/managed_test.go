//go:build unix

package managed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// TestMain lets the test binary be a server, at the address in its environment.
func TestMain(m *testing.M) {
	if address := os.Getenv("SERVE_AT"); address != "" {
		fmt.Println("it serves", os.Getpid())
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, http.NotFoundHandler()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// launch is one of a server that works.
func launch(t *testing.T) Launch {
	return Launch{Name: "Server", Install: "install it", Patience: 20 * time.Second, Log: filepath.Join(t.TempDir(), "logs", "server.log"),
		Command: func(address string) (*exec.Cmd, error) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "SERVE_AT="+address)
			return cmd, nil
		},
		Ready: func(ctx context.Context, address string) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
			if err != nil {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				res.Body.Close()
			}
			return err
		}}
}

// scripted is one of a shell script.
func scripted(t *testing.T, text string) Launch {
	l := launch(t)
	l.Command = func(string) (*exec.Cmd, error) { return exec.Command("/bin/sh", "-c", text), nil }
	return l
}

// started keeps what tasks say.
type started struct {
	mu   sync.Mutex
	said []string
}

func (s *started) task() *sdk.Task {
	return sdk.Task{}.WithReporter(func(r sdk.Report) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = append(s.said, r.Message)
	})
}

func (s *started) told(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.said, "\n"), part)
}

// TestUp: one process for all who ask at once, a new one when it has died, and the log of the one before is kept.
func TestUp(t *testing.T) {
	t.Parallel()
	l := launch(t)
	s := New(l)
	t.Cleanup(s.Close)
	if s.Running() != "" || s.Pid() != 0 {
		t.Error("it runs before anybody asked")
	}
	var said started
	var all sync.WaitGroup
	var mu sync.Mutex
	addresses := map[string]bool{}
	for range 8 {
		all.Go(func() {
			address, err := s.Up(t.Context(), said.task())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			addresses[address] = true
		})
	}
	all.Wait()
	first := s.Pid()
	if len(addresses) != 1 || !addresses[s.Running()] || !said.told("starting Server") {
		t.Errorf("%v, %q", addresses, said.said)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := sdk.AsError(s.Explain(sdk.Fail("the connection broke", ""))); e.Message != "the managed Server ended: the connection broke" ||
		!strings.Contains(e.Detail, "it serves") || !strings.Contains(e.Hint, l.Log) {
		t.Errorf("%+v", e)
	}
	if s.Running() != "" {
		t.Error("a dead one runs")
	}
	if _, err := s.Up(t.Context(), said.task()); err != nil || s.Pid() == first || !said.told("is started anew") {
		t.Errorf("%v, %q", err, said.said)
	}
	for file, pid := range map[string]int{l.Log + ".1": first, l.Log: s.Pid()} {
		if raw, err := os.ReadFile(file); err != nil || string(raw) != fmt.Sprintf("it serves %d\n", pid) {
			t.Errorf("%s: %q, %v", file, raw, err)
		}
	}
	refused := sdk.Refuse("no such model", "")
	if err := s.Explain(refused); !errors.Is(err, refused) {
		t.Error(err)
	}
	s.Close()
	if s.Running() != "" {
		t.Error("a closed one runs")
	}
}

// TestNotUp: a program that is not there, ends, does not answer, or has nowhere to write to says so.
func TestNotUp(t *testing.T) {
	t.Parallel()
	missing, slow, nowhere := launch(t), scripted(t, "echo what; exec sleep 60"), launch(t)
	missing.Command = func(string) (*exec.Cmd, error) { return exec.Command("/no/such/program"), nil }
	slow.Patience = 300 * time.Millisecond
	if err := os.WriteFile(filepath.Dir(nowhere.Log), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses := launch(t)
	refuses.Command = func(string) (*exec.Cmd, error) { return nil, errors.New("its folder is gone") }
	for want, l := range map[string]Launch{"cannot start Server: ": missing, "no room": scripted(t, "echo no room; exit 1"), "what": slow, "logs": nowhere, "its folder is gone": refuses} {
		s := New(l)
		_, err := s.Up(t.Context(), sdk.Task{}.WithReporter(nil))
		if e := sdk.AsError(err); e == nil || !strings.Contains(e.Message+e.Detail, want) || e.Hint == "" {
			t.Errorf("%s: %+v", want, e)
		}
		if s.Running() != "" {
			t.Errorf("%s: it runs", want)
		}
		s.Close()
	}
	var none *Server
	if err := none.Explain(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestStopped: who asked for it may go away meanwhile.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("not wanted any more")
	task := sdk.Task{}.WithReporter(func(sdk.Report) { stop(why) })
	if _, err := New(scripted(t, "exec sleep 60")).Up(ctx, task); !errors.Is(err, why) {
		t.Error(err)
	}
}

// TestChatty: one that writes much is not held up, and neither is one whose log cannot be written.
func TestChatty(t *testing.T) {
	t.Parallel()
	l := scripted(t, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo the end; exit 3")
	_, err := New(l).Up(t.Context(), sdk.Task{}.WithReporter(nil))
	if e := sdk.AsError(err); e == nil || e.Detail != "the end" {
		t.Errorf("%+v", e)
	}
	if n, err := (patient{full{}}).Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("a full disk stops it: %d, %v", n, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
