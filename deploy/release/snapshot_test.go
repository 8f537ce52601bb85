package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// dist is where make release-snapshot has put what it built.
func dist(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RELEASE_DIST")
	if dir == "" {
		t.Skip("SKIPPING: RELEASE_DIST names no folder of a snapshot (make release-snapshot)")
	}
	return dir
}

// one gives the only file of a name.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q %v for %s", found, err, pattern)
	}
	return found[0]
}

// unpack reads an archive, without the folder that all of it is in.
func unpack(t *testing.T, file string) (files map[string][]byte, heads map[string]*tar.Header) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	files, heads = map[string][]byte{}, map[string]*tar.Header{}
	top := strings.TrimSuffix(filepath.Base(file), ".tar.gz") + "/"
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, heads
		}
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, top)
		if !ok {
			t.Errorf("%s is not below %s", h.Name, top)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		heads[name] = h
		if files[name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func hexSum(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

var platformNames = []string{"linux_amd64", "linux_arm64", "darwin_arm64"}

// TestSnapshotArchives looks into the archives of every platform.
func TestSnapshotArchives(t *testing.T) {
	t.Parallel()
	dir := dist(t)
	block := regexp.MustCompile(`(?s)plugin "([a-z]+)" \{\s*platform = "([a-z0-9/]+)"\s*sha256   = "([0-9a-f]{64})"\s*\}`)
	for _, platform := range platformNames {
		files, heads := unpack(t, one(t, dir, "spinbot_*_"+platform+".tar.gz"))
		for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE", "THIRD_PARTY_LICENSES", "man/spinbot.1.gz", "completions/spinbot.bash", "completions/_spinbot", "completions/spinbot.fish",
			"systemd/spinbot.service", "systemd/spinbot-agent.service", "scripts/setup", "pipelines/explainer.hcl", "pipelines/explainer/picture.jpg", "plugins/spinbot.trust.hcl", "spinbot"} {
			if len(files[name]) == 0 {
				t.Errorf("%s: %s is missing", platform, name)
			}
		}
		for name, h := range heads {
			runs := name == "spinbot" || name == "scripts/setup" || regexp.MustCompile(`^plugins/([a-z]+)/([a-z]+)$`).MatchString(name)
			if want := map[bool]int64{true: 0o755, false: 0o644}[runs]; h.Mode != want || h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || !h.ModTime.Equal(heads["spinbot"].ModTime) {
				t.Errorf("%s: %s has mode %o (want %o), owner %d %s, time %s", platform, name, h.Mode, want, h.Uid, h.Uname, h.ModTime)
			}
		}
		trust := files["plugins/spinbot.trust.hcl"]
		if !bytes.Contains(files["spinbot"], []byte(hexSum(trust))) {
			t.Errorf("%s: spinbot does not trust the plugins beside it", platform)
		}
		trusted := block.FindAllSubmatch(trust, -1)
		for _, m := range trusted {
			program := files[fmt.Sprintf("plugins/%s/%s", m[1], m[1])]
			if string(m[2]) != strings.Replace(platform, "_", "/", 1) || string(m[3]) != hexSum(program) {
				t.Errorf("%s: the trust file has %s for %s, whose checksum is %s", platform, m[3], m[1], hexSum(program))
			}
		}
		if folders, err := filepath.Glob("../../plugins/*/plugin.hcl"); err != nil || len(folders) != len(trusted) {
			t.Errorf("%s: %d plugins are trusted of %d (%v)", platform, len(trusted), len(folders), err)
		}
		if mib := len(files["spinbot"]) >> 20; mib >= 80 {
			t.Errorf("%s: spinbot takes %d MiB; 80 are the most (docs/deploy.md)", platform, mib)
		}
		info, err := buildinfo.Read(bytes.NewReader(files["spinbot"]))
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if got := settings["GOOS"] + "_" + settings["GOARCH"]; got != platform || settings["CGO_ENABLED"] != map[bool]string{true: "1", false: "0"}[strings.HasPrefix(platform, "linux")] {
			t.Errorf("%s: spinbot is of %s, with CGO_ENABLED=%s", platform, got, settings["CGO_ENABLED"])
		}
	}
}

// TestSnapshotArm64 runs the program for arm64, in QEMU and on the C library that its compiler came with.
func TestSnapshotArm64(t *testing.T) {
	t.Parallel()
	dir := dist(t)
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("qemu-aarch64-static is missing: apt-get install qemu-user-static")
		}
		t.Skip("SKIPPING: qemu-aarch64-static is missing: apt-get install qemu-user-static")
	}
	archive := one(t, dir, "spinbot_*_linux_arm64.tar.gz")
	files, _ := unpack(t, archive)
	spinbot := filepath.Join(t.TempDir(), "spinbot")
	if err := os.WriteFile(spinbot, files["spinbot"], 0o700); err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(archive), "spinbot_"), "_linux_arm64.tar.gz")
	if out, err := exec.CommandContext(t.Context(), qemu, "-L", "/usr/aarch64-linux-gnu", spinbot, "version").CombinedOutput(); err != nil || !strings.Contains(string(out), version) {
		t.Errorf("%v\n%s\nwant %s", err, out, version)
	}
}

// TestSnapshotSums looks whether all that is given away is listed, and has a list of its parts.
func TestSnapshotSums(t *testing.T) {
	t.Parallel()
	dir := dist(t)
	f, err := os.Open(filepath.Join(dir, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || hexSum(raw) != sum {
			t.Errorf("%s: %v, or another checksum", name, err)
		}
		if !strings.HasSuffix(name, ".cdx.json") {
			continue
		}
		var bom cdx.BOM
		if err := json.Unmarshal(raw, &bom); err != nil {
			t.Fatal(err)
		}
		programs, npm, nvml := 0, 0, false
		for _, c := range *bom.Components {
			programs += map[bool]int{true: 1}[strings.HasPrefix(c.BOMRef, "file:")]
			npm += map[bool]int{true: 1}[strings.HasPrefix(c.PackageURL, "pkg:npm/")]
			nvml = nvml || strings.HasPrefix(c.PackageURL, "pkg:golang/github.com/NVIDIA/go-nvml@")
		}
		if plugins, err := filepath.Glob("../../plugins/*/plugin.hcl"); err != nil || programs != len(plugins)+1 || npm < 50 || nvml == strings.Contains(name, "darwin") {
			t.Errorf("%s: %d programs, %d packages of npm, NVML %v (%v)", name, programs, npm, nvml, err)
		}
	}
	if n != 10 {
		t.Errorf("%d files are listed of 3 archives, 2 packages, and what each is made of", n)
	}
}

// small is a pipeline that needs a control node and a bundled plugin, and nothing of the machine.
const small = `
pipeline "small" {}

node "control.template" "text" {
  template = "Hello, {{name}}!"
  values   = { name = "release" }
}

node "artifact.store" "file" {
  text = node.text.text
  name = "hello.txt"
}

output "size" { value = node.file.size }
`

// works runs what was installed: its plugins, a run, the web interface.
func works(t *testing.T, spinbot string) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "small.hcl"), []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), spinbot, args...)
		c.Dir, c.Env = home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "SPINBOT_STATE_DIR=" + filepath.Join(home, "s")}
		return c
	}
	out, err := run("plugins").CombinedOutput()
	if plugins, _ := filepath.Glob("../../plugins/*/plugin.hcl"); err != nil || len(regexp.MustCompile(`(?m)^[a-z]+ +[0-9.]+ +plugin +ready`).FindAll(out, -1)) != len(plugins) {
		t.Fatalf("not all of the plugins are ready: %v\n%s", err, out)
	}
	if out, err := run("run", "small.hcl").CombinedOutput(); err != nil || !strings.Contains(string(out), "size = 15") {
		t.Errorf("%v\n%s", err, out)
	}
	host := run("serve", "--listen", "127.0.0.1:0")
	errs, err := host.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = host.Process.Signal(os.Interrupt)
		late := time.AfterFunc(time.Minute, func() { _ = host.Process.Kill() })
		defer late.Stop()
		_, _ = io.Copy(io.Discard, errs)
		_ = host.Wait()
	}()
	line, err := bufio.NewReader(errs).ReadString('\n')
	at := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || at == "" {
		t.Fatalf("%v %s", err, line)
	}
	page, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if raw, err := io.ReadAll(page.Body); err != nil || !strings.Contains(string(raw), "<script") {
		t.Errorf("the web interface is not in it: %v\n%s", err, raw)
	}
}

// TestSnapshotInstalls installs the archive of this machine as people do.
func TestSnapshotInstalls(t *testing.T) {
	t.Parallel()
	dir := dist(t)
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("SKIPPING: only on linux/amd64")
	}
	server := httptest.NewServer(http.StripPrefix("/latest/download/", http.FileServer(http.Dir(dir))))
	defer server.Close()
	prefix := t.TempDir()
	c := exec.CommandContext(t.Context(), "sh", "../../install.sh")
	c.Env = append(os.Environ(), "SPINBOT_RELEASES="+server.URL, "PREFIX="+prefix)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	works(t, filepath.Join(prefix, "bin", "spinbot"))
}

// TestSnapshotPackage unpacks the Debian package into a folder, and runs what is in it.
func TestSnapshotPackage(t *testing.T) {
	t.Parallel()
	dir := dist(t)
	if _, err := exec.LookPath("dpkg-deb"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("SKIPPING: dpkg-deb is missing, or this is not amd64")
	}
	root := t.TempDir()
	deb := one(t, dir, "spinbot_*_amd64.deb")
	for _, args := range [][]string{{"-x", deb, root}, {"-e", deb, filepath.Join(root, "DEBIAN")}} {
		if out, err := exec.CommandContext(t.Context(), "dpkg-deb", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	conffiles, err := os.ReadFile(filepath.Join(root, "DEBIAN", "conffiles"))
	if err != nil || strings.TrimSpace(string(conffiles)) != "/etc/spinbot/spinbot.hcl" {
		t.Errorf("conffiles: %q %v", conffiles, err)
	}
	works(t, filepath.Join(root, "usr", "bin", "spinbot"))
}
