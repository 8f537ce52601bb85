package dir_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/artifactstest"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/sdk"
)

func TestStore(t *testing.T) {
	t.Parallel()
	artifactstest.Suite{Open: open, Age: func(folder, digest string, ago time.Duration) error {
		then := time.Now().Add(-ago)
		return os.Chtimes(filepath.Join(folder, "sha256", digest[7:9], digest[9:]), then, then)
	}}.Run(t)
}

func open(folder string) (artifactstest.Store, error) {
	st, err := dir.Open(folder)
	if err != nil {
		return nil, err
	}
	return st, nil
}

func put(t *testing.T, folder, data string) (*dir.Store, sdk.Artifact) {
	t.Helper()
	st, err := dir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := st.Put(t.Context(), strings.NewReader(data), sdk.Artifact{Name: "../x"})
	if err != nil {
		t.Fatal(err)
	}
	return st, a
}

func files(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(folder, path)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLayout(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, a := put(t, folder, "hello")
	put(t, folder, "hello")
	want := "sha256/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if got := strings.Join(files(t, folder), " "); got != want {
		t.Fatalf("files %s, want one: %s", got, want)
	}
	info, err := os.Stat(filepath.Join(folder, want))
	if err != nil || info.Mode().Perm() != 0o444 || a.Size != 5 {
		t.Errorf("%v, %v, %+v", info.Mode(), err, a)
	}
}

// TestSweep: what a dead process left is removed at the next start, what a living one writes is not.
func TestSweep(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put(t, folder, "kept")
	dead, alive := filepath.Join(folder, "tmp", "put-dead"), filepath.Join(folder, "tmp", "put-alive")
	for _, f := range []string{dead, alive} {
		if err := os.WriteFile(f, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(alive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	put(t, folder, "more")
	got := strings.Join(files(t, folder), " ")
	if strings.Contains(got, "put-dead") || !strings.Contains(got, "put-alive") || strings.Count(got, "sha256/") != 2 {
		t.Errorf("after the sweep: %s", got)
	}
}

// TestRemovalCutShort: what was about to be removed when the process died is there again.
func TestRemovalCutShort(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	st, a := put(t, folder, "hello")
	path := filepath.Join(folder, "sha256", a.Digest[7:9], a.Digest[9:])
	outside := filepath.Join(folder, "going", a.Digest[7:])
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	if r, err := st.Open(t.Context(), a.Digest); err != nil {
		t.Errorf("while it is being removed: %v", err)
	} else {
		r.Close()
	}
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	put(t, folder, "other")
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	st, a := put(t, folder, "whole")
	if err := st.Verify(t.Context(), a.Digest); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "sha256", a.Digest[7:9], a.Digest[9:])
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := st.Verify(t.Context(), a.Digest); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("verify of a damaged file: %v", err)
	}
	if err := os.WriteFile(path, []byte("short"[:2]), 0o600); err != nil { // cut off: putting it in again mends it
		t.Fatal(err)
	}
	put(t, folder, "whole")
	if err := st.Verify(t.Context(), a.Digest); err != nil {
		t.Error(err)
	}
}

// TestDiskFull fills a small disk of its own.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	st, err := dir.Open(filepath.Join(disk, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Put(t.Context(), bytes.NewReader(make([]byte, 4<<20)), sdk.Artifact{Name: "film.mp4"})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), disk) || !strings.Contains(err.Error(), "film.mp4") || !strings.Contains(err.Error(), " free") {
		t.Errorf("put: %v, want an error that names the file, the folder and what is free", err)
	}
	if got := files(t, disk); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	other, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, err := other.Put(t.Context(), bytes.NewReader(make([]byte, 4<<20)), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Fetch(t.Context(), a.Digest, filepath.Join(disk, "copy")); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), disk) {
		t.Errorf("fetch: %v", err)
	}
	if got := files(t, disk); len(got) != 0 {
		t.Errorf("left behind by fetch: %v", got)
	}
}

// smallDisk mounts 1 MiB of memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder).CombinedOutput(); err != nil {
		t.Skipf("needs a disk of 1 MiB: mount: %v: %s(run the tests as root)", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return folder
}
