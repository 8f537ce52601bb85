package models

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingIsWrittenOver: what is in the place of a file that is wanted stays, whether it was seen or not.
func TestNothingIsWrittenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Config{Folders: []Folder{{Path: dir}}})
	path := put(t, []byte("mine"), dir, "vae", "x.pt")
	data := bytesOf(100)
	want := Want{Name: "vae/x.pt", Digest: digestOf(data), Source: &fakeSource{data: data}}
	if err := l.Fetch(t.Context(), want); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	if l.again(); l.Fetch(t.Context(), want) != nil {
		t.Error("nobody has asked for its digest, so it is taken for the same")
	}
	if _, err := l.Digest(t.Context(), "vae/x.pt"); err != nil {
		t.Fatal(err)
	}
	if err := l.Fetch(t.Context(), want); err == nil || !strings.Contains(err.Error(), "is another file") {
		t.Errorf("%v", err)
	}
	// it turns up while the file is on its way
	hold := make(chan struct{})
	late := &fakeSource{data: data, cuts: []int{50}, hold: hold}
	ended := make(chan error, 1)
	go func() {
		ended <- l.Fetch(context.Background(), Want{Name: "vae/y.pt", Digest: digestOf(data), Source: late})
	}()
	until(t, func() bool { return late.opened.Load() > 0 })
	put(t, []byte("mine"), dir, "vae", "y.pt")
	close(hold)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	for _, path := range []string{path, filepath.Join(dir, "vae", "y.pt")} {
		if got, err := os.ReadFile(path); err != nil || string(got) != "mine" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

func TestOneTransferForAll(t *testing.T) {
	t.Parallel()
	data, hold := bytesOf(1000), make(chan struct{})
	source := &fakeSource{data: data, cuts: []int{500}, hold: hold}
	l := open(t, Config{Folders: []Folder{{Path: t.TempDir()}}})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := l.Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(data), Source: source}); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, func() bool { return source.opened.Load() > 0 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Fetch(gone, Want{Name: "vae/x.pt", Source: source}); err == nil { // one that does not wait ends it for nobody
		t.Error("whoever is not waiting has got it")
	}
	if err := l.Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(nil)}); err == nil || !strings.Contains(err.Error(), "another digest") {
		t.Errorf("%v", err)
	}
	close(hold)
	all.Wait()
	if n := source.opened.Load(); n < 2 { // more often where the second one is slow, too
		t.Errorf("it was asked for %d times", n)
	}
}

// TestStopped: what is on its way when the process ends goes on in the next one.
func TestStopped(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), bytesOf(1000)
	source := &fakeSource{data: data, cuts: []int{600}, hold: make(chan struct{})}
	l := open(t, Config{Folders: []Folder{{Path: dir}}})
	ended := make(chan error, 1)
	go func() {
		ended <- l.Fetch(context.Background(), Want{Name: "vae/x.pt", Digest: digestOf(data), Source: source})
	}()
	until(t, func() bool { return len(l.Fetches()) > 0 && l.Fetches()[0].Done >= 600 })
	l.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "goes on where it was") {
		t.Errorf("%v", err)
	}
	if err := l.Fetch(t.Context(), Want{Name: "vae/z.pt"}); err == nil {
		t.Error("a closed library fetches")
	}
	rest := &fakeSource{data: data}
	if err := open(t, Config{Folders: []Folder{{Path: dir}}}).Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(data), Source: rest}); err != nil {
		t.Error(err)
	}
}

func TestStalled(t *testing.T) {
	t.Parallel()
	data := bytesOf(1000)
	source := &fakeSource{data: data, cuts: []int{10}, hold: make(chan struct{})}
	l := open(t, Config{Folders: []Folder{{Path: t.TempDir()}}})
	l.idle = 20 * time.Millisecond
	if err := l.Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(data), Source: source}); err != nil {
		t.Error(err)
	}
	if n := source.opened.Load(); n < 2 { // more often where the second one is slow, too
		t.Errorf("it was asked for %d times", n)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	data := bytesOf(1000)
	l := open(t, Config{Folders: []Folder{{Path: t.TempDir(), Rate: 5000}}})
	began := time.Now()
	if err := l.Fetch(t.Context(), Want{Name: "vae/x.pt", Digest: digestOf(data), Source: &fakeSource{data: data}}); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("1000 bytes at 5000 a second took %s", took)
	}
}
