package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/retention"
	"github.com/myspinbot/spinbot/sdk"
)

// slow is the median time of a small durable write from which on a person should know: every step of a run waits for one.
const slow = 20 * time.Millisecond

// state looks at the state directory: whether it is there and writable, on a disk of this machine, and how fast that is.
func state(_ context.Context, c Config) []Finding {
	dir := c.Host.State.Dir
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		up, err := nearest(dir)
		if err != nil {
			return wrong(err, "choose another folder with --state-dir")
		}
		if _, err := timed(up); err != nil {
			return wrong(fmt.Errorf("%s cannot be made: %w", dir, err), "choose another folder with --state-dir, or make it: mkdir -p "+dir)
		}
		return fine("%s will be made", dir)
	}
	if err != nil {
		return wrong(err, "choose another folder with --state-dir")
	}
	if !info.IsDir() {
		return wrong(fmt.Errorf("%s is no folder", dir), "move it away, or choose another folder with --state-dir")
	}
	median, err := timed(dir)
	if err != nil {
		return wrong(fmt.Errorf("nothing can be written in %s: %w", dir, err), "let it belong to you: chown, chmod 700; or choose another folder with --state-dir")
	}
	found := fine("%s is writable; a durable write takes %s", dir, median.Round(10*time.Microsecond))
	if median > slow {
		found[0].State, found[0].Mend = Odd, "every step of a run waits for such a write: keep the state directory on a local SSD (--state-dir)"
	}
	if kind := remote(dir); kind != "" {
		found = append(found, Finding{State: Odd, Said: fmt.Sprintf("%s is on %s", dir, kind), Mend: "keep it on a disk of this machine (--state-dir)"})
	}
	return found
}

// nearest is the nearest folder above a path that exists.
func nearest(path string) (string, error) {
	for up := filepath.Dir(path); ; up = filepath.Dir(up) {
		if info, err := os.Stat(up); err == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is no folder", up)
		} else if err == nil || up == filepath.Dir(up) {
			return up, err
		}
	}
}

// timed writes a small file durably a few times, and gives the median time of that.
func timed(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	took := make([]time.Duration, 5)
	page := make([]byte, 4096)
	for k := range took {
		begun := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took[k] = time.Since(begun)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// disk looks at how much is free where state and artifacts are.
func disk(_ context.Context, c Config) (found []Finding) {
	seen := map[artifacts.Space]bool{}
	for _, dir := range []string{c.Host.State.Dir, c.Host.ArtifactsDir} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			if dir, err = nearest(dir); err != nil {
				continue // said of the state directory, or of artifacts
			}
		}
		space, err := artifacts.SpaceOf(dir)
		if err != nil {
			found = append(found, Finding{State: Odd, Said: fmt.Sprintf("%s: how much is free cannot be told: %v", dir, err)})
			continue
		}
		if seen[space] {
			continue // the same disk
		}
		seen[space] = true
		if why := retention.NewRoom(c.Host.MinFree, dir).Reason(); why != "" {
			found = append(found, Finding{State: Wrong, Said: why, Mend: "free some space, or run spinbot gc; --min-free says how much has to be free"})
			continue
		}
		found = append(found, fine("%s of %s free at %s", sdk.FormatSize(int64(space.Free)), sdk.FormatSize(int64(space.Total)), dir)...)
	}
	return found
}

// files looks at who may read what is private.
func files(_ context.Context, c Config) (found []Finding) {
	s := c.Host.State
	private := append([]string{s.Dir, s.HostKey(), s.Secrets(), s.Accounts(), s.Fleet()}, c.Private...)
	for _, path := range c.Host.SecretFiles {
		private = append(private, path)
	}
	slices.Sort(private)
	looked := 0
	for _, path := range slices.Compact(private) {
		info, err := os.Stat(path)
		if path == "" || err != nil && (path == s.Dir || filepath.Dir(path) == s.Dir) {
			continue // nothing is kept there yet, or that is said of the state directory
		}
		looked++
		mode, want := fs.FileMode(0), "600"
		if err == nil {
			if mode = info.Mode().Perm(); info.IsDir() {
				want = "700"
			}
		}
		switch {
		case err != nil:
			found = append(found, wrong(err, "correct the setting that names it (spinbot config shows which)")...)
		case mode&0o077 != 0:
			found = append(found, Finding{State: Odd, Said: fmt.Sprintf("others on this machine may use %s (its mode is %04o)", path, mode), Mend: fmt.Sprintf("chmod %s %s", want, path)})
		}
	}
	if found == nil {
		return fine("what is private is for its owner alone (%d looked at)", looked)
	}
	return found
}
