package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
	"github.com/myspinbot/spinbot/sdk"
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(blockedEnv); socket != "" {
		blockedAgent(socket)
		return
	}
	os.Exit(redistest.StartMain(m))
}

// blockedEnv has the test's binary be an agent whose tasks do not end.
const blockedEnv = "FLEET_BLOCKED_AGENT"

// startBlocked begins such an agent, which says a line for each task that it begins. It ends with the benchmark.
func startBlocked(b *testing.B, socket string) *bufio.Reader {
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), blockedEnv+"="+socket)
	agent.Stderr = os.Stderr
	in, err := agent.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := agent.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = agent.Wait() })
	return bufio.NewReader(out)
}

// blockedAgent is that agent, until whoever began it goes.
func blockedAgent(socket string) {
	dir, err := os.MkdirTemp("", "blocked")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var mu sync.Mutex
	run := func(ctx context.Context, _ protocol.Task, _ func(sdk.Report)) protocol.Result {
		mu.Lock()
		fmt.Println("begun")
		mu.Unlock()
		<-ctx.Done()
		return protocol.Result{Error: sdk.AsError(context.Cause(ctx))}
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true})
	a, err := NewAgent(quietAgent(c, filepath.Join(dir, "notes"), run))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	if err := a.Run(ctx); err != nil {
		log.Print(err)
	}
}
