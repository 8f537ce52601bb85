package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// wire is a link of its own network namespace: a veth pair leads from there to Redis.
type wire struct {
	t            *testing.T
	ns, out, in  string // the namespace, and the names of both ends
	redis, local string // addresses
	port         string
}

// What the ends say that they are, and what nobody is: who sends there is not heard, and not told.
const (
	outMAC    = "02:00:00:00:00:01"
	inMAC     = "02:00:00:00:00:02"
	nobodyMAC = "02:00:00:00:00:99"
)

// ip runs the tool of that name.
func ip(args ...string) error {
	if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(text)))
	}
	return nil
}

// ipAll runs lines of arguments.
func ipAll(lines ...string) error {
	for _, l := range lines {
		if err := ip(strings.Fields(l)...); err != nil {
			return err
		}
	}
	return nil
}

// newWire makes a namespace and what leads there. n tells those of this process apart.
func newWire(t *testing.T, n int) (*wire, error) {
	pid := os.Getpid()
	w := &wire{t: t, ns: fmt.Sprintf("spin%d-%d", pid, n), out: fmt.Sprintf("so%d-%d", pid, n), in: fmt.Sprintf("si%d-%d", pid, n),
		redis: fmt.Sprintf("10.%d.%d.1", 200+pid%50, n), local: fmt.Sprintf("10.%d.%d.2", 200+pid%50, n)}
	err := ipAll("netns add " + w.ns)
	if err != nil {
		return nil, err
	}
	t.Cleanup(w.remove)
	err = ipAll(
		"link add "+w.out+" type veth peer name "+w.in,
		"link set "+w.in+" netns "+w.ns,
		"link set "+w.out+" address "+outMAC+" up",
		"address add "+w.redis+"/30 dev "+w.out,
		"-n "+w.ns+" link set lo up",
		"-n "+w.ns+" link set "+w.in+" address "+inMAC+" up",
		"-n "+w.ns+" address add "+w.local+"/30 dev "+w.in)
	w.cut(false, false)
	return w, err
}

func (w *wire) remove() {
	_ = ip("link", "del", w.out) // its other end goes with it
	if err := ip("netns", "del", w.ns); err != nil {
		w.t.Error(err)
	}
}

func (w *wire) addr() string { return net.JoinHostPort(w.redis, w.port) }

// cut has one end, or both, send to nobody.
func (w *wire) cut(to, from bool) {
	mac := func(real string, cut bool) string {
		if cut {
			return nobodyMAC
		}
		return real
	}
	err := ipAll("-n "+w.ns+" neigh replace "+w.redis+" lladdr "+mac(outMAC, to)+" dev "+w.in+" nud permanent",
		"neigh replace "+w.local+" lladdr "+mac(inMAC, from)+" dev "+w.out+" nud permanent")
	if err != nil {
		w.t.Error(err)
	}
}

func (w *wire) delay(d time.Duration) {
	_ = exec.Command("tc", "qdisc", "del", "dev", w.out, "root").Run() // there may be none
	if d == 0 {
		return
	}
	if text, err := exec.Command("tc", "qdisc", "add", "dev", w.out, "root", "netem", "delay", d.String()).CombinedOutput(); err != nil {
		w.t.Logf("no latency: this kernel has no netem: %s", text)
	}
}

func (w *wire) forget() {}

func (w *wire) mend(bool) {
	w.delay(0)
	w.cut(false, false)
}

func (w *wire) close() {}

// TestNamespaces cuts wires where TestChaos cuts connections: what a kernel makes of it is no guess of ours.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is missing; install it: apt-get install iproute2")
	}
	probe := fmt.Sprintf("spin%d-probe", os.Getpid())
	if err := ip("netns", "add", probe); err != nil {
		t.Skipf("this user cannot make network namespaces; run the test as root: %v", err)
	}
	_ = ip("netns", "del", probe)
	kinds := []scenario{
		{"5 s", partitioned(5 * time.Second)}, {"20 s", partitioned(20 * time.Second)}, {"120 s", partitioned(120 * time.Second)},
		{"nothing arrives", func(t *trial) []harm { return t.partition(t.anyAgent(), false, true, 20*time.Second) }},
		{"nothing leaves", func(t *trial) []harm { return t.partition(t.anyAgent(), true, false, 20*time.Second) }},
		{"the host", func(t *trial) []harm { return t.partition(t.proc(host), true, true, 20*time.Second) }},
		{"latency", func(t *trial) []harm {
			return t.window("latency", 0, 60*time.Second, func() { t.links(func(l link) { l.delay(t.scaled(200 * time.Millisecond)) }) },
				func() { t.links(func(l link) { l.mend(false) }) })
		}},
	}
	var all sync.WaitGroup
	for k, s := range kinds {
		all.Go(func() { t.Run(s.name, func(t *testing.T) { wired(t, 4*k, s) }) })
	}
	all.Wait()
}

// wired runs a trial in namespaces, which are numbered from n.
func wired(t *testing.T, n int, s scenario) {
	x := newTrial(t, uint64(time.Now().UnixNano()), fast)
	harms := s.plan(x)
	wires := map[string]*wire{}
	for k, id := range append([]string{host}, agents...) {
		w, err := newWire(t, n+k)
		if err != nil {
			t.Fatal(err)
		}
		wires[id] = w
		x.proc(id).wrap = []string{"ip", "netns", "exec", w.ns}
	}
	x.begin(func(id string, s *redistest.Server) (link, error) {
		w := wires[id]
		w.port = strconv.Itoa(s.Port)
		if id != host {
			return w, nil
		}
		addresses := "127.0.0.1"
		for _, w := range wires {
			addresses += " " + w.redis
		}
		c := s.Client(t)
		if err := c.ConfigSet(t.Context(), "protected-mode", "no").Err(); err != nil {
			return nil, err
		}
		return w, c.ConfigSet(t.Context(), "bind", addresses).Err()
	})
	x.run(harms)
}
