package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestPromises holds the real binary, at its real pace, to the times that it promises: what a cancel reaches, and when; when a
// lost agent is noticed; what an agent that drains takes, and what it leaves.
func TestPromises(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	if ok, err := condition("redis"); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("there is no redis-server")
	}
	p := promises{newFleet(t)}
	box := p.join("box2", "2")
	p.until("the agent is ready", func() bool { return p.state() == client.AgentReady })
	p.cancels()
	p.lost(box)
	p.drains(box)
	p.end(p.host)
	if t.Failed() {
		t.Log(p.said())
	}
}

type promises struct{ *realFleet }

func (p promises) file(name string) string { return filepath.Join(p.dir, name) }

func (p promises) touch(name string) {
	p.Helper()
	if err := os.WriteFile(p.file(name), nil, 0o600); err != nil {
		p.Fatal(err)
	}
}

// until waits for something, and gives the time that it took.
func (p promises) until(what string, ok func() bool) time.Duration {
	p.Helper()
	began := time.Now()
	if !poll(ok) {
		p.Fatalf("it never came to be that %s\n%s", what, p.said())
	}
	return time.Since(began)
}

// state is that of the agent.
func (p promises) state() string {
	l, err := p.client.Agents(p.Context())
	if err != nil || len(l.Agents) != 1 {
		return ""
	}
	return l.Agents[0].State
}

// submit submits a run with the nodes, and gives its id. What is cancelled by itself leaves the others alone.
func (p promises) submit(nodes map[string]string) string {
	p.Helper()
	text := "pipeline \"it\" {}\n"
	for name, node := range nodes {
		nodeType, body, _ := strings.Cut(node, " ")
		text += fmt.Sprintf("node %q %q {\n%s\non_failure = \"continue\"\n}\n", nodeType, name, body)
	}
	r, err := p.client.Submit(p.Context(), client.Submission{Pipeline: client.Source{Text: text}})
	if err != nil {
		p.Fatal(err)
	}
	return r.ID
}

func (p promises) waitFor(name string) string {
	return fmt.Sprintf("test.until file = %q", p.file(name))
}

// node gives a node of a run.
func (p promises) node(run, name string) client.Node {
	p.Helper()
	r, err := p.client.Run(context.Background(), run)
	if err != nil {
		p.Fatal(err)
	}
	k := slices.IndexFunc(r.Nodes, func(n client.Node) bool { return n.Name == name })
	if k < 0 {
		p.Fatalf("run %s has no node %s", run, name)
	}
	return r.Nodes[k]
}

func (p promises) is(run, name, state string) func() bool {
	return func() bool { return p.node(run, name).State == state }
}

// cancel cancels a node, and sees that it has ended soon.
func (p promises) cancel(what, run, name string, within time.Duration) {
	p.Helper()
	began := time.Now()
	if _, err := p.client.Tell(p.Context(), run, client.WordCancel, client.Word{At: "node." + name}); err != nil {
		p.Fatal(err)
	}
	p.until(what+" has ended", p.is(run, name, "cancelled"))
	took := time.Since(began)
	p.Logf("%s ended %s after it was cancelled", what, took.Round(time.Millisecond))
	if took > within+slack {
		p.Errorf("that is more than %s", within)
	}
}

// cancels: a cancel reaches its node and no other: one that waits within 1 s, one that runs within the grace of 30 s.
func (p promises) cancels() {
	held := p.submit(map[string]string{"a": p.waitFor("go"), "b": p.waitFor("go")})
	p.until("two tasks run", func() bool { return p.is(held, "a", "running")() && p.is(held, "b", "running")() })
	queued := p.submit(map[string]string{"c": p.waitFor("go"), "d": p.waitFor("go")})
	p.cancel("a task that waits", queued, "c", time.Second)
	p.cancel("a task that runs", held, "b", time.Second)
	p.until("the next one runs", p.is(queued, "d", "running"))
	stubborn := p.submit(map[string]string{"never": "test.hang "})
	for _, n := range []client.Node{p.node(held, "a"), p.node(queued, "d")} {
		if n.State != "running" || n.Attempt != 1 {
			p.Errorf("nobody cancelled node %s, and it is %s in attempt %d", n.Name, n.State, n.Attempt)
		}
	}
	p.touch("go")
	p.until("the others go on", func() bool { return p.is(held, "a", "succeeded")() && p.is(queued, "d", "succeeded")() })
	p.until("one runs that does not stop", p.is(stubborn, "never", "running"))
	p.cancel("a task that does not stop", stubborn, "never", 30*time.Second)
}

// lost: that an agent was killed is noticed within 15 s; its plugins are gone before. What it worked on is done again.
func (p promises) lost(box *service) {
	run := p.submit(map[string]string{"a": p.waitFor("lost")})
	p.until("a task runs", p.is(run, "a", "running"))
	killed := time.Now()
	box.hold(syscall.SIGKILL)
	p.gone("the agent was killed", func() []string {
		var left []string
		for _, pid := range p.plugins() {
			left = append(left, fmt.Sprint("plugin ", pid))
		}
		return left
	})
	p.until("the agent is offline", func() bool { return p.state() == client.AgentOffline })
	took := time.Since(killed)
	p.Logf("the agent's death was noticed about %s later", took.Round(time.Millisecond))
	if took > 15*time.Second+slack {
		p.Error("that is more than 15 s")
	}
	box.wait()
	box.begin(box.args...)
	p.until("the task is done again", func() bool { n := p.node(run, "a"); return n.State == "running" && n.Attempt == 2 })
	p.touch("lost")
	p.until("it ends well", p.is(run, "a", "succeeded"))
}

// drains: an agent that is told to end takes nothing 1 s later, lets what runs finish, ends with 0 and leaves nothing.
func (p promises) drains(box *service) {
	long := p.submit(map[string]string{"a": p.waitFor("drained")})
	p.until("a task runs", p.is(long, "a", "running"))
	var short []string
	more := func() bool {
		short = append(short, p.submit(map[string]string{"b": `test.echo value = "x"`}))
		return p.node(short[0], "b").State == "succeeded"
	}
	p.until("short tasks run beside it", more)
	told := time.Now()
	box.hold(syscall.SIGTERM)
	p.until("the agent says that it drains", func() bool { more(); return p.state() == client.AgentDraining })
	drains := time.Now() // late on a busy machine
	p.until("2.5 s have passed", func() bool { more(); return time.Since(drains) > 2500*time.Millisecond })
	p.touch("drained")
	if code := box.wait(); code != 0 {
		p.Errorf("the agent that drained ended with %d", code)
	}
	p.gone("the agent has ended", func() []string { return processes(box.state) })
	p.until("what ran while it drained has ended well", p.is(long, "a", "succeeded"))
	waiting := 0
	for _, run := range short {
		switch n := p.node(run, "b"); {
		case n.State != "succeeded":
			waiting++
		case n.Started.After(drains.Add(time.Second)):
			p.Errorf("a task began %s after its agent was told to end", n.Started.Sub(told))
		}
	}
	if p.Logf("of %d short tasks %d wait for another agent", len(short), waiting); waiting == 0 {
		p.Error("this shows nothing")
	}
}
