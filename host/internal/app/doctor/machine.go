package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host"
	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/machine"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/gpu/probe"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// clock says whether this machine's clock is kept right. What other machines' say stands with redis and store.
func clock(context.Context, Config) []Finding {
	switch yes, known := synchronised(); {
	case !known:
		return fine("it is %s; whether a time server keeps it right is not told here", time.Now().Format(time.RFC3339))
	case !yes:
		return one(Odd, "no time server keeps the clock right", "timedatectl set-ntp true, or let the machine's chrony or ntpd run: signatures of S3, tokens and schedules go by the clock")
	}
	return fine("it is kept right")
}

// skew is how far another machine's clock may be off.
const skew = 5 * time.Second

// compared says how far a clock elsewhere was off, when it is too much.
func compared(there, here time.Time, whose string) []Finding {
	off := there.Sub(here)
	if off.Abs() <= skew {
		return nil
	}
	return one(Odd, fmt.Sprintf("the clock of %s is off by %s from this machine's", whose, off.Round(time.Second)), "let a time server keep both right (timedatectl set-ntp true)")
}

// ports looks at the addresses that serve listens on.
func ports(ctx context.Context, c Config) []Finding {
	found := port(ctx, c, "the API", c.Listen, "--listen")
	if a, err := net.ResolveTCPAddr("tcp", c.Listen); err == nil && !a.IP.IsLoopback() {
		found = append(found, signs(ctx, c)...)
	}
	if f := c.Host.Fleet; f != nil {
		found = append(found, port(ctx, c, "artifacts", f.Listen, "--artifacts-listen")...)
		if f.Own != nil {
			found = append(found, port(ctx, c, "the fleet's Redis", f.Own.Listen, "--fleet-listen")...)
		}
	}
	return found
}

// port says whether an address may be listened on. The host of this state directory may do so already.
func port(ctx context.Context, c Config, what, address, flag string) []Finding {
	var listen net.ListenConfig
	ln, err := listen.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		_ = ln.Close()
		return fine("%s is free for %s", address, what)
	case errors.Is(err, syscall.EADDRINUSE) && running(ctx, c.Host.State):
		return fine("%s is taken; the host that runs here is likely who listens there for %s", address, what)
	case errors.Is(err, syscall.EADDRINUSE):
		return one(Wrong, fmt.Sprintf("another program listens on %s", address), fmt.Sprintf("end it (ss -ltnp shows which it is), or choose another address with %s", flag))
	case errors.Is(err, syscall.EACCES):
		return one(Wrong, fmt.Sprintf("this user may not listen on %s", address), fmt.Sprintf("choose a port from 1024 on with %s", flag))
	}
	return wrong(err, "choose another address with "+flag)
}

// running says whether a host answers for a state directory.
func running(ctx context.Context, s local.State) bool {
	path, err := s.Socket()
	if err != nil {
		return false
	}
	there := client.Unix(path)
	defer there.Close()
	_, err = there.Health(ctx)
	var unwell *client.Problem
	return err == nil || errors.As(err, &unwell)
}

// signs says whether people have to sign in, as they must where other machines reach the API.
func signs(ctx context.Context, c Config) []Finding {
	if c.Host.File.Auth.OIDC != nil || c.Host.Store != "" { // a shared store has the tokens, and serve asks it
		return nil
	}
	accounts, err := auth.Open(ctx, auth.NewFolder(c.Host.State.Accounts()), time.Now)
	switch {
	case err != nil:
		return wrong(err, "")
	case !accounts.Required():
		return one(Wrong, fmt.Sprintf("other machines could reach %s, and nobody would have to sign in", c.Listen), "spinbot token new NAME --role admin, or listen on 127.0.0.1")
	case c.Host.TLS == nil:
		return one(Odd, fmt.Sprintf("%s is served without encryption", c.Listen), "--tls-cert and --tls-key, or a proxy with TLS before it")
	}
	return nil
}

// driver looks at the devices, in a process of its own: a driver that hangs harms nobody.
func driver(ctx context.Context, c Config) []Finding {
	if len(c.Host.Probe) == 0 {
		return unasked("nothing looks for devices here")
	}
	cmd := exec.CommandContext(ctx, c.Host.Probe[0], append(c.Host.Probe[1:len(c.Host.Probe):len(c.Host.Probe)], "--once")...) //nolint:gosec // this program
	out, err := cmd.Output()
	var seen probe.Sample
	switch {
	case ctx.Err() != nil:
		return one(Wrong, "the GPU driver does not answer", "look for Xid errors (dmesg | grep -i xid); a restart of the machine frees a driver that hangs")
	case err != nil:
		return wrong(fmt.Errorf("the probe of the GPU driver died: %w", err), "install the driver anew; nvidia-smi or amd-smi should work")
	}
	if err := json.Unmarshal(out, &seen); err != nil {
		return wrong(err, "")
	}
	if seen.Error != "" {
		return one(Wrong, seen.Error, "nvidia-smi or amd-smi should work; else install the driver anew")
	}
	if len(seen.Devices) == 0 {
		return fine("%s", cmp.Or(seen.Note, "no GPU"))
	}
	var found []Finding
	for _, d := range seen.Devices {
		f := Finding{State: Fine, Said: fmt.Sprintf("%s, %s", d.Name, sdk.FormatSize(d.Memory))}
		if d.Ill != "" {
			f.State, f.Said, f.Mend = Wrong, f.Said+": "+d.Ill, "it takes no tasks until it is well; see dmesg"
		} else if d.Warning != "" {
			f.State, f.Said = Odd, f.Said+": "+d.Warning
		}
		found = append(found, f)
	}
	return found
}

// plugins looks at what may run here, and at their blocks of the configuration.
func plugins(ctx context.Context, c Config) (found []Finding) {
	if info, err := os.Stat(c.Host.State.Dir); err != nil || !info.IsDir() { // it is not made by looking: what is cached goes with the check
		dir, err := os.MkdirTemp("", "spinbot-doctor-")
		if err != nil {
			return wrong(err, "")
		}
		defer os.RemoveAll(dir)
		c.Host.State = local.State{Dir: dir}
	}
	nodes, err := host.OpenNodes(ctx, c.Host)
	if err != nil {
		return wrong(err, "")
	}
	defer func() { _ = nodes.Close() }()
	ready := 0
	for _, e := range nodes.View.Entries {
		if e.State == catalog.Ready {
			ready++
			continue
		}
		found = append(found, Finding{State: Odd, Said: fmt.Sprintf("%s cannot be used: %s", e.Name, e.Reason)})
	}
	for _, d := range machine.CheckConfig(nodes.View, c.Host.File) {
		found = append(found, Finding{State: Odd, Said: d.Summary + " (" + d.Range.String() + ")", Mend: "spinbot config check shows where"})
	}
	said := fmt.Sprintf("%d of %d plugins and modules are ready, with %d node types", ready, len(nodes.View.Entries), len(nodes.View.Names()))
	return append([]Finding{{State: Fine, Said: said}}, found...)
}

// needs are the programs that bundled plugins start: of each line one has to be there.
var needs = []struct {
	plugin, what string
	anyOf        []string
	install      string
}{
	{"render", "films and sound", []string{"ffmpeg"}, "apt install ffmpeg, or brew install ffmpeg"},
	{"voice", "speech without a server", []string{"espeak-ng", "espeak", "flite", "piper"}, "apt install espeak-ng, or brew install espeak-ng"},
}

// programs looks for what bundled plugins start.
func programs(_ context.Context, c Config) (found []Finding) {
	for _, n := range needs {
		have := slices.IndexFunc(n.anyOf, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
		if have < 0 {
			found = append(found, Finding{State: Odd, Said: fmt.Sprintf("%s is not installed: %s makes no %s", strings.Join(n.anyOf, " or "), n.plugin, n.what), Mend: n.install})
			continue
		}
		found = append(found, fine("%s is there for %s", n.anyOf[have], n.plugin)...)
	}
	return found
}

// engines asks those of the configuration whether they answer.
func engines(ctx context.Context, c Config) (found []Finding) {
	for _, e := range c.Host.File.Engines {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL, nil)
		if err == nil {
			var res *http.Response
			if res, err = http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
			}
		}
		if err != nil {
			found = append(found, wrong(fmt.Errorf("engine %q: %w", e.Name, err), "start it, or correct its block in "+c.Host.File.File)...)
			continue
		}
		found = append(found, fine("engine %q answers at %s", e.Name, e.URL)...)
	}
	if found == nil {
		return unasked("no engine is configured; spinbot devices says what answers on this machine")
	}
	return found
}
