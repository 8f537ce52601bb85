package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of what is taken from a child.
const (
	maxLine    = 4 << 20 // bytes of one sample: thousands of devices
	maxRubbish = 100     // lines without a sample between them, after which it is ended
	maxSaid    = 4 << 10 // bytes of standard error that are kept
	maxRate    = 20      // samples within one second
)

// Child is a process that writes samples, and ends when its standard input does: spinbot probe.
type Child struct {
	Command []string
	// Environ is the host's environment, of which the child sees what it needs.
	Environ []string
}

// seen are the variables that a driver's library and its programs need. Secrets live in others.
var seen = []string{"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "ROCM_PATH", "SYSTEMROOT"}

// Source starts the process and reads what it writes. Whatever ends it, its whole process group ends with it.
func (c Child) Source(ctx context.Context, give func(Sample)) error {
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	for _, kv := range c.Environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(seen, name) {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.SysProcAttr = group()
	cmd.WaitDelay = time.Second
	said := &tail{}
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe() // closing it, or our end, is what tells the child to end
	if err != nil {
		return err
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", strings.Join(c.Command, " "), err)
	}
	kill := sync.OnceFunc(func() {
		killGroup(cmd.Process)
		stdout.Close() // who left the group may still hold the other end
	})
	stop := context.AfterFunc(ctx, kill)
	err = readSamples(stdout, give)
	stop()
	kill()
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	return fmt.Errorf("it ended by itself (%s)%s", describe(ended), said.last())
}

func describe(ended error) string {
	if ended == nil {
		return "exit status 0"
	}
	return ended.Error()
}

// readSamples reads to the end of what a child writes. Lines that are no sample are left out, up to a point.
func readSamples(r io.Reader, give func(Sample)) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	rubbish, burst, since := 0, 0, time.Now()
	for {
		line, err := readLine(lines)
		if err != nil {
			return ended(err)
		}
		var s Sample
		if json.Unmarshal(line, &s) != nil || s.At.IsZero() {
			if rubbish++; rubbish > maxRubbish {
				return errors.New("it writes what is no sample")
			}
			continue
		}
		rubbish = 0
		if time.Since(since) > time.Second {
			burst, since = 0, time.Now()
		}
		if burst++; burst > maxRate {
			return errors.New("it writes samples without end")
		}
		give(s)
	}
}

func ended(err error) error {
	if errors.Is(err, errLong) {
		return err
	}
	return nil // the pipe is closed: the process says why
}

var errLong = fmt.Errorf("it writes a line of more than %d MiB", maxLine>>20)

// readLine reads one line of at most maxLine bytes.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errLong
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// tail keeps the end of what is written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-maxSaid):]...)
	t.buf = append(t.buf[:0], t.buf[max(0, len(t.buf)-maxSaid):]...)
	return len(p), nil
}

// last gives the last line, after a colon.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.buf)
	if text = text[bytes.LastIndexByte(text, '\n')+1:]; len(text) == 0 {
		return ""
	}
	return ": " + strings.ToValidUTF8(string(text[:min(len(text), 300)]), "")
}
