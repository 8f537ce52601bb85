package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/freeport"
)

// asHost makes the test binary a host that runs a server until it is killed.
const asHost = "SPINBOT_TEST_SUPERVISE"

func TestMain(m *testing.M) {
	dir, port, ok := strings.Cut(os.Getenv(asHost), "|")
	if !ok {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Config{Dir: dir, Listen: "127.0.0.1:" + port})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, if that ends before it kills
	os.Exit(1)
}

// needRedis skips aloud where there is none.
func needRedis(t *testing.T) {
	t.Helper()
	if _, err := find(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Any()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// run starts a server that ends with the test.
func run(t *testing.T, cfg Config) *Server {
	t.Helper()
	needRedis(t)
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:" + freePort(t)
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// connect opens the server as somebody.
func connect(t *testing.T, c dial.Config) redis.UniversalClient {
	t.Helper()
	client, _, err := dial.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// until waits for something that tells nobody.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

func TestServes(t *testing.T) {
	t.Parallel()
	s := run(t, Config{Namespace: "n"})
	host := connect(t, s.Dial())
	if f := s.Facts(); f.Persistence != dial.AppendOnly || f.Fsync != "everysec" || len(f.Warnings) > 0 {
		t.Errorf("%+v", f)
	}
	if err := host.Set(t.Context(), dial.Keys("n")+"beats", "v", 0).Err(); err != nil {
		t.Error(err)
	}
	if err := host.Set(t.Context(), "elsewhere", "v", 0).Err(); err == nil {
		t.Error("the host may write outside of its namespace")
	}
	agent := connect(t, s.Agent("here"))
	if v, err := agent.Get(t.Context(), dial.Keys("n")+"beats").Result(); v != "v" {
		t.Error(err)
	}
	for _, denied := range [][]any{{"CONFIG", "GET", "dir"}, {"ACL", "LIST"}, {"FLUSHALL"}, {"GET", joinKeys("n") + "open"}, {"KEYS", "*"}} {
		if err := agent.Do(t.Context(), denied...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("an agent's %v: %v", denied, err)
		}
	}
	_, _, err := dial.Open(t.Context(), dial.Config{URL: "redis://" + s.cfg.Listen, Namespace: "n"})
	if err == nil || !strings.Contains(err.Error(), "does it want TLS") {
		t.Errorf("without TLS: %v", err)
	}
	_, _, err = dial.Open(t.Context(), dial.Config{URL: "rediss://" + s.cfg.Listen + "?ca=" + s.path(caCert), Namespace: "n"})
	if err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a user: %v", err)
	}
	_, _, err = dial.Open(t.Context(), dial.Config{URL: "rediss://" + s.cfg.Listen, Pin: strings.Repeat("0", 64), Namespace: "n"})
	if err == nil || !strings.Contains(err.Error(), "not made by the pinned authority") {
		t.Errorf("another pin: %v", err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	t.Parallel()
	s := run(t, Config{Dir: filepath.Join(t.TempDir(), "a folder", "redis")})
	seen := 0
	err := filepath.WalkDir(s.cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if inData := strings.HasPrefix(path, s.path("data")+"/"); !inData && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		seen++
		return nil
	})
	if err != nil || seen < 10 {
		t.Errorf("%d files, %v", seen, err)
	}
	password, err := os.ReadFile(s.path(hostPassword))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{configFile, userFile} {
		if raw, err := os.ReadFile(s.path(file)); err != nil || strings.Contains(string(raw), strings.TrimSpace(string(password))) {
			t.Errorf("%s holds the password, or: %v", file, err)
		}
	}
}

func TestDataOutlivesTheHost(t *testing.T) {
	t.Parallel()
	dir, key := t.TempDir(), dial.Keys(dial.DefaultNamespace)+"k"
	s := run(t, Config{Dir: dir})
	pin := s.pin
	if err := connect(t, s.Dial()).Set(t.Context(), key, "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := syscall.Kill(s.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the server is there after Close: %v", err)
	}
	s = run(t, Config{Dir: dir, Advertise: "box.example:1234"})
	if v, err := connect(t, s.Dial()).Get(t.Context(), key).Result(); v != "v" || s.pin != pin {
		t.Errorf("got %q, %v, another pin: %v", v, err, s.pin != pin)
	}
	own, err := load(s.path(serverCert), s.path(serverKey))
	if err != nil || own.Leaf.VerifyHostname("box.example") != nil {
		t.Errorf("the new name is not in the certificate: %v", err)
	}
}

func TestStartsAgain(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	host := connect(t, s.Dial())
	key := dial.Keys(dial.DefaultNamespace) + "k"
	if err := host.Set(t.Context(), key, "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	before := s.PID()
	until(t, "the write is on disk", func() bool {
		return host.Info(t.Context(), "persistence").Val() != "" && strings.Contains(readAll(t, s.path("data")), "k\r\n$1\r\nv")
	})
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "it answers again", func() bool { return s.PID() != before && host.Ping(t.Context()).Err() == nil })
	if v, err := host.Get(t.Context(), key).Result(); v != "v" {
		t.Errorf("got %q, %v", v, err)
	}
}

// readAll gives the text of all files in a folder.
func readAll(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			raw, _ := os.ReadFile(path) // it may be a temporary one
			out.Write(raw)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestDiesWithTheHost kills a host; its server ends, and the next host waits for that.
func TestDiesWithTheHost(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir, port := t.TempDir(), freePort(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asHost+"="+dir+"|"+port)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, convErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || convErr != nil {
		t.Fatalf("the other host said %q, %v", line, err)
	}
	if _, err := Start(t.Context(), Config{Dir: dir, Listen: "127.0.0.1:" + freePort(t)}); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second host on the folder: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	run(t, Config{Dir: dir, Listen: "127.0.0.1:" + port})
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(stat), ") Z ") { // init may be slow to reap
		t.Errorf("the killed host's server is there: %s", stat)
	}
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	needRedis(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	dir := t.TempDir()
	noTLS := filepath.Join(dir, "redis-without-tls")
	script := "#!/bin/sh\necho '*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***' >&2\necho '>>> tls-port 6390' >&2\necho 'Bad directive or wrong number of arguments' >&2\nexit 1\n"
	if err := os.WriteFile(noTLS, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho one\necho two\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want []string
	}{
		"port taken":    {Config{Listen: busy.Addr().String()}, []string{"the port is taken", "--fleet-listen", busy.Addr().String()}},
		"no TLS":        {Config{Program: noTLS}, []string{"built without TLS", "127.0.0.1"}},
		"plain outside": {Config{Listen: ":1", Plain: true}, []string{"on this machine only", "127.0.0.1:1"}},
		"no port":       {Config{Listen: "localhost"}, []string{"host:port"}},
		"no program":    {Config{Program: filepath.Join(dir, "none")}, []string{"none"}},
		"broken":        {Config{Program: broken}, []string{"ended as soon as it was started", "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.cfg.Dir = t.TempDir()
			if c.cfg.Listen == "" {
				c.cfg.Listen = "127.0.0.1:" + freePort(t)
			}
			s, err := Start(t.Context(), c.cfg)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

func TestNothingInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := find(""); err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Error(err)
	}
}

func TestPlainOnLoopback(t *testing.T) {
	t.Parallel()
	s := run(t, Config{Plain: true})
	c := s.Agent("a")
	c.URL = "redis://" + s.cfg.Listen
	connect(t, c)
}

func TestLongFolder(t *testing.T) {
	t.Parallel()
	s := run(t, Config{Dir: filepath.Join(t.TempDir(), strings.Repeat("long", 30))})
	connect(t, s.Dial())
	s.Close()
	if _, err := os.Stat(s.socketDir); !errors.Is(err, fs.ErrNotExist) || s.socketDir == "" {
		t.Errorf("%s: %v", s.socketDir, err)
	}
}
