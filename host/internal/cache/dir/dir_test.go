package dir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/cache"
	"github.com/myspinbot/spinbot/host/internal/cache/cachetest"
	"github.com/myspinbot/spinbot/sdk"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	cachetest.Suite{Open: func(t *testing.T, now func() time.Time) cache.Store {
		t.Helper()
		outer := t.TempDir()
		s, err := Open(filepath.Join(outer, "results"), now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // nothing beside it, and nothing half done
			if l, err := os.ReadDir(outer); err != nil || len(l) != 1 {
				t.Errorf("in the folder above: %v, %v", l, err)
			}
			if l := left(t, s.root); len(l) != 0 {
				t.Errorf("left behind: %v", l)
			}
		})
		return s
	}}.Run(t)
}

// left lists the files of a folder that are no results.
func left(t *testing.T, root string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, suffix) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// said is a log.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func open(t *testing.T, root string) (*Store, *said) {
	t.Helper()
	log := &said{}
	s, err := Open(root, time.Now, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

func put(t *testing.T, s *Store, key string) (path string, raw []byte) {
	t.Helper()
	if err := s.Put(t.Context(), cachetest.Entry(key)); err != nil {
		t.Fatal(err)
	}
	path, _ = s.path(key)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, raw
}

// TestDamage: whatever became of a file, its result is none, and not listed; the log says which file it was, it is
// gone, and a new result takes its place.
func TestDamage(t *testing.T) {
	t.Parallel()
	s, log := open(t, t.TempDir())
	key := cachetest.Key(1)
	path, whole := put(t, s, key)
	_, other := put(t, s, cachetest.Key(2))
	damaged := map[string][]byte{
		"emptied": {}, "another key's": other, "JSON alone": whole[65:], "no JSON": []byte(sum([]byte("x")) + "\nx"),
		"longer": append(bytes.Clone(whole), ' '), "twice": append(bytes.Clone(whole), whole...), "zeros": make([]byte, len(whole)),
	}
	for n := range len(whole) {
		damaged[fmt.Sprint("cut at ", n)] = whole[:n]
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		damaged[fmt.Sprint("bit flipped at ", n)] = flipped
	}
	for name, raw := range damaged {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := s.List(t.Context()); err != nil || len(l) != 1 || l[0].Key != cachetest.Key(2) {
			t.Fatalf("%s: listed %+v, %v", name, l, err)
		}
		log.b.Reset()
		cachetest.WantNone(t, s, key)
		if text := log.b.String(); !strings.Contains(text, path) || !strings.Contains(text, "damaged") {
			t.Errorf("%s: the log says %q", name, text)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file is still there: %v", name, err)
		}
		if t.Failed() {
			return
		}
	}
	log.b.Reset()
	put(t, s, key)
	cachetest.Want(t, s, cachetest.Entry(key))
	if log.b.Len() != 0 {
		t.Errorf("the log says %q", log.b.String())
	}
}

// TestUnreadable: a file that cannot be read is an error, and stays: it may be whole.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	s, _ := open(t, t.TempDir())
	path, _ := s.path(cachetest.Key(1))
	if err := os.MkdirAll(path, 0o700); err != nil { // a folder: root can read any file
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), cachetest.Key(1)); err == nil || errors.Is(err, cache.ErrNotFound) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if err := s.Put(t.Context(), cachetest.Entry(cachetest.Key(1))); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("put: %v", err)
	}
	if l := left(t, s.root); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, time.Now, nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("open of a file: %v", err)
	}
}

// TestDisk: on a disk that is full nothing new is kept and nothing lost; on one that is read-only results are given.
func TestDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	mount := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("mount", append(args, disk)...).CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("needs a disk of 64 KiB: mount: %v: %s", err, out)
			}
			t.Skipf("needs a disk of 64 KiB: mount: %v: %s(run the tests as root)", err, out)
		}
	}
	mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	s, log := open(t, filepath.Join(disk, "results"))
	put(t, s, cachetest.Key(1))
	large := cachetest.Entry(cachetest.Key(1))
	large.Outputs = sdk.Values{"v": strings.Repeat("a", 100_000)}
	if err := s.Put(t.Context(), large); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), disk) {
		t.Errorf("put on a full disk: %v", err)
	}
	if l := left(t, s.root); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
	cachetest.Want(t, s, cachetest.Entry(cachetest.Key(1)))
	path, raw := put(t, s, cachetest.Key(2))
	if err := os.WriteFile(path, raw[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	mount("-o", "remount,ro")
	cachetest.Want(t, s, cachetest.Entry(cachetest.Key(1)))
	cachetest.WantNone(t, s, cachetest.Key(2))
	if err := s.Put(t.Context(), cachetest.Entry(cachetest.Key(3))); !errors.Is(err, syscall.EROFS) {
		t.Errorf("put on a read-only disk: %v", err)
	}
	if err := s.Remove(t.Context(), cachetest.Key(1)); !errors.Is(err, syscall.EROFS) {
		t.Errorf("remove on a read-only disk: %v", err)
	}
	if l, err := s.List(t.Context()); err != nil || len(l) != 1 || !strings.Contains(log.b.String(), path) {
		t.Errorf("listed %+v, %v; the log says %q", l, err, log.b.String())
	}
}
