package secrets

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fresh is how long what a command printed is used without asking again. Commands are asked when a person sets a run
// going, not for every task: a password manager may want a finger on a key.
const fresh = time.Minute

// printed is what a command gave, or why it gave nothing.
type printed struct {
	value string
	err   error
	at    time.Time
}

// runCommands runs the commands of the secrets that have one and were not asked for lately, all at once.
func (v *Vault) runCommands(ctx context.Context, names []string) {
	var all sync.WaitGroup
	for _, name := range names {
		argv := v.cfg.Commands[name]
		_, fromEnv := v.lookupEnv(EnvName(name))
		v.mu.Lock()
		last, known := v.printed[name]
		v.mu.Unlock()
		if argv == nil || fromEnv || known && last.err == nil && v.cfg.Now().Sub(last.at) < fresh {
			continue
		}
		all.Go(func() {
			value, err := v.run(ctx, name, argv)
			v.mu.Lock()
			defer v.mu.Unlock()
			v.printed[name] = printed{value, err, v.cfg.Now()}
		})
	}
	all.Wait()
}

// run gives what a command prints, without one newline at its end.
func (v *Vault) run(ctx context.Context, name string, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, v.cfg.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = v.withoutSecrets()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, said := &upTo{most: MaxLength + 3}, &upTo{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	value := trimNewline(out.String())
	if err == nil {
		return value, nil
	}
	program := filepath.Base(argv[0])
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", problem(name, "did not come: %s was not done after %v", program, v.cfg.Timeout)
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	words := strings.TrimSpace(said.String())
	if words != "" {
		own := NewMask() // what it printed before it failed is no secret yet, and may be one
		own.Keep(value)
		words = ": " + own.String(v.mask.String(words))
	}
	return "", problem(name, "did not come: %s failed: %v%s", program, err, words)
}

// withoutSecrets is the host's environment without the secrets that it holds.
func (v *Vault) withoutSecrets() []string {
	env := make([]string, 0, len(v.cfg.Environ))
	for _, kv := range v.cfg.Environ {
		if !strings.HasPrefix(kv, EnvPrefix) {
			env = append(env, kv)
		}
	}
	if len(env) == 0 {
		env = append(env, "PATH="+os.Getenv("PATH")) // nil would be the whole environment
	}
	return env
}

// upTo keeps the beginning of what is written to it.
type upTo struct {
	bytes.Buffer
	most int
}

func (w *upTo) Write(p []byte) (int, error) {
	w.Buffer.Write(p[:min(len(p), max(0, w.most-w.Len()))])
	return len(p), nil
}
