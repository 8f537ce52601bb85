package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fleet is a host with a relay, and box3, which has a file.
type fleet struct {
	relay *Relay
	url   string
	box3  *Library
	path  string // of the file at box3
	data  []byte
	sent  atomic.Int32
	mute  atomic.Bool // box3 does not do what it is told
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{data: bytesOf(2*block + 9)}
	dir := t.TempDir()
	f.path = put(t, f.data, dir, "vae", "x y.pt")
	f.box3 = open(t, Config{Folders: []Folder{{Path: dir}}})
	f.relay = NewRelay(RelayConfig{Here: f.box3.Open, Token: func(token string) bool { return token == "let me in" }, Send: func(s Sending) {
		f.sent.Add(1)
		if !f.mute.Load() {
			go func() {
				_ = f.box3.Send(context.Background(), http.DefaultClient, f.url+"/"+s.Path, "let me in", s.Name, s.Offset) // who fetches sees it
			}()
		}
	}})
	mux := http.NewServeMux()
	mux.Handle("/models", f.relay)
	mux.Handle("/models/", f.relay)
	f.url = serving(t, mux)
	return f
}

func (f *fleet) source(agent, name, token string) Source {
	return HTTP{Client: http.DefaultClient, Wait: time.Minute, Request: func(context.Context) (string, string, error) {
		return f.url + "/models?" + url.Values{"agent": {agent}, "name": {name}}.Encode(), token, nil
	}}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, agent, name, token string
		part                     int
		err                      string
	}{
		{"from an agent", "box3", "vae/x y.pt", "let me in", 0, ""},
		{"the rest of it", "box3", "vae/x y.pt", "let me in", block, ""},
		{"nothing but the end", "box3", "vae/x y.pt", "let me in", 2*block + 9, ""},
		{"from the host", "", "vae/x y.pt", "let me in", 5, ""},
		{"what it does not have", "box3", "vae/none.pt", "let me in", 0, "404: model vae/none.pt: file does not exist"},
		{"what the host does not have", "", "vae/none.pt", "let me in", 0, "404: model vae/none.pt: file does not exist"},
		{"without the token", "box3", "vae/x y.pt", "guess", 0, "401"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			f, dir := newFleet(t), t.TempDir()
			if c.part > 0 {
				put(t, f.data[:c.part], dir, "vae", ".y.pt.part")
			}
			l := open(t, Config{Folders: []Folder{{Path: dir}}})
			err := l.Fetch(t.Context(), Want{Name: "vae/y.pt", From: "box3", Source: f.source(c.agent, c.name, c.token)})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v", err)
				}
				return
			}
			if got, _ := os.ReadFile(filepath.Join(dir, "vae", "y.pt")); err != nil || !bytes.Equal(got, f.data) {
				t.Errorf("%v; %d bytes", err, len(got))
			}
		})
	}
}

// TestRelayToTheHost: the host fetches for its own machine without asking itself over the network.
func TestRelayToTheHost(t *testing.T) {
	t.Parallel()
	f, dir := newFleet(t), t.TempDir()
	put(t, f.data[:77], dir, "vae", ".y.pt.part")
	err := open(t, Config{Folders: []Folder{{Path: dir}}}).Fetch(t.Context(), Want{Name: "vae/y.pt", From: "box3", Source: f.relay.From("box3", "vae/x y.pt")})
	if got, _ := os.ReadFile(filepath.Join(dir, "vae", "y.pt")); err != nil || !bytes.Equal(got, f.data) {
		t.Errorf("%v; %d bytes", err, len(got))
	}
}

// TestRelayOfWhoIsAway: who does not send is not waited for without end, and what it sends too late is refused.
func TestRelayOfWhoIsAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.mute.Store(true)
	ended := make(chan error, 1)
	go func() { _, err := f.relay.Open(context.Background(), "box3", "vae/x y.pt", 0); ended <- err }()
	until(t, func() bool { return f.sent.Load() > 0 })
	f.relay.Gone("box2")
	f.relay.Gone("box3")
	if err := <-ended; !errors.Is(err, errAway) || !strings.Contains(err.Error(), "offline") {
		t.Errorf("%v", err)
	}
	f.relay.wait = time.Millisecond
	if _, err := f.relay.Open(t.Context(), "box3", "vae/x y.pt", 0); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "has not begun") {
		t.Errorf("%v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	f.relay.wait = time.Minute
	if _, err := f.relay.Open(gone, "box3", "vae/x y.pt", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(f.relay.waiting) != 0 {
		t.Errorf("%d wait still", len(f.relay.waiting))
	}
	if err := f.box3.Send(t.Context(), http.DefaultClient, f.url+"/models/late", "let me in", "vae/x y.pt", 0); err == nil {
		t.Error("what nobody waits for is taken")
	}
}

// TestRelayBroken: what an agent has begun to send and does not end is asked for again, from where it was.
func TestRelayBroken(t *testing.T) {
	t.Parallel()
	f, dir := newFleet(t), t.TempDir()
	send := f.relay.cfg.Send
	var offsets []int64
	f.relay.cfg.Send = func(s Sending) {
		if offsets = append(offsets, s.Offset); len(offsets) > 1 {
			send(s)
			return
		}
		go func() {
			r, _ := http.NewRequest(http.MethodPut, f.url+"/"+s.Path, io.MultiReader(bytes.NewReader(f.data[:block]), broken{}))
			r.ContentLength = int64(len(f.data))
			r.Header.Set("Authorization", "Bearer let me in")
			r.Header.Set(sizeHeader, fmt.Sprint(len(f.data)))
			r.Header.Set(digestHeader, digestOf(f.data))
			if resp, err := http.DefaultClient.Do(r); err == nil {
				resp.Body.Close()
			}
		}()
	}
	err := open(t, Config{Folders: []Folder{{Path: dir}}}).Fetch(t.Context(), Want{Name: "vae/y.pt", From: "box3", Source: f.source("box3", "vae/x y.pt", "let me in")})
	if got, _ := os.ReadFile(filepath.Join(dir, "vae", "y.pt")); err != nil || !bytes.Equal(got, f.data) || len(offsets) != 2 || offsets[1] == 0 {
		t.Errorf("%v; %d bytes; asked for from %v on", err, len(got), offsets)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, c := range []struct {
		method, path, span string
		status             int
	}{
		{http.MethodPost, "/models", "", http.StatusMethodNotAllowed},
		{http.MethodGet, "/models/x", "", http.StatusMethodNotAllowed},
		{http.MethodPut, "/models", "", http.StatusMethodNotAllowed},
		{http.MethodGet, "/models?name=vae/x+y.pt", "bytes=-5", http.StatusBadRequest},
		{http.MethodGet, "/models?name=vae/x+y.pt", "lines=5-", http.StatusBadRequest},
		{http.MethodGet, "/models?name=vae/x+y.pt", "bytes=99999999-", http.StatusNotFound},
		{http.MethodGet, "/models?name=../x", "", http.StatusNotFound},
	} {
		r, err := http.NewRequest(c.method, f.url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer let me in")
		if c.span != "" {
			r.Header.Set("Range", c.span)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%+v answers %d", c, resp.StatusCode)
		}
	}
}

func TestWebServers(t *testing.T) {
	t.Parallel()
	data := bytesOf(1000)
	serve := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x", before, bytes.NewReader(data))
	}
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		err    string
	}{
		"with ranges":    {serve, ""},
		"without ranges": {func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Range"); serve(w, r) }, ""},
		"without length": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); _, _ = w.Write(data) }, "does not say how large"},
		"not there":      {http.NotFound, "answers 404"},
		"an odd range": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 9-2/5")
			w.WriteHeader(http.StatusPartialContent)
		}, "a range that cannot be"},
		"ill":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "given up after"},
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "has not begun to answer"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir, at := t.TempDir(), serving(t, c.answer)
			put(t, data[:100], dir, "vae", ".y.pt.part")
			source := HTTP{Client: http.DefaultClient, Wait: time.Minute, Request: func(context.Context) (string, string, error) { return at + "/x?key=secret", "", nil }}
			if what == "slow" {
				source.Wait = 20 * time.Millisecond
			}
			err := open(t, Config{Folders: []Folder{{Path: dir}}}).Fetch(t.Context(), Want{Name: "vae/y.pt", Digest: digestOf(data), From: "the web", Source: source})
			got, _ := os.ReadFile(filepath.Join(dir, "vae", "y.pt"))
			switch {
			case c.err == "" && (err != nil || !bytes.Equal(got, data)):
				t.Errorf("%v; %d bytes", err, len(got))
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret")):
				t.Errorf("%v", err)
			}
		})
	}
	source := HTTP{Client: http.DefaultClient, Wait: time.Minute, Refused: func(error) bool { return true },
		Request: func(context.Context) (string, string, error) { return "http://127.0.0.1:1/?key=secret", "", nil }}
	if _, err := source.Open(t.Context(), 0); err == nil || strings.Contains(err.Error(), "secret") || !errors.As(err, new(lasting)) {
		t.Errorf("%v", err)
	}
}
