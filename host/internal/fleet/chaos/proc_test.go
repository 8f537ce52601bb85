package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// proc is the host or an agent, over all its processes: one that ends begins anew, as under a supervisor.
type proc struct {
	id    string
	trial *trial
	link  link
	die   *point // of its first process
	wrap  []string

	mu     sync.Mutex
	boot   string
	lives  int
	cmd    *exec.Cmd
	stdin  io.Closer
	ended  chan struct{} // when the process that cmd is has ended
	down   bool          // it stays down
	pids   []int
	text   bytes.Buffer
	starts sync.WaitGroup
}

// Write takes what the processes say.
func (p *proc) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *proc) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *proc) setup() setup {
	s := setup{Role: "agent", Dir: p.trial.dir, Redis: p.link.addr(), Namespace: p.trial.namespace(), ID: p.id, Session: p.name(), Boot: p.boot,
		Scale: p.trial.scale, Seed: p.trial.seed + uint64(p.lives)<<32, Repeat: p.trial.repeat}
	if p.id == host {
		s.Role, s.Jobs = "host", p.trial.jobs
	}
	if p.lives == 1 {
		s.Die = p.die
	}
	return s
}

func (p *proc) name() string { return fmt.Sprintf("s%d", p.lives) }

// session is that of its newest process.
func (p *proc) session() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name()
}

// start begins a process, unless it is to stay down.
func (p *proc) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.cmd != nil {
		return
	}
	p.lives++
	raw, err := json.Marshal(p.setup())
	if err != nil {
		panic(err)
	}
	argv := append(append([]string(nil), p.wrap...), os.Args[0])
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+string(raw), "GOMAXPROCS=2", "GOCOVERDIR="+p.trial.dir)
	cmd.Stdout, cmd.Stderr = p, p
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		panic(err)
	}
	done := make(chan struct{})
	p.cmd, p.stdin, p.ended = cmd, stdin, done
	p.pids = append(p.pids, cmd.Process.Pid)
	p.starts.Go(func() { p.watch(cmd, done) })
}

// watch begins the next process when this one has ended.
func (p *proc) watch(cmd *exec.Cmd, done chan struct{}) {
	_ = cmd.Wait()
	p.mu.Lock()
	p.cmd = nil
	again := !p.down
	p.mu.Unlock()
	close(done)
	if again {
		time.Sleep(p.trial.scaled(time.Second)) // as a supervisor does
		p.start()
	}
}

func (p *proc) signal(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// mayDie says whether its process has a point at which it kills itself, be it while it ends.
func (p *proc) mayDie() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.die != nil && p.lives == 1
}

// hold has it stay down once it ends.
func (p *proc) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
}

// keepUp starts it if it is down.
func (p *proc) keepUp() {
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
	p.start()
}

// kill kills the process, which stays down.
func (p *proc) kill() {
	p.hold()
	p.signal(syscall.SIGKILL)
	p.wait(patience)
}

// reboot is what its machine does before the next process.
func (p *proc) reboot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boot += "'"
}

// terminate asks it to end, and to stay so.
func (p *proc) terminate() {
	p.hold()
	p.signal(syscall.SIGTERM)
}

// wait waits until the process has ended, and gives its code.
func (p *proc) wait(within time.Duration) (code int, ok bool) {
	p.mu.Lock()
	cmd, done := p.cmd, p.ended
	p.mu.Unlock()
	if cmd == nil {
		return 0, true
	}
	select {
	case <-done:
		return cmd.ProcessState.ExitCode(), true
	case <-time.After(within):
		return 0, false
	}
}

func (p *proc) all() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pids
}

// finish ends it whatever it does.
func (p *proc) finish() {
	p.signal(syscall.SIGCONT)
	p.kill()
	p.starts.Wait()
}
