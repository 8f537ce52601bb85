package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/redistest"
)

// unit is what a systemd unit says under its [Service].
type unit struct {
	env   []string
	files []string // of variables; those that need not be there
	start []string
}

// readUnit reads one as systemd would, with its folders below root.
func readUnit(t *testing.T, name, root string) (u unit) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "deploy/systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("%S", filepath.Join(root, "state"), "%E", filepath.Join(root, "etc"), "ExecStart=spinbot", "ExecStart="+filepath.Join(built, "bin", "spinbot")).Replace(string(raw))
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "Environment":
			u.env = append(u.env, strings.Fields(value)...)
		case "EnvironmentFile":
			u.files = append(u.files, strings.TrimPrefix(value, "-"))
		case "ExecStart":
			u.start = strings.Fields(value)
		}
	}
	return u
}

// run starts what the unit starts, waits until it says so, and stops it as systemd does.
func (u unit) run(t *testing.T, says string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), u.start[0], u.start[1:]...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH")}, u.env...)
	for _, file := range u.files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c.Env = append(c.Env, strings.Split(strings.TrimSpace(string(raw)), "\n")...)
	}
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer late.Stop()
	var all strings.Builder
	heard := false
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if !heard && strings.Contains(lines.Text(), says) {
			heard = true
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := c.Wait(); err != nil || !heard {
		t.Errorf("%v: %v\n%s", u.start, err, &all)
	}
}

// TestUnits lets systemd read the units, and runs what they start.
func TestUnits(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("systemd is of Linux")
	}
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/spinbot/spinbot.hcl", "")
	write("etc/spinbot/host.env", "SPINBOT_LISTEN=127.0.0.1:0\n")
	redis := redistest.Start(t)
	write("etc/spinbot/agent.env", "SPINBOT_REDIS="+redis.URL()+"\n")
	readUnit(t, "spinbot.service", root).run(t, "listens on http://127.0.0.1:")
	readUnit(t, "spinbot-agent.service", root).run(t, "of the fleet at ")
	for _, name := range []string{"spinbot", "spinbot-agent"} {
		if _, err := os.Stat(filepath.Join(root, "state", name)); err != nil {
			t.Error(err)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-analyze is missing: scripts/setup develop")
		}
		t.Skip("SKIPPING the rest: systemd-analyze is missing: scripts/setup develop")
	}
	for _, name := range []string{"spinbot.service", "spinbot-agent.service"} {
		raw, err := os.ReadFile(filepath.Join(repository, "deploy/systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, strings.ReplaceAll(string(raw), "ExecStart=spinbot", "ExecStart="+filepath.Join(built, "bin", "spinbot")))
		if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", filepath.Join(root, name)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestDeployDocument keeps docs/deploy.md to the services, files and commands that there are.
func TestDeployDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(repository, "docs/deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`((?:deploy|scripts|\\.devcontainer)/[a-z_./-]+)`").FindAllStringSubmatch(string(raw), -1) {
		if strings.HasPrefix(m[1], "deploy/secrets") {
			continue
		}
		if _, err := os.Stat(filepath.Join(repository, m[1])); err != nil {
			t.Error(err)
		}
	}
	var stack strings.Builder
	for _, name := range []string{"compose.yaml", "compose.gpu.yaml"} {
		file, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		_, services, _ := strings.Cut(string(file), "\nservices:\n")
		services, _, _ = strings.Cut(services, "\nnetworks:\n")
		stack.WriteString(services)
	}
	services := regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(stack.String(), -1)
	for _, m := range services {
		if !strings.Contains(string(raw), "| `"+m[1]+"` |") {
			t.Errorf("it does not list the service %s", m[1])
		}
	}
	if len(services) < 25 {
		t.Errorf("%d services", len(services))
	}
}
