package chaos

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// point is a step at which a process dies: before or after the n-th command of a name, or at a step of its own.
type point struct {
	Step  string
	N     int
	After bool
}

// hook sits between a process and its client: it kills the process at a point, and repeats what it sends.
type hook struct {
	client *redis.Client
	repeat bool
	late   time.Duration

	mu   sync.Mutex
	r    *rand.Rand
	die  *point
	seen int
}

func newHook(s setup, c *redis.Client) *hook {
	h := &hook{client: c, repeat: s.Repeat, late: s.scaled(10 * time.Second), r: rand.New(rand.NewPCG(s.Seed, 3)), die: s.Die}
	c.AddHook(h)
	return h
}

// step dies if this is the step.
func (h *hook) step(name string) {
	if h.reached(name) {
		die()
	}
}

// reached counts a step.
func (h *hook) reached(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.die == nil || h.die.Step != name {
		return false
	}
	h.seen++
	return h.seen == h.die.N
}

// die is what the kernel does to a process that somebody kills.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (h *hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !h.reached(cmd.Name()) {
			return next(ctx, cmd)
		}
		if h.die.After {
			_ = next(ctx, cmd)
		}
		die()
		return nil
	}
}

func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for k, cmd := range cmds {
			if !h.reached(cmd.Name()) {
				continue
			}
			if h.die.After {
				k++
			}
			if k > 0 {
				_ = next(ctx, cmds[:k])
			}
			die()
		}
		if h.repeat {
			cmds = h.repeated(cmds)
		}
		return next(ctx, cmds)
	}
}

// repeated gives the commands in any order, what they add three times; some of that comes late.
func (h *hook) repeated(cmds []redis.Cmder) []redis.Cmder {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := append([]redis.Cmder(nil), cmds...)
	for _, cmd := range cmds {
		if !strings.EqualFold(cmd.Name(), "xadd") {
			continue
		}
		for range 2 {
			again := redis.NewCmd(context.Background(), cmd.Args()...)
			if h.r.IntN(2) == 0 {
				out = append(out, again)
				continue
			}
			time.AfterFunc(time.Duration(h.r.Int64N(int64(h.late))), func() { _ = h.client.Process(context.Background(), again) })
		}
	}
	h.r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
