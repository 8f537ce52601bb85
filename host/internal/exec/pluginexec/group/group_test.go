//go:build linux

package group

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// start runs a shell script, as a program, that prints numbers of processes, one a line, and "ready" at last.
func start(t *testing.T, s *Starter, text string) (*Program, []int) {
	t.Helper()
	path := t.TempDir() + "/script"
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho hello\n"+text+"\necho ready\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var pids []int
	ready := make(chan struct{})
	p := New(path, os.Environ(), s, func(_ bool, line string) {
		mu.Lock()
		defer mu.Unlock()
		if line == "ready" {
			close(ready)
		} else if n, err := strconv.Atoi(line); err == nil {
			pids = append(pids, n)
		}
	})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, p.Stdout())
	t.Cleanup(func() { p.End(); <-p.Done() })
	<-ready
	mu.Lock()
	defer mu.Unlock()
	return p, append([]int{p.PID()}, pids...)
}

func starter(t *testing.T) *Starter {
	s := NewStarter()
	t.Cleanup(s.Close)
	return s
}

func alive(pid int) bool {
	e, ok := read(pid)
	return ok && e.alive
}

// family starts children in the group, in a group of their own, in a session of their own, and orphans of all of these.
const family = `
sleep 1001 & echo $!
setsid sleep 1002 & echo $!
sh -c 'sleep 1003 & echo $!'
sh -c 'setsid sleep 1004 & echo $!'
setsid sh -c 'sh -c "sleep 1005 & echo \$!"; exec sleep 1006' & echo $!
sleep 0.3`

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	s := starter(t)
	for name, end := range map[string]func(*Program){
		"by us":      (*Program).End,
		"by another": func(p *Program) { syscall.Kill(p.PID(), syscall.SIGKILL) },
		"asked to":   func(p *Program) { syscall.Kill(p.PID(), syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, pids := start(t, s, family)
			if len(pids) != 7 {
				t.Fatalf("processes %v", pids)
			}
			for _, pid := range pids {
				if !alive(pid) {
					t.Fatalf("%d of %v is not alive to begin with", pid, pids)
				}
			}
			bystander, _ := start(t, s, "")
			began := time.Now()
			end(p)
			<-p.Done()
			if d := time.Since(began); d > time.Minute {
				t.Errorf("it took %s", d)
			}
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("%d of %v is alive", pid, pids)
				}
			}
			f := p.Facts()
			if len(f.Left) > 0 || f.State == nil || f.FirstLine != "hello" || f.Killed != (name == "by us") || !p.Ended() {
				t.Errorf("facts: %+v", f)
			}
			if bystander.Ended() || !alive(bystander.PID()) {
				t.Error("another program was killed, too")
			}
		})
	}
}

// TestForks: a program that forks as fast as it can is gone all the same.
func TestForks(t *testing.T) {
	t.Parallel()
	p, _ := start(t, starter(t), `(while :; do sleep 0.01 & done) >/dev/null 2>&1 &
setsid sh -c 'while :; do sleep 0.01 & done' >/dev/null 2>&1 &
sleep 0.2`)
	p.End()
	<-p.Done()
	if left := p.Facts().Left; len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if all, _ := belonging(p.PID(), p.mark); len(all) > 0 {
		t.Errorf("still there: %+v", all)
	}
}

// TestBecomesAnother: whether a process has a mark that becomes another program meanwhile is not known then; later it is.
func TestBecomesAnother(t *testing.T) {
	t.Parallel()
	const mark = EnvMark + "=x"
	c := exec.Command("sh", "-c", "read go; exec env -i sleep 1000")
	c.Env = append(os.Environ(), mark)
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	var before entry
	now := func(want answer) func() bool {
		return func() bool {
			before, _ = read(c.Process.Pid)
			return marked(before, mark) == want
		}
	}
	until(t, "the shell has its mark", now(yes))
	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	shell := before
	until(t, "it sleeps, and has none", now(no))
	if m := marked(shell, mark); m != unsure {
		t.Errorf("of what was the shell when it was looked at, the answer is %d", m)
	}
}

// until polls with a deadline.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	s := starter(t)
	a, pids := start(t, s, "sleep 1001 & echo $!\nsetsid sleep 1002 & echo $!\nsh -c 'sleep 1003 & echo $!'")
	b, _ := start(t, s, "")
	got := Processes([]int{a.PID(), b.PID(), 0})
	if len(got[a.PID()]) != 4 || got[a.PID()][0] != a.PID() {
		t.Errorf("got %v, want %v", got[a.PID()], pids)
	}
	for _, pid := range pids {
		if !slices.Contains(got[a.PID()], pid) {
			t.Errorf("%d is missing in %v", pid, got[a.PID()])
		}
	}
	if fmt.Sprint(got[b.PID()]) != fmt.Sprintf("[%d]", b.PID()) || len(got[0]) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestNotThere(t *testing.T) {
	t.Parallel()
	p := New(t.TempDir()+"/absent", nil, starter(t), func(bool, string) {})
	if err := p.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	<-p.Done()
	p.End()
	if p.PID() != 0 || p.ID() != "" {
		t.Errorf("it has the number %d", p.PID())
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	e, ok := read(os.Getpid())
	if !ok || e.pid != os.Getpid() || e.parent != os.Getppid() || e.group != syscall.Getpgrp() || !e.alive || e.since == 0 {
		t.Errorf("got %+v, %v", e, ok)
	}
	if _, ok := read(-1); ok {
		t.Error("there is a process -1")
	}
}

func BenchmarkTable(b *testing.B) {
	for range b.N {
		table()
	}
}

// TestArgumentsFilesSignals: what a program is given beside its environment.
func TestArgumentsFilesSignals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := dir + "/script"
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho first\ntrap 'echo asked; exit 7' TERM\necho \"$1 $2\" >&3\necho ready\nwhile :; do sleep 0.01; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(dir + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := make(chan string, 10)
	p := New(path, os.Environ(), starter(t), func(_ bool, line string) { lines <- line })
	p.AddArgs("a b", "c")
	p.AddFiles(file)
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("before the start: %v", err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, p.Stdout())
	t.Cleanup(func() { p.End(); <-p.Done() })
	if got := <-lines; got != "ready" {
		t.Errorf("it said %q", got)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if got, err := os.ReadFile(file.Name()); string(got) != "a b c\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if f := p.Facts(); f.Killed || f.State.ExitCode() != 7 || <-lines != "asked" {
		t.Errorf("%+v", f)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after the end: %v", err)
	}
}
