package models

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Want is a file that is to come.
type Want struct {
	Name string
	// Digest is what the file has to be; empty: what its source says that it is.
	Digest string
	From   string // the source, for people
	Source Source
}

// Fetching is a file on its way, or one that did not come.
type Fetching struct {
	Name, From  string
	Done, Total int64 // bytes; Total is 0 until the source has said
	// Error says why it did not come; empty: it is on its way.
	Error   string
	Started time.Time
}

// fetch is one transfer. What is in Fetching is under the library's mu.
type fetch struct {
	Fetching

	want Want
	need int64 // bytes that it will still write; under mu
	said time.Time
	done chan struct{} // closed with its end
	err  error         // once done is closed
}

// lasting is an error that trying again does not mend.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// Fetch brings a file, and waits until it is there. Whoever wants one that is on its way waits for the same transfer, which
// goes on when ctx ends.
func (l *Library) Fetch(ctx context.Context, w Want) error {
	f, err := l.join(w)
	if err != nil || f == nil {
		return err
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Begin is Fetch for somebody who does not wait: what becomes of it is in Files and Fetches.
func (l *Library) Begin(w Want) {
	_, err := l.join(w)
	if err == nil {
		return
	}
	l.mu.Lock()
	underway := slices.ContainsFunc(l.fetches, func(f *fetch) bool { return f.Name == w.Name && f.Error == "" })
	if !underway {
		l.fetches = slices.DeleteFunc(l.fetches, func(f *fetch) bool { return f.Name == w.Name })
		l.fetches = append(l.fetches, &fetch{Fetching: Fetching{Name: w.Name, From: w.From, Started: time.Now(), Error: err.Error()}})
		l.forget()
	}
	l.mu.Unlock()
	l.cfg.Changed(false)
}

// join gives the transfer of a file, begun now unless it is under way; nil: the file is there.
func (l *Library) join(w Want) (*fetch, error) {
	if !sdk.IsModelFile(w.Name) {
		return nil, fmt.Errorf("%q is no name of a model file: want its kind and its path, such as loras/ink.safetensors", w.Name)
	}
	if have, ok := l.file(w.Name); ok {
		if digest := l.hashes.known(have); digest != "" && w.Digest != "" && digest != w.Digest {
			return nil, fmt.Errorf("%s is there and is another file, with the digest %s: move it away first, it is not written over", have.path, digest)
		}
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := slices.IndexFunc(l.fetches, func(f *fetch) bool { return f.Name == w.Name }); k >= 0 {
		f := l.fetches[k]
		switch {
		case f.Error != "":
			l.fetches = slices.Delete(l.fetches, k, k+1)
		case w.Digest != "" && f.want.Digest != "" && w.Digest != f.want.Digest:
			return nil, fmt.Errorf("%s is on its way with another digest, %s", w.Name, f.want.Digest)
		default:
			return f, nil
		}
	}
	if l.work.Err() != nil {
		return nil, errors.New("this machine is stopping")
	}
	f := &fetch{Fetching: Fetching{Name: w.Name, From: w.From, Started: time.Now()}, want: w, done: make(chan struct{})}
	l.fetches = append(l.fetches, f)
	l.working.Go(func() { l.run(f) })
	return f, nil
}

// maxFailed is how many fetches that failed are remembered.
const maxFailed = 50

func (l *Library) run(f *fetch) {
	f.err = l.transfer(l.work, f)
	l.mu.Lock()
	f.need = 0
	if f.err == nil {
		l.fetches = slices.DeleteFunc(l.fetches, func(x *fetch) bool { return x == f })
	} else {
		f.Error = f.err.Error()
		l.cfg.Log.Warn("a model did not come", "model", f.Name, "from", f.From, "error", f.err)
	}
	l.forget()
	l.mu.Unlock()
	close(f.done)
	l.cfg.Changed(f.err == nil)
}

// forget leaves out the first failure when there are too many. mu is held.
func (l *Library) forget() {
	if k := slices.IndexFunc(l.fetches, func(f *fetch) bool { return f.Error != "" }); k >= 0 && len(l.fetches) > maxFailed {
		l.fetches = slices.Delete(l.fetches, k, k+1)
	}
}

// Private says whether a file of that name may be fetched from a private address.
func (l *Library) Private(name string) bool {
	f, _, err := l.place(name)
	return err == nil && f.Private
}

// Fetches lists what is on its way, and what did not come since somebody wanted it last.
func (l *Library) Fetches() []Fetching {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Fetching
	for _, f := range l.fetches {
		out = append(out, f.Fetching)
	}
	return out
}

// moved notes how far a transfer is, and says so about twice a second.
func (l *Library) moved(f *fetch, done, total int64) {
	l.mu.Lock()
	f.Done, f.Total, f.need = done, total, max(0, total-done)
	now := time.Now()
	say := now.Sub(f.said) > time.Second/2
	if say {
		f.said = now
	}
	l.mu.Unlock()
	if say {
		l.cfg.Changed(false)
	}
}

// place is the folder that a file of that name goes into, and its path.
func (l *Library) place(name string) (Folder, string, error) {
	kind, rest, _ := strings.Cut(name, "/")
	var kinds []string
	for _, f := range l.cfg.Folders {
		if f.Kind == kind {
			return f, filepath.Join(f.Path, filepath.FromSlash(rest)), nil
		}
		kinds = append(kinds, f.Kind)
	}
	var best Folder
	for _, f := range l.cfg.Folders {
		if f.Kind != "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(f.Path, kind)); best.Path == "" || err == nil {
			best = f
			if err == nil {
				break
			}
		}
	}
	if best.Path == "" {
		return best, "", fmt.Errorf("%s has no place on this machine: its folders of models are of %s; add a models block to spinbot.hcl", name, strings.Join(kinds, ", "))
	}
	return best, filepath.Join(best.Path, filepath.FromSlash(name)), nil
}

// tries is how often in a row a transfer may break off without getting on.
const tries = 8

// transfer brings a file, however often that breaks off.
func (l *Library) transfer(ctx context.Context, f *fetch) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	folder, path, err := l.place(f.Name)
	if err != nil {
		return err
	}
	p, err := openPart(ctx, path)
	if err != nil {
		return err
	}
	defer p.close()
	for attempt := 0; ; attempt++ {
		before := p.size
		err := l.pull(ctx, f, p, folder.Rate)
		if p.size > before {
			attempt = 0
		}
		var last lasting
		switch {
		case err == nil:
			return l.install(f, p)
		case errors.As(err, &last):
			return err
		case ctx.Err() != nil:
			return errors.New("stopped with this machine's spinbot; it goes on where it was when the file is fetched again")
		case attempt+1 >= tries:
			return fmt.Errorf("given up after %d tries: %w", tries, err)
		}
		if l.pause(ctx, attempt) != nil {
			return errors.New("stopped with this machine's spinbot; it goes on where it was when the file is fetched again")
		}
	}
}

// backoff waits longer each time, up to half a minute.
func backoff(ctx context.Context, attempt int) error {
	most := min(30*time.Second, 250*time.Millisecond<<min(attempt, 10))
	return wait(ctx, most/2+rand.N(most/2))
}

// install puts a verified file in its place, and into the list.
func (l *Library) install(f *fetch, p *part) error {
	info, err := p.install()
	if err != nil {
		return err
	}
	l.hashes.keep(found{File{Name: f.Name, Size: info.Size()}, p.path, info.ModTime()}, p.digest())
	l.looking.Lock()
	defer l.looking.Unlock()
	l.mu.Lock()
	at, _ := slices.BinarySearchFunc(l.files, f.Name, func(x found, name string) int { return strings.Compare(x.Name, name) })
	l.have(slices.Insert(slices.Clone(l.files), at, found{File{Name: f.Name, Size: info.Size()}, p.path, info.ModTime()}))
	l.mu.Unlock()
	return nil
}
