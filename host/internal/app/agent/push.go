package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec"
	"github.com/myspinbot/spinbot/sdk"
)

const (
	manySent = 64 // plugins that wait to be installed
	// installing is how long one may take, most of it on its way.
	installing = 30 * time.Minute
)

// The folders beside the plugins that nobody looks into: a plugin on its way in, and the one whose place it took. The
// latter stays until the agent starts again or gets the plugin once more: tasks may run in it.
const (
	coming = ".new-"
	gone   = ".old-"
)

// ownFirst lets what hosts have sent hide what was installed otherwise.
func ownFirst(own string, dirs []string) []string {
	return append([]string{own}, slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return d == own })...)
}

// restore mends the folder of plugins after a process that died while it installed one.
func restore(dir string) {
	entries, _ := os.ReadDir(dir) // At has made it
	// Without one on its way in, whoever removed a plugin wanted that.
	died := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), coming) })
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch name, old := strings.CutPrefix(e.Name(), gone); {
		case old && died && os.Rename(path, filepath.Join(dir, name)) == nil: // the new one did not come
		case old || strings.HasPrefix(e.Name(), coming):
			_ = os.RemoveAll(path)
		}
	}
}

// enqueue has a plugin installed soon.
func (a *Agent) enqueue(p protocol.Plugin) {
	select {
	case a.sent <- p:
	default:
		a.refuse(p, errors.New("too many wait to be installed; send it again"))
	}
}

// installSent installs what hosts send, one after another, until ctx ends.
func (a *Agent) installSent(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-a.sent:
			if err := a.install(ctx, p); err != nil && ctx.Err() == nil {
				a.refuse(p, err)
			}
		}
	}
}

func (a *Agent) refuse(p protocol.Plugin, why error) {
	a.cfg.Log.Warn("a plugin that a host sent is refused", "plugin", p.Name, "version", p.Version, "host", p.Host, "error", why)
	a.mu.Lock()
	// The time tells this refusal from an earlier one with the same reason.
	a.refused[p.Name] = fmt.Sprintf("plugin %s %s was sent and refused: %v (%s)", p.Name, p.Version, why, time.Now().Format("15:04:05.000"))
	a.mu.Unlock()
	a.link.Changed(true)
}

func (a *Agent) refusals() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(a.refused)) {
		out = append(out, a.refused[name])
	}
	return out
}

// install fetches a plugin, verifies it, and offers it in place of an older one.
func (a *Agent) install(ctx context.Context, p protocol.Plugin) error {
	ctx, cancel := context.WithTimeout(ctx, installing)
	defer cancel()
	dir := a.cfg.State.Plugins()
	folder, err := os.MkdirTemp(dir, coming+"*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := a.unpack(ctx, p, folder); err != nil {
		return err
	}
	if err := a.try(ctx, p, folder); err != nil {
		return err
	}
	place, err := a.place(ctx, p.Name)
	if err != nil {
		return err
	}
	if err := swap(folder, place); err != nil {
		return err
	}
	e, err := a.catalog.Accept(ctx, p.Name)
	if err == nil && (e.State != catalog.Ready || e.SHA256 != p.Checksum) {
		err = fmt.Errorf("it was installed, but %s is used: %s", e.Path, e.Reason)
	}
	if err != nil {
		return err
	}
	a.machine.Plugins.Renew(p.Name)
	a.cfg.Log.Info("a host sent a plugin", "plugin", p.Name, "version", e.Version, "host", p.Host)
	return a.offer(ctx, p.Name)
}

// offer tells hosts what there is now.
func (a *Agent) offer(ctx context.Context, name string) error {
	v, err := a.catalog.View(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.last = v
	delete(a.refused, name)
	a.mu.Unlock()
	a.link.Changed(true)
	return nil
}

func (a *Agent) unpack(ctx context.Context, p protocol.Plugin, folder string) error {
	h, err := a.forHost(p.Host)
	if err != nil {
		return err
	}
	r, err := h.files.Open(ctx, p.Digest)
	if err != nil {
		return fmt.Errorf("it cannot be fetched: %w", err)
	}
	defer r.Close()
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = room(folder, size)
	}
	if err != nil {
		return err
	}
	err = catalog.Unpack(r, folder)
	if artifacts.IsFull(err) {
		err = artifacts.DiskError("unpack it", folder, err)
	}
	return err
}

// room makes sure that the disk holds what is about to be unpacked, beside the packed folder that it holds by now.
func room(folder string, size int64) error {
	free, err := artifacts.Free(folder)
	if err == nil && free < uint64(size) {
		err = fmt.Errorf("unpacked it takes %s, and %s", sdk.FormatSize(size), artifacts.FullHint(folder))
	}
	return err
}

// verify refuses what is not the plugin that the host has and trusts, or cannot run here.
func verify(folder string, p protocol.Plugin) (catalog.Entry, error) {
	e, err := catalog.At(folder)
	_, lacks := os.Stat(filepath.Join(folder, "plugin.hcl"))
	switch {
	case errors.Is(errors.Join(err, lacks), fs.ErrNotExist):
		return e, errors.New("plugin.hcl, or the program that it names, is not in what came")
	case err != nil:
		return e, err
	case e.Name != p.Name:
		return e, fmt.Errorf("what came is called %s", e.Name)
	case e.SHA256 != p.Checksum:
		return e, fmt.Errorf("its program has the checksum %.12s…, and the host trusts %.12s…", e.SHA256, p.Checksum)
	}
	return e, catalog.CheckPlatform(e.Path, platform)
}

// try asks a plugin what it is before it takes the place of one that works.
func (a *Agent) try(ctx context.Context, p protocol.Plugin, folder string) error {
	e, err := verify(folder, p)
	if err != nil {
		return err
	}
	m, err := a.machine.Plugins.Describe(ctx, pluginexec.Binary{Name: e.Name, Path: e.Path, SHA256: "sha256:" + e.SHA256})
	if err == nil && m.Version != p.Version {
		err = fmt.Errorf("it says that it is version %s", m.Version)
	}
	return inOneLine(err)
}

// inOneLine says what a plugin that does not start has printed, too. Its folder is gone by then, so hints lead nowhere.
func inOneLine(err error) error {
	var told *sdk.Error
	if errors.As(err, &told) && told.Detail != "" {
		return fmt.Errorf("%s; it printed: %s", told.Message, strings.Join(strings.Fields(told.Detail), " "))
	}
	return err
}

// place is where a plugin of that name lies among those of this agent, or will.
func (a *Agent) place(ctx context.Context, name string) (string, error) {
	v, err := a.catalog.View(ctx)
	if err != nil {
		return "", err
	}
	dir := a.cfg.State.Plugins()
	if e, ok := v.Entry(name); ok && filepath.Dir(e.Folder) == dir {
		return e.Folder, nil
	}
	return filepath.Join(dir, name), nil
}

// swap puts a folder in the place of another, which goes aside. A process that dies between the two is mended by restore.
func swap(folder, place string) error {
	aside := filepath.Join(filepath.Dir(place), gone+filepath.Base(place))
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(place, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(folder, place); err != nil {
		return errors.Join(err, ignoreMissing(os.Rename(aside, place)))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
