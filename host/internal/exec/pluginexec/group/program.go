// Package group runs one program as the leader of a process group, and sees to it that nothing of it is left: when the
// leader ends, or is killed, everything that it started is killed, too, and Done is closed only when all of it is gone.
//
// A process that left the group (a daemon, a shell's job) is known by a mark in its environment. The package has the shape
// that go-plugin wants of a runner, and knows nothing of plugins.
package group

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Program is one program and all that it starts. Until everything is gone its leader is not reaped, so that the group's
// number cannot belong to anyone else.
type Program struct {
	cmd     *exec.Cmd
	starter *Starter
	onLine  func(stderr bool, line string)
	mark    string // in the environment of whatever it starts

	watch             *os.File // our end of its standard input: it ends when we do
	outR, errR        *os.File
	handOut, handErr  *io.PipeReader // what go-plugin reads
	toOut, toErr      *io.PipeWriter
	readers           sync.WaitGroup
	stdoutEnded, done chan struct{}

	mu        sync.Mutex
	started   bool
	dead      bool // the leader has ended
	reaped    bool
	killed    bool // by us
	firstLine string
	state     *os.ProcessState
	left      []int // processes that did not die in time
}

// EnvMark is the variable that tells what belongs to a program.
const EnvMark = "SPINBOT_PROCESS"

// New makes a program that is started with the environment and tells each line of its output to onLine, but for the first
// of its standard output, which Stdout gives.
func New(path string, env []string, s *Starter, onLine func(stderr bool, line string)) *Program {
	r := &Program{starter: s, onLine: onLine, stdoutEnded: make(chan struct{}), done: make(chan struct{})}
	r.mark = EnvMark + "=" + rand.Text()
	r.cmd = exec.Command(path)
	r.cmd.Env = append(slices.Clone(env), r.mark)
	r.cmd.SysProcAttr = groupAttr()
	r.handOut, r.toOut = io.Pipe()
	r.handErr, r.toErr = io.Pipe()
	return r
}

// AddEnv adds variables before the start.
func (r *Program) AddEnv(env ...string) { r.cmd.Env = append(r.cmd.Env, env...) }

// AddArgs adds arguments before the start.
func (r *Program) AddArgs(args ...string) { r.cmd.Args = append(r.cmd.Args, args...) }

// AddFiles leaves files open in the program, as 3 and so on: what is held with one, such as a lock, is held until the
// program ends, too.
func (r *Program) AddFiles(files ...*os.File) { r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, files...) }

// Start starts the program. A file that was written a moment ago may still be open in a process that is between
// fork and exec; that passes.
func (r *Program) Start(ctx context.Context) error {
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
		again.Args, again.Env, again.ExtraFiles, again.SysProcAttr = r.cmd.Args, r.cmd.Env, r.cmd.ExtraFiles, r.cmd.SysProcAttr
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

func (r *Program) startOnce() (err error) {
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
func (r *Program) readStdout() {
	defer r.readers.Done()
	first := true
	eachLine(r.outR, func(line string) {
		if !first {
			r.onLine(false, line)
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

func (r *Program) readStderr() {
	defer r.readers.Done()
	eachLine(r.errR, func(line string) { r.onLine(true, line) })
	_ = r.toErr.Close()
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

func (r *Program) wait() {
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

// End kills everything at once; Done tells when it is gone.
func (r *Program) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reaped {
		return
	}
	r.killed = r.killed || !r.dead
	if r.started {
		killGroup(r.cmd.Process.Pid)
	}
}

// Signal sends a signal to the leader, if it is there.
func (r *Program) Signal(sig os.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started || r.reaped {
		return os.ErrProcessDone
	}
	return r.cmd.Process.Signal(sig)
}

// Kill is how go-plugin ends it, and does not wait. A program that closed its standard output is about to end by itself,
// and its exit code is worth waiting for.
func (r *Program) Kill(context.Context) error {
	select {
	case <-r.stdoutEnded:
		select {
		case <-r.done:
		case <-time.After(500 * time.Millisecond):
		}
	default:
	}
	r.End()
	return nil
}

// Wait waits for the end.
func (r *Program) Wait(context.Context) error {
	<-r.done
	return nil
}

// Done is closed when all processes are gone and their output is read; or, when some do not die, after a while: see Left.
func (r *Program) Done() <-chan struct{} { return r.done }

// Ended says whether its leader has ended or is about to.
func (r *Program) Ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead || r.reaped || r.killed || isClosed(r.done)
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Facts are what is known about how a program began and ended.
type Facts struct {
	FirstLine string           // of its standard output
	State     *os.ProcessState // nil until it ended
	Killed    bool             // by End
	Left      []int            // processes that outlived SIGKILL: the kernel, often a driver, holds them
}

// Facts are complete once Done is closed.
func (r *Program) Facts() Facts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Facts{r.firstLine, r.state, r.killed, r.left}
}

// Stdout gives the handshake.
func (r *Program) Stdout() io.ReadCloser { return r.handOut }

// Stderr gives nothing: lines go to the log.
func (r *Program) Stderr() io.ReadCloser { return r.handErr }

// Name gives the program's path.
func (r *Program) Name() string { return r.cmd.Path }

// PID is the leader's, and the group's; 0 before the start.
func (r *Program) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return 0
	}
	return r.cmd.Process.Pid
}

// ID gives the process number.
func (r *Program) ID() string {
	if pid := r.PID(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// Diagnose adds nothing: Facts say more.
func (r *Program) Diagnose(context.Context) string { return "" }

// PluginToHost changes nothing: it is the same machine.
func (r *Program) PluginToHost(n, a string) (string, string, error) { return n, a, nil }

// HostToPlugin changes nothing.
func (r *Program) HostToPlugin(n, a string) (string, string, error) { return n, a, nil }
