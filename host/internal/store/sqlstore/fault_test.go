package sqlstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore/sumvfs"
)

// TestFaults makes one operation on the medium fail, the first, the second and so on: the store takes no more, says
// why, and what it had confirmed is there when it is opened again.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		kind  sumvfs.Kind
		ext   string // of the file
		fault sumvfs.Fault
		says  string
		stops bool // an append fails, always
	}{
		{"the log's sync fails", sumvfs.Sync, "-wal", sumvfs.BadSync, "disk I/O error", true},
		{"the log's disk is full", sumvfs.Write, "-wal", sumvfs.DiskFull, "the disk is full: free some space", true},
		{"the log cannot be written", sumvfs.Write, "-wal", sumvfs.BadWrite, "disk I/O error", true},
		{"the file's sync fails", sumvfs.Sync, "", sumvfs.BadSync, "", false},
		{"the file's disk is full", sumvfs.Write, "", sumvfs.DiskFull, "", false},
		{"the file cannot be read", sumvfs.Read, "", sumvfs.BadRead, "disk I/O error", false},
	} {
		for after := range int64(2) {
			t.Run(fmt.Sprintf("%s/%d", c.name, after), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(inMemory(t), "x.db")
				st, err := sqlstore.Open(t.Context(), path)
				check(t, err, appendTo(t, st, 0, 20))
				var count atomic.Int64
				end := sumvfs.Inject(path, func(op sumvfs.Op) sumvfs.Fault {
					if op.Kind == c.kind && op.Path == path+c.ext && count.Add(1) > after {
						return c.fault
					}
					return sumvfs.None
				})
				confirmed, err := uint64(20), error(nil)
				for err == nil && confirmed < 400 { // enough for the log to be copied into the file
					if err = st.Append(t.Context(), one(confirmed)); err == nil {
						confirmed++
					}
				}
				if (err != nil || c.stops) && (!errors.Is(err, store.ErrStopped) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path)) {
					t.Errorf("append: %v, want ErrStopped that names the file and says %q", err, c.says)
				}
				if err != nil {
					if again := st.Append(t.Context(), store.Append{Run: "other", Events: [][]byte{{1}}}); !errors.Is(again, store.ErrStopped) {
						t.Errorf("append after the fault: %v, want ErrStopped", again)
					}
				}
				closing := st.Close()
				if count.Load() <= after {
					t.Errorf("the medium was asked %d times: nothing failed", count.Load())
				}
				end()
				if closing != nil && !strings.Contains(closing.Error(), path) {
					t.Errorf("close: %v", closing)
				}
				recovered(t, path, confirmed)
			})
		}
	}
}

// one is the append that makes event after+1 of a run; its events are large, so that the log soon is.
func one(after uint64) store.Append {
	return store.Append{Run: "run", After: after, Events: [][]byte{bytes.Repeat(fmt.Appendf(nil, "%d ", after+1), 4000)}}
}

func appendTo(t *testing.T, st *sqlstore.Store, from, to uint64) error {
	for i := from; i < to; i++ {
		if err := st.Append(t.Context(), one(i)); err != nil {
			return err
		}
	}
	return nil
}

// recovered opens the store again: what was confirmed is there, at most the append that failed besides, and it goes on.
func recovered(t *testing.T, path string, confirmed uint64) {
	t.Helper()
	st, err := sqlstore.Open(t.Context(), path)
	check(t, err)
	defer func() { check(t, st.Close()) }()
	got, err := st.Read(t.Context(), "run", 0, 0)
	if err != nil || uint64(len(got)) < confirmed || uint64(len(got)) > confirmed+1 {
		t.Fatalf("%d events, %v, after %d were confirmed", len(got), err, confirmed)
	}
	for i, e := range got {
		if !bytes.Equal(e.Data, one(uint64(i)).Events[0]) {
			t.Fatalf("event %d is another", i+1)
		}
	}
	check(t, appendTo(t, st, uint64(len(got)), uint64(len(got))+3))
}

// TestDiskFull fills a small disk of its own with a journal; freeing some space and starting again goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("needs a disk of 3 MiB: mount: %v: %s", err, out)
		}
		t.Skipf("needs a disk of 3 MiB: mount: %v: %s(run the tests as root)", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	ballast, path := filepath.Join(disk, "ballast"), filepath.Join(disk, "x.db")
	check(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))
	st, err := sqlstore.Open(t.Context(), path)
	check(t, err)
	confirmed := uint64(0)
	for err == nil && confirmed < 10_000 {
		if err = st.Append(t.Context(), one(confirmed)); err == nil {
			confirmed++
		}
	}
	if !errors.Is(err, store.ErrStopped) || !strings.Contains(err.Error(), "the disk is full: free some space there and start again") || !strings.Contains(err.Error(), path) {
		t.Errorf("append %d: %v", confirmed, err)
	}
	if got, err := st.Read(t.Context(), "run", 0, 0); err != nil || uint64(len(got)) < confirmed {
		t.Errorf("reading on a full disk: %d events of %d, %v", len(got), confirmed, err)
	}
	_ = st.Close() // it may fail too
	if st, err := sqlstore.Open(t.Context(), path); err == nil {
		_ = st.Close()
	} else if !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("open on a full disk: %v", err)
	}
	check(t, os.Remove(ballast))
	recovered(t, path, confirmed)
}
