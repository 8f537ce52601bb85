package pluginexec

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// groupRunner runs one program as the leader of a process group, for go-plugin. When the leader ends, whatever
// the reason, the rest of its group is killed before the leader is reaped: until then the group's number cannot
// belong to anyone else.
type groupRunner struct {
	cmd       *exec.Cmd
	starter   *starter
	socketDir string
	onLine    func(stderr bool, line string)

	watch             *os.File // our end of its standard input: it ends when we do
	outR, errR        *os.File
	handOut, handErr  *io.PipeReader // what go-plugin reads
	toOut, toErr      *io.PipeWriter
	readers           sync.WaitGroup
	stdoutEnded, done chan struct{}
	tail              tail

	mu        sync.Mutex
	started   bool
	reaped    bool
	killed    bool // by us
	firstLine string
	state     *os.ProcessState
}

func newGroupRunner(path string, env []string, s *starter, onLine func(bool, string)) *groupRunner {
	r := &groupRunner{starter: s, onLine: onLine, stdoutEnded: make(chan struct{}), done: make(chan struct{})}
	r.cmd = exec.Command(path)
	r.cmd.Env = env
	r.cmd.SysProcAttr = groupAttr()
	r.handOut, r.toOut = io.Pipe()
	r.handErr, r.toErr = io.Pipe()
	return r
}

// Start starts the program. A file that was written a moment ago may still be open in a process that is between
// fork and exec; that passes.
func (r *groupRunner) Start(ctx context.Context) error {
	var err error
	for pause := 5 * time.Millisecond; ; pause *= 2 {
		if err = r.startOnce(); !isTextBusy(err) || pause > 200*time.Millisecond {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		again := exec.Command(r.cmd.Path)
		again.Env, again.SysProcAttr = r.cmd.Env, r.cmd.SysProcAttr
		r.cmd = again
	}
	if err != nil {
		_ = r.toOut.Close()
		_ = r.toErr.Close()
		close(r.stdoutEnded)
		close(r.done)
	}
	return err
}

func (r *groupRunner) startOnce() (err error) {
	var theirs, ours []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			for _, f := range ours {
				f.Close()
			}
		}
	}()
	pipe := func() (*os.File, *os.File) {
		a, b, e := os.Pipe()
		err = errors.Join(err, e)
		return a, b
	}
	in, watch := pipe()
	outR, outW := pipe()
	errR, errW := pipe()
	theirs, ours = []*os.File{in, outW, errW}, []*os.File{watch, outR, errR}
	if err != nil {
		return err
	}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = in, outW, errW
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.killed {
		return os.ErrProcessDone
	}
	if err := r.starter.start(r.cmd); err != nil {
		return err
	}
	r.started = true
	r.watch, r.outR, r.errR = watch, outR, errR
	r.readers.Add(2)
	go r.readStdout()
	go r.readStderr()
	go r.wait()
	return nil
}

// readStdout gives go-plugin the first line, the handshake; the rest is output like any other.
func (r *groupRunner) readStdout() {
	defer r.readers.Done()
	first := true
	eachLine(r.outR, func(line string) {
		if !first {
			r.say(false, line)
			return
		}
		first = false
		r.mu.Lock()
		r.firstLine = line
		r.mu.Unlock()
		_, _ = io.WriteString(r.toOut, line+"\n") // go-plugin reads until the end
	})
	close(r.stdoutEnded)
	_ = r.toOut.Close()
}

func (r *groupRunner) readStderr() {
	defer r.readers.Done()
	eachLine(r.errR, func(line string) { r.say(true, line) })
	_ = r.toErr.Close()
}

func (r *groupRunner) say(stderr bool, line string) {
	r.tail.add(line)
	r.onLine(stderr, line)
}

// maxLine is what is kept of one line of output.
const maxLine = 16 << 10

func eachLine(f io.Reader, fn func(string)) {
	in := bufio.NewReaderSize(f, maxLine)
	rest := false // of a line that was too long
	for {
		b, more, err := in.ReadLine()
		if err != nil {
			return
		}
		if !rest {
			fn(strings.ToValidUTF8(string(b), "\uFFFD"))
		}
		rest = more
	}
}

// lateOutput is how long output is read after the group is gone; a process that left the group could hold the
// pipes open for ever.
const lateOutput = 300 * time.Millisecond

func (r *groupRunner) wait() {
	r.reap()
	late := time.Now().Add(lateOutput)
	_ = r.outR.SetReadDeadline(late)
	_ = r.errR.SetReadDeadline(late)
	r.readers.Wait()
	r.watch.Close()
	r.outR.Close()
	r.errR.Close()
	close(r.done)
}

// kill ends the process group at once.
func (r *groupRunner) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reaped {
		return
	}
	r.killed = true
	if r.started {
		killGroup(r.cmd.Process.Pid)
	}
}

// Kill is how go-plugin ends it. A program that closed its standard output is about to end by itself, and its exit
// code is worth waiting for.
func (r *groupRunner) Kill(context.Context) error {
	select {
	case <-r.stdoutEnded:
		select {
		case <-r.done:
		case <-time.After(500 * time.Millisecond):
		}
	default:
	}
	r.kill()
	return nil
}

// Wait waits for the end.
func (r *groupRunner) Wait(context.Context) error {
	<-r.done
	return nil
}

func (r *groupRunner) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.reaped || r.killed
	}
}

// facts are what is known about how it began and ended. killed: the host ended it.
func (r *groupRunner) facts() (firstLine string, state *os.ProcessState, killed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.firstLine, r.state, r.killed
}

// Stdout gives the handshake.
func (r *groupRunner) Stdout() io.ReadCloser { return r.handOut }

// Stderr gives nothing: lines go to the log.
func (r *groupRunner) Stderr() io.ReadCloser { return r.handErr }

// Name gives the program's path.
func (r *groupRunner) Name() string { return r.cmd.Path }

// ID gives the process number.
func (r *groupRunner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return ""
	}
	return strconv.Itoa(r.cmd.Process.Pid)
}

// Diagnose adds nothing: see startError.
func (r *groupRunner) Diagnose(context.Context) string { return "" }

// PluginToHost changes nothing: it is the same machine.
func (r *groupRunner) PluginToHost(n, a string) (string, string, error) { return n, a, nil }

// HostToPlugin changes nothing.
func (r *groupRunner) HostToPlugin(n, a string) (string, string, error) { return n, a, nil }

var _ runner.Runner = (*groupRunner)(nil)
