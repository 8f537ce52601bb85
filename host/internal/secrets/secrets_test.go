package secrets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

func vault(t *testing.T, change ...func(*Config)) *Vault {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{KeyFile: filepath.Join(dir, "host.key"), Dir: filepath.Join(dir, "secrets"), Environ: []string{"PATH=" + os.Getenv("PATH")}}
	for _, c := range change {
		c(&cfg)
	}
	return New(cfg)
}

func put(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSources: the environment goes before commands, those before files, those before what is stored.
func TestSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := put(t, filepath.Join(dir, "f"), "from a file\r\n", 0o400)
	calls := filepath.Join(dir, "calls")
	now := time.Unix(0, 0)
	v := vault(t, func(c *Config) {
		c.Environ = append(c.Environ, "SPINBOT_SECRET_IN_ENV=from the environment", "SPINBOT_SECRET_EMPTY=", "SPINBOT_SECRET_TINY=x")
		c.Files = map[string]string{"in-env": file, "in_cmd": file, "in_file": file}
		c.Commands = map[string][]string{
			"in-env": {"false"}, "in_cmd": {"sh", "-c", "echo x >> " + calls + "; echo from a command; echo; echo ${SPINBOT_SECRET_IN_ENV-unset}"},
		}
		c.Now = func() time.Time { return now }
	})
	for _, name := range []string{"stored", "in_file", "empty"} {
		if err := Store(v.cfg.Dir, name, "from the store\n"); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"in-env", "in_cmd", "in_file", "stored", "empty"}
	if _, err := v.Secret("in_cmd"); err == nil || !strings.Contains(err.Error(), "has not been asked for yet") {
		t.Error(err)
	}
	for range 3 {
		if err := v.Resolve(t.Context(), names); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"in-env": "from the environment", "in_cmd": "from a command\n\nunset", "in_file": "from a file", "stored": "from the store", "empty": "from the store",
	} {
		if got, err := v.Secret(name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got := v.Mask().String("it is " + want); got != "it is •••" {
			t.Error(got)
		}
	}
	now = now.Add(fresh)
	if err := v.Resolve(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(calls); string(raw) != "x\nx\n" {
		t.Errorf("the command was run %d times, not once each minute", len(raw)/2)
	}
	if err := Store(v.cfg.Dir, "stored", "renewed"); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Secret("stored"); err != nil || got != "renewed" {
		t.Errorf("%q, %v", got, err)
	}
	var list []string
	for _, k := range v.List() {
		list = append(list, k.Name+" "+string(k.From)+map[bool]string{true: " bad", false: ""}[k.Problem != ""])
	}
	want := []string{"empty store", "in-env command", "in-env file", "in_cmd command", "in_cmd file", "in_env environment", "in_file file", "in_file store", "stored store", "tiny environment bad"}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("%q", list)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := vault(t, func(c *Config) {
		c.Files = map[string]string{"gone": filepath.Join(dir, "no"), "folder": dir, "open": put(t, filepath.Join(dir, "open"), "all can read", 0o640),
			"short": put(t, filepath.Join(dir, "short"), "12345\n", 0o600), "long": put(t, filepath.Join(dir, "long"), strings.Repeat("x", MaxLength+1), 0o600),
			"binary": put(t, filepath.Join(dir, "binary"), "\xff\xfe\xfd\xfc\xfb\xfa", 0o600)}
		c.Commands = map[string][]string{
			"fails": {"sh", "-c", "echo hush-hush; echo 'no access with hush-hush or known-one' >&2; exit 3"}, "hangs": {"sleep", "60"},
			"none": {"spinbot-test-no-such-program"}, "silent": {"true"}, "floods": {"sh", "-c", "head -c 70000 /dev/zero | tr '\\0' x"},
		}
	})
	v.Mask().Keep("known-one")
	for name, want := range map[string]string{
		"hook-1": `secret "hook-1" is not there: store it with "spinbot secrets set hook-1", or set SPINBOT_SECRET_HOOK_1 in the host's environment, or name the command that prints it with --secrets-command hook-1='…'`,
		"gone":   "no such file", "folder": "is not a file", "open": "chmod 600", "short": "is only 5 bytes long", "long": "is longer than 64 KiB", "binary": "is not text",
		"fails": "sh failed: exit status 3: no access with ••• or •••", "none": "executable file not found",
		"silent": "is only 0 bytes long", "floods": "is longer than", "../x": "is no name",
	} {
		err := v.Resolve(t.Context(), []string{name})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	err := v.Resolve(t.Context(), []string{"hook", "short", "none"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all are told at once: %v", err)
	}
	slow := vault(t, func(c *Config) {
		c.Timeout = 50 * time.Millisecond
		c.Commands = map[string][]string{"hangs": {"sh", "-c", "sleep 60 & wait"}}
	})
	if err := slow.Resolve(t.Context(), []string{"hangs"}); err == nil || !strings.Contains(err.Error(), "sh was not done after 50ms") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Resolve(ctx, []string{"hangs"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s")
	if err := Store(dir, "hook", "first value"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "hook"))
	if folder, ferr := os.Stat(dir); err != nil || ferr != nil || info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), folder.Mode())
	}
	for name, value := range map[string]string{"hook": "short", "../x": "long enough", "": "long enough", ".x": "long enough"} {
		if err := Store(dir, name, value); err == nil {
			t.Errorf("%q was stored", name)
		}
	}
	if err := errors.Join(Store(dir, "hook", "second\n\n"), Remove(dir, "gone")); err == nil || !strings.Contains(err.Error(), "is not stored here") {
		t.Error(err)
	}
	if got, err := readFile("hook", filepath.Join(dir, "hook")); err != nil || got != "second" {
		t.Errorf("%q %v", got, err)
	}
	if err := Remove(dir, "../x"); err == nil {
		t.Error("removed outside")
	}
	if err := Remove(dir, "hook"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	v := vault(t)
	file := sdk.Artifact{Digest: "sha256:aa", MediaType: "a/b", Size: 3, Name: "hush"}
	long := map[string]any{"text": strings.Repeat("hush ", 100), "list": []any{nil, true, file, map[string]any{"again": file}}}
	seen := map[string]bool{}
	for _, mask := range []bool{true, false} {
		for _, x := range []any{"hush-hush", "", "a", true, nil, []any{}, file, long} {
			s, err := v.Seal(x, mask)
			if err != nil {
				t.Fatal(err)
			}
			same, err := v.Seal(x, mask)
			if err != nil || !reflect.DeepEqual(same, s) || seen[s.Token] {
				t.Errorf("%v: equal values are not sealed equally, or others are", x)
			}
			seen[s.Token] = true
			y, masked, err := v.Open(s)
			if err != nil || masked != mask || !reflect.DeepEqual(x, y) {
				t.Errorf("%v became %v, %v, %v", x, y, masked, err)
			}
			if strings.Contains(s.Token, "hush") {
				t.Error(s.Token)
			}
		}
	}
	a, _ := v.Seal("a", true)
	if b, _ := v.Seal("a longer text", true); len(a.Token) != len(b.Token) {
		t.Error("the length of short values shows")
	}
	if s, _ := v.Seal(long, false); !reflect.DeepEqual(s.Artifacts, []string{"sha256:aa"}) {
		t.Error(s.Artifacts)
	}
	if got := v.Mask().String("hush-hush"); got != Masked {
		t.Error(got)
	}
	info, err := os.Stat(v.cfg.KeyFile)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keyLen {
		t.Error(info, err)
	}
	if _, err := v.Seal(struct{}{}, false); err == nil {
		t.Error("sealed what is no value")
	}
}

// TestKeys: what cannot be opened says why, and nothing else fails.
func TestKeys(t *testing.T) {
	t.Parallel()
	v := vault(t)
	s, err := v.Seal("hush-hush", true)
	if err != nil {
		t.Fatal(err)
	}
	again := New(v.cfg)
	if x, _, err := again.Open(s); err != nil || x != "hush-hush" || again.Mask().String("hush-hush") != Masked {
		t.Error(x, err)
	}
	other := vault(t)
	if _, _, err := other.Open(s); err == nil || !strings.Contains(err.Error(), "this host's key is gone: put "+other.cfg.KeyFile+" back") {
		t.Error(err)
	}
	if _, err := os.Stat(other.cfg.KeyFile); !errors.Is(err, os.ErrNotExist) {
		t.Error("opening made a key")
	}
	if _, err := other.Seal("x", false); err != nil {
		t.Error(err)
	}
	if _, _, err := other.Open(s); err == nil || !strings.Contains(err.Error(), "was sealed with another key") {
		t.Error(err)
	}
	for i := range len(s.Token) {
		b := []byte(s.Token)
		b[i] ^= 1
		if x, _, err := v.Open(sdk.Sealed{Token: string(b)}); err == nil {
			t.Errorf("opened with byte %d changed: %v", i, x)
		}
	}
	for _, token := range []string{"", "AQ", "!!!", s.Token[:len(s.Token)/2], "Ag" + s.Token[2:]} {
		if x, _, err := v.Open(sdk.Sealed{Token: token}); err == nil {
			t.Errorf("%q gave %v", token, x)
		}
	}
	if err := os.Chmod(v.cfg.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(v.cfg).Seal("x", false); err == nil || !strings.Contains(err.Error(), "chmod 600 "+v.cfg.KeyFile) {
		t.Error(err)
	}
	put(t, v.cfg.KeyFile, "short", 0o600)
	if _, _, err := New(v.cfg).Open(s); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
}

// TestLooking: whoever only looks gets what is there, makes nothing, runs nothing, and is told what cannot be had.
func TestLooking(t *testing.T) {
	t.Parallel()
	host := vault(t)
	s, err := host.Seal("hush-hush", true)
	if err != nil {
		t.Fatal(err)
	}
	looking := func(c *Config) {
		c.Looking, c.Commands = true, map[string][]string{"printed": {"touch", c.KeyFile}}
		c.Environ = []string{"SPINBOT_SECRET_HOOK=from the environment"}
	}
	here := host.cfg
	looking(&here)
	v := New(here)
	if x, mask, err := v.Open(s); err != nil || x != "hush-hush" || !mask {
		t.Error(x, mask, err)
	}
	if same, err := v.Seal("hush-hush", true); err != nil || !reflect.DeepEqual(same, s) {
		t.Error("it is sealed otherwise than by the host", err)
	}
	if x, err := v.Secret("hook"); err != nil || x != "from the environment" {
		t.Error(x, err)
	}

	v = vault(t, looking)
	sealed, err := v.Seal("x", true)
	if err != nil || sealed.Token == "" {
		t.Error(sealed, err)
	}
	wants := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	_, _, err = v.Open(s)
	wants(err, "is sealed, and there is no key to open it with ("+v.cfg.KeyFile+"): look at the run on the machine that ran it")
	_, err = v.Secret("printed")
	wants(err, "which is not run to look at a run")
	_, err = v.Secret("stored")
	wants(err, "is not on this machine")
	if _, err := os.Stat(v.cfg.KeyFile); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking made a key")
	}
	put(t, v.cfg.KeyFile, strings.Repeat("k", keyLen), 0o600)
	_, _, err = New(v.cfg).Open(s)
	wants(err, "was sealed with the key of another host: look at")
}

// TestVaultHammer is for the race detector.
func TestVaultHammer(t *testing.T) {
	t.Parallel()
	v := vault(t, func(c *Config) { c.Commands = map[string][]string{"cmd": {"echo", "from a command"}} })
	if err := Store(v.cfg.Dir, "stored", "from the store"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				s, err := v.Seal("value", true)
				if err != nil {
					t.Error(err)
				}
				if _, _, err := v.Open(s); err != nil {
					t.Error(err)
				}
				if err := v.Resolve(context.Background(), []string{"stored", "cmd"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
