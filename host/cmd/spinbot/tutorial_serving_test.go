package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/freeport"
)

// window is another terminal of a reader, in which a program stays.
type window struct {
	cmd  *exec.Cmd
	out  string // the file that has what it prints
	done chan struct{}
}

// begin starts a program whose output goes to a file, in a process group of its own.
func (s *student) begin(t *testing.T, name string, args []string) *window {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	k := &window{exec.Command(args[0], args[1:]...), file.Name(), make(chan struct{})}
	k.cmd.Dir, k.cmd.Env, k.cmd.Stdout, k.cmd.Stderr = s.dir, s.env, file, file
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = k.cmd.Wait() // a signal ends it
		close(k.done)
	}()
	s.windows[name] = k
	return k
}

func (k *window) text() string {
	raw, _ := os.ReadFile(k.out) // what is not there yet is waited for
	return string(raw)
}

// open types a block into another window, and waits until it prints what the page shows. One that is there is left with Ctrl-C before.
func (s *student) open(t *testing.T, step lessonStep) {
	t.Helper()
	s.close(t, step.title)
	k := s.begin(t, step.title, []string{"bash", "-eu", "-o", "pipefail", "-c", s.filled(t, step.text)})
	want := printed(step.wants)
	if !patiently(func() bool { return want.MatchString(s.own.Replace(k.text())) }) {
		t.Fatalf("line %d: %s: %s\nprints\n%s\nand not\n%s", step.line, step.title, step.text, s.own.Replace(k.text()), step.wants)
	}
	t.Logf("it prints\n%s", s.own.Replace(k.text()))
	s.seen += k.text()
}

// serve starts a double of a server, and gives its address.
func (s *student) serve(t *testing.T, command []string) string {
	t.Helper()
	k := s.begin(t, command[0], append([]string{filepath.Join(built, "bin", command[0])}, command[1:]...))
	address := regexp.MustCompile(`listens on http://(\S+)`)
	if !patiently(func() bool { return address.MatchString(k.text()) }) {
		t.Fatalf("%s says\n%s", command[0], k.text())
	}
	return strings.TrimSuffix(address.FindStringSubmatch(k.text())[1], "/")
}

// leave closes all windows.
func (s *student) leave(t *testing.T) {
	for name := range s.windows {
		s.close(t, name)
	}
}

// close leaves a window, if there is one, with Ctrl-C; what stays then is killed, and the test fails.
func (s *student) close(t *testing.T, name string) {
	t.Helper()
	k := s.windows[name]
	if k == nil {
		return
	}
	delete(s.windows, name)
	_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGINT) // one that has ended is no mistake
	select {
	case <-k.done:
	case <-time.After(3 * patience):
		_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
		t.Errorf("%s: Ctrl-C does not end it; it said\n%s", name, k.text())
	}
}

// patiently polls three times as long: tutorials run beside all the scripts, and begin with an empty state.
func patiently(ok func() bool) bool {
	return slices.ContainsFunc(make([]struct{}, 3), func(struct{}) bool { return poll(ok) })
}

// freePort is the number of a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Any()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
