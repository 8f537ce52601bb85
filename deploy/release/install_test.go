package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// releases serves what a release has, and says what was asked for.
type releases struct {
	mu    sync.Mutex
	files map[string][]byte
	short string // a file in whose middle connections end
}

func (r *releases) breaks(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.short = name
}

func (r *releases) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	raw, ok := r.files[q.URL.Path]
	short := r.short != "" && strings.HasSuffix(q.URL.Path, r.short)
	r.mu.Unlock()
	if !ok {
		http.NotFound(w, q)
		return
	}
	if short {
		w.Header().Set("Content-Length", fmt.Sprint(len(raw)+1))
	}
	_, _ = w.Write(raw)
}

const archiveName = "spinbot_0.1.0_linux_amd64.tar.gz"

// release puts a version there, whose spinbot is a script.
func (r *releases) release(t *testing.T, at, program string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range map[string]string{"spinbot": program, "plugins/voice/plugin.hcl": "name = \"voice\"\n", "README.md": strings.Repeat("noise", 1000)} {
		if err := w.WriteHeader(&tar.Header{Name: "spinbot_0.1.0_linux_amd64/" + name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[at+archiveName] = b.Bytes()
	r.files[at+"checksums.txt"] = fmt.Appendf(nil, "%064x  spinbot_0.1.0_amd64.deb\n%x  %s\n%064x  %s.cdx.json\n", 1, sha256.Sum256(b.Bytes()), archiveName, 2, archiveName)
}

// machine is where install.sh is tried: a folder of programs as PATH, another one to install to.
type machine struct {
	*testing.T
	server       *releases
	home, path   string
	env          []string
	installedLib string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	r := &releases{files: map[string][]byte{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	m := &machine{T: t, server: r, home: t.TempDir(), path: t.TempDir()}
	m.installedLib = filepath.Join(m.home, "lib", "spinbot")
	m.env = []string{"PATH=" + m.path, "HOME=" + m.home, "PREFIX=" + m.home, "SPINBOT_RELEASES=" + server.URL, "TMPDIR=" + t.TempDir()}
	for _, name := range []string{"sh", "sed", "cut", "rm", "mv", "ln", "ls", "mkdir", "mktemp", "tar", "gzip", "sha256sum", "curl", "id"} {
		m.have(name)
	}
	m.script("uname", `if [ "$1" = -s ]; then echo Linux; else echo x86_64; fi`)
	r.release(t, "/latest/download/", "#!/bin/sh\necho spinbot 0.1.0\n")
	return m
}

// have puts a program of this machine into PATH.
func (m *machine) have(name string) {
	m.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		m.Skipf("SKIPPING: %s is missing", name)
	}
	if err := os.Symlink(real, filepath.Join(m.path, name)); err != nil {
		m.Fatal(err)
	}
}

func (m *machine) lack(name string) {
	m.Helper()
	if err := os.Remove(filepath.Join(m.path, name)); err != nil {
		m.Fatal(err)
	}
}

// script puts a program of its own into PATH.
func (m *machine) script(name, body string) {
	m.Helper()
	_ = os.Remove(filepath.Join(m.path, name))
	if err := os.WriteFile(filepath.Join(m.path, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		m.Fatal(err)
	}
}

// install runs install.sh as curl … | sh does.
func (m *machine) install(env ...string) (string, error) {
	m.Helper()
	raw, err := os.ReadFile("../../install.sh")
	if err != nil {
		m.Fatal(err)
	}
	c := exec.CommandContext(m.Context(), filepath.Join(m.path, "sh"))
	c.Stdin, c.Env, c.Dir = bytes.NewReader(raw), append(m.env, env...), m.home
	out, err := c.CombinedOutput()
	return string(out), err
}

func (m *machine) succeeds(want string, env ...string) {
	m.Helper()
	if out, err := m.install(env...); err != nil || !strings.Contains(out, want) {
		m.Errorf("%v\n%s\nwant %q", err, out, want)
	}
	if out, err := exec.CommandContext(m.Context(), filepath.Join(m.home, "bin", "spinbot")).Output(); err != nil || !strings.HasPrefix(string(out), "spinbot ") {
		m.Errorf("what is installed does not run: %v %s", err, out)
	}
}

// refuses wants it to fail, and to leave what was there.
func (m *machine) refuses(want string, env ...string) {
	m.Helper()
	before := m.tree()
	if out, err := m.install(env...); err == nil || !strings.Contains(out, want) {
		m.Errorf("%v\n%s\nwant %q", err, out, want)
	}
	if after := m.tree(); after != before {
		m.Errorf("it left\n%s\nof\n%s", after, before)
	}
}

// tree gives every file below home, with what is in it, and what is left of temporary ones.
func (m *machine) tree() string {
	m.Helper()
	var b strings.Builder
	for _, root := range []string{m.home, strings.TrimPrefix(m.env[4], "TMPDIR=")} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(raw))
			return err
		})
		if err != nil {
			m.Fatal(err)
		}
	}
	return b.String()
}

func TestInstall(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.succeeds("next: put " + m.home + "/bin into PATH")
	config := filepath.Join(m.home, ".config", "spinbot", "spinbot.hcl")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("# mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(m.installedLib, "plugins", "gone")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m.server.release(t, "/latest/download/", "#!/bin/sh\necho spinbot 0.2.0\n")
	m.succeeds("installed spinbot 0.2.0")
	if raw, err := os.ReadFile(config); err != nil || string(raw) != "# mine" {
		t.Errorf("the configuration after an upgrade: %q %v", raw, err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what the version before had, and the next one has not, is still there")
	}
	m.server.release(t, "/download/v0.1.0/", "#!/bin/sh\necho spinbot 0.1.0 again\n")
	m.succeeds("installed spinbot 0.1.0 again", "SPINBOT_VERSION=v0.1.0")
	m.refuses("download/v9.9.9/checksums.txt cannot be fetched", "SPINBOT_VERSION=9.9.9")
	if left, err := filepath.Glob(filepath.Join(m.home, "lib", "*")); err != nil || len(left) != 1 {
		t.Errorf("%q %v", left, err)
	}
}

func TestInstallByOthers(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.lack("curl")
	m.refuses("neither curl nor wget is here")
	m.have("wget")
	m.succeeds("installed spinbot 0.1.0")
	m.lack("sha256sum")
	m.script("shasum", `exec `+mustLook(t, "sha256sum")+` "$3"`)
	m.succeeds("installed spinbot 0.1.0")
	m.lack("shasum")
	m.refuses("neither sha256sum nor shasum is here")
}

func mustLook(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInstallDamaged is about what comes broken: nothing is changed, with a version before and without one.
func TestInstallDamaged(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} {
		m := newMachine(t)
		if before {
			m.succeeds("installed")
		}
		at := "/latest/download/"
		damage := func(name, want string, change func(raw []byte) []byte) {
			t.Helper()
			m.server.release(t, at, "#!/bin/sh\necho spinbot 0.1.0\n")
			m.server.mu.Lock()
			m.server.files[at+name] = change(m.server.files[at+name])
			m.server.mu.Unlock()
			m.refuses(want)
		}
		damage(archiveName, "has the checksum", func(raw []byte) []byte { return raw[:len(raw)/2] })
		damage(archiveName, "has the checksum", func(raw []byte) []byte { return append([]byte{raw[0] ^ 1}, raw[1:]...) })
		damage("checksums.txt", "has the checksum", func(raw []byte) []byte {
			return bytes.Replace(raw, []byte("\n"), []byte("\n"+strings.Repeat("0", 64)+"  "+archiveName+"\n# "), 1)
		})
		damage("checksums.txt", "names no archive for linux_amd64", func([]byte) []byte { return []byte("<html>not found</html>") })
		damage("checksums.txt", "names no archive for linux_amd64", func([]byte) []byte { return nil })
		damage(archiveName, "has the checksum e3b0c442", func([]byte) []byte { return nil })
		m.server.breaks(archiveName)
		m.refuses("cannot be fetched")
		m.server.breaks("")

		m.server.release(t, at, "#!/bin/sh\nexit 1\n")
		m.refuses("does not run on this machine")
		m.server.release(t, at, "#!/bin/sh\necho spinbot 0.1.0\n")
		m.script("tar", `echo "tar: No space left on device" >&2; exit 2`)
		m.refuses("No space left")
		m.script("tar", `exec `+mustLook(t, "tar")+` "$@"`)
		m.script("mv", `case $1 in *.new) exit 1 ;; esac; exec `+mustLook(t, "mv")+` "$@"`)
		if before { // the version before stands aside, and has to come back
			m.refuses("")
		}
	}
}

func TestInstallElsewhere(t *testing.T) {
	t.Parallel()
	for system, want := range map[string]string{"Linux x86_64": "", "Linux aarch64": "no archive for linux_arm64", "Darwin arm64": "no archive for darwin_arm64",
		"Darwin x86_64": "there is no release for Darwin on x86_64", "Linux riscv64": "there is no release for Linux on riscv64", "FreeBSD amd64": "there is no release for FreeBSD on amd64"} {
		m := newMachine(t)
		name, arch, _ := strings.Cut(system, " ")
		m.script("uname", `if [ "$1" = -s ]; then echo `+name+`; else echo `+arch+`; fi`)
		if want == "" {
			m.succeeds("installed")
			continue
		}
		m.refuses(want)
	}
}

// TestInstallNotOurs leaves alone what it did not make.
func TestInstallNotOurs(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"lib/spinbot/notes", "bin/spinbot"} {
		m := newMachine(t)
		path := filepath.Join(m.home, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		m.refuses("was not made by this script")
	}
}
