package group

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// groupAttr makes the program lead its own group. SIGTERM comes to it when the thread that started it ends, which
// the starter keeps alive as long as the executor.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// reap waits for the leader's end, kills whatever else there is, and reaps the leader once that is gone.
func (r *Program) reap() {
	pid := r.cmd.Process.Pid
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	r.mu.Lock()
	r.dead = true
	r.mu.Unlock()
	left := sweep(pid, r.mark)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.cmd.Wait() // the state says how it ended
	r.reaped, r.state, r.left = true, r.cmd.ProcessState, left
}

// sweep kills the rest of a group, and what left the group, until none is there; it gives those that do not die.
func sweep(leader int, mark string) []int {
	var left []int
	quiet, strays := 0, false
	repeatedly(func() bool {
		killGroup(leader)
		left = nil
		all, sure := belonging(leader, mark)
		for _, p := range all {
			left = append(left, p.pid)
			if p.group != leader {
				strays = true
				killMarked(p.pid, mark)
			}
		}
		if len(left) > 0 || !sure {
			quiet = 0
			return false
		}
		quiet++ // one that was forked while the list was read may be missing from it
		return !strays || quiet > 1
	})
	return left
}

// killMarked kills a process if it is still the marked one: its number may have a new owner.
func killMarked(pid int, mark string) {
	p, err := os.FindProcess(pid) // a handle of the process, not of the number, where the kernel has such
	if err != nil {
		return
	}
	if e, ok := read(pid); ok && marked(e, mark) == yes {
		_ = p.Kill() // the next look tells
	}
	_ = p.Release()
}

// belonging lists the living processes of a group, and those that have its mark. Only what is not older than its leader
// can have it. Sure is false where one of them could not be asked.
func belonging(leader int, mark string) (all []entry, sure bool) {
	all, sure = table(), true
	var since uint64
	if i := slices.IndexFunc(all, func(e entry) bool { return e.pid == leader }); i >= 0 {
		since = all[i].since
	}
	return slices.DeleteFunc(all, func(e entry) bool {
		switch {
		case !e.alive || e.pid == leader:
			return true
		case e.group == leader:
			return false
		case e.since < since:
			return true
		}
		m := marked(e, mark)
		sure = sure && m != unsure
		return m != yes
	}), sure
}

// answer is whether a process has a mark.
type answer int

const (
	no answer = iota
	yes
	unsure
)

// marked asks a process of the table for its mark. One that becomes another program meanwhile has no environment for a moment.
func marked(e entry, mark string) answer {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(e.pid), "environ"))
	if err == nil && len(env) == 0 && e.size > 0 { // the kernel's own have no size
		if now, ok := read(e.pid); ok && (now.environ == 0 || now.environ != e.environ) {
			return unsure
		}
	}
	if err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(kv []byte) bool { return string(kv) == mark }) {
		return yes
	}
	return no
}

// Processes gives, for each group by its leader, its living processes and those that they started, the leader first. A
// leader that has not started, 0, has none.
func Processes(leaders []int) map[int][]int {
	leaders = slices.DeleteFunc(slices.Clone(leaders), func(l int) bool { return l <= 0 }) // the kernel's own, or not started
	if len(leaders) == 0 {
		return nil // the table is long
	}
	all := table()
	of := map[int]int{} // process to leader
	for _, l := range leaders {
		of[l] = l
	}
	for grew := true; grew; {
		grew = false
		for _, e := range all {
			l, ok := of[e.group]
			if !ok || !slices.Contains(leaders, e.group) {
				l, ok = of[e.parent]
			}
			if _, known := of[e.pid]; ok && !known {
				of[e.pid], grew = l, true
			}
		}
	}
	out := map[int][]int{}
	for _, e := range all {
		l, ok := of[e.pid]
		switch {
		case !ok || !e.alive:
		case e.pid == l:
			out[l] = slices.Insert(out[l], 0, e.pid)
		default:
			out[l] = append(out[l], e.pid)
		}
	}
	return out
}

// entry is one process.
type entry struct {
	pid, parent, group int
	since              uint64 // in ticks of the kernel
	size, environ      uint64 // of its memory, in bytes; where its environment ends there, 0 while it becomes another program
	alive              bool   // and not a zombie
}

// table lists all processes.
func table() []entry {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what was read counts
	var out []entry
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if e, ok := read(pid); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// read gives one process of the table: fields 3, 4, 5, 22, 23 and 51 of its stat, behind a name that may hold anything.
func read(pid int) (entry, bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return entry{}, false
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 49 {
		return entry{}, false
	}
	parent, err1 := strconv.Atoi(f[1])
	leader, err2 := strconv.Atoi(f[2])
	since, err3 := strconv.ParseUint(f[19], 10, 64)
	size, err4 := strconv.ParseUint(f[20], 10, 64)
	environ, err5 := strconv.ParseUint(f[48], 10, 64)
	return entry{pid, parent, leader, since, size, environ, f[0] != "Z" && f[0] != "X"}, errors.Join(err1, err2, err3, err4, err5) == nil
}
