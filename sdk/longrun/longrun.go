// Package longrun runs a program that works for minutes or days, such as a trainer, for a plugin's task: it hears each line that the
// program says, stops it gently, and says why it failed.
package longrun

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	grace     = 20 * time.Second // that it gets to save when it is told to stop
	lastLines = 40               // of what it said, for the error
	every     = 500 * time.Millisecond
	longest   = 1 << 20 // bytes of a line
)

// Program is what to run.
type Program struct {
	Name string // what errors call it, such as "the trainer"
	Args []string
	Dir  string
	Env  []string // beside the plugin's own environment; PYTHONUNBUFFERED is set
	// Line is called with each line that it says, whether it ends or is drawn over: bars are. nil: nobody listens.
	Line func(text string)
	// Look is called twice a second, and when the program has ended. An error ends the program. nil: nobody looks. Neither is called
	// while the other runs.
	Look func() error
	// Smaller says what takes less memory, for when it runs out of the device's.
	Smaller string
}

// terminal are orders to a terminal: colours, and bars that are drawn above others.
var terminal = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

var full = regexp.MustCompile(`(?i)cuda out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory|MPS backend out of memory`)

// Run runs a program to its end. When ctx ends it is told to stop (SIGTERM), and 20 seconds later it is killed with all that it
// started. An error says what it said last; what it said before is in its details. One that ran out of device memory has the cause
// sdk.CauseOOM.
func Run(ctx context.Context, p Program) error {
	cmd := exec.Command(p.Args[0], p.Args[1:]...) // not of the context: it is told to stop first
	cmd.Dir = p.Dir
	cmd.Env = append(append(os.Environ(), "PYTHONUNBUFFERED=1"), p.Env...)
	ownGroup(cmd)
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close() // the program has its own
	if err != nil {
		return sdk.Refuse(fmt.Sprintf("%s cannot be started: %v", p.Args[0], err), "see where the plugin's configuration says that it is")
	}
	defer endGroup(cmd)
	h := &hearing{line: p.Line, look: p.Look}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		h.hear(r)
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = watch(ctx, cmd, ended, h.looked)
	endGroup(cmd) // what it left would keep the pipe open
	<-heard
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return h.failure(p, err)
}

// watch waits for the end.
func watch(ctx context.Context, cmd *exec.Cmd, ended <-chan error, look func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	stop, kill := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case err := <-ended:
			return errors.Join(err, look())
		case <-stop:
			stop, kill = nil, time.After(grace)
			askGroup(cmd)
		case <-kill:
			endGroup(cmd)
		case <-tick.C:
			if err := look(); err != nil {
				return err
			}
		}
	}
}

// hearing is what was heard of a program.
type hearing struct {
	mu   sync.Mutex
	line func(string)
	look func() error
	last []string
	oom  bool
}

func (h *hearing) looked() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.look == nil {
		return nil
	}
	return h.look()
}

func (h *hearing) hear(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longest)
	s.Split(byLineOrReturn)
	for s.Scan() {
		if text := strings.TrimSpace(strings.ToValidUTF8(terminal.ReplaceAllString(s.Text(), ""), "�")); text != "" {
			h.said(text)
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long must not stop it
}

func (h *hearing) said(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last = append(h.last, text); len(h.last) > lastLines {
		h.last = h.last[1:]
	}
	h.oom = h.oom || full.MatchString(text)
	if h.line != nil {
		h.line(text)
	}
}

// failure says why a program ended badly.
func (h *hearing) failure(p Program, err error) error {
	if err == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	detail := strings.Join(h.last, "\n")
	if h.oom {
		return &sdk.Error{Cause: sdk.CauseOOM, Message: p.Name + " ran out of device memory", Hint: "use " + p.Smaller + ", or a larger device", Detail: detail}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("%s ended with %s: %s", p.Name, exit, reason(h.last)), Hint: "its last lines are in the details", Detail: detail}
}

// reason is the last line that says something. What a launcher in Python says is only that the program it started has ended.
func reason(lines []string) string {
	for i, line := range slices.Backward(lines) {
		switch {
		case strings.Contains(line, "%|"): // a bar
		case strings.HasPrefix(line, "subprocess.CalledProcessError: "):
			for ; i > 0; i-- {
				if strings.HasPrefix(lines[i], "Traceback (") {
					return reason(lines[:i])
				}
			}
			return line
		default:
			return line
		}
	}
	return "it said nothing"
}

// bar is a whole bar as tqdm draws it. The \r stands before it: its end comes with the next one, which may be a long step later.
var bar = regexp.MustCompile(`%\|.*\[.*\] *$`)

// byLineOrReturn splits at \n, at \r, and after a bar that nothing follows yet.
func byLineOrReturn(data []byte, atEnd bool) (int, []byte, error) {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if len(data) > 0 && (atEnd || bar.Match(data)) {
		return len(data), data, nil
	}
	return 0, nil, nil
}
