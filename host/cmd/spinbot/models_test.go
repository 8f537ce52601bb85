package main

import (
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestModelWatch: what a list says of a transfer that somebody waits for.
func TestModelWatch(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	on := func(f client.ModelFetch) client.ModelList {
		f.Model, f.Agent, f.Name = "vae/x.pt", "a", "box2"
		return client.ModelList{Fetching: []client.ModelFetch{{Model: "vae/x.pt", Agent: "b", Error: "another machine's"}, f}}
	}
	there := client.ModelList{Models: []client.Model{{Name: "vae/x.pt", Copies: []client.ModelCopy{{Agent: "b"}, {Agent: "a", Name: "box2", Size: 5}}}}}
	old := client.ModelFetch{Error: "the disk is full", Started: now.Add(-time.Hour)}
	for _, c := range []struct {
		what   string
		before client.ModelFetch
		list   client.ModelList
		after  time.Duration
		done   bool
		err    string
	}{
		{"there", client.ModelFetch{}, there, 0, true, ""},
		{"not heard of yet", client.ModelFetch{}, client.ModelList{}, time.Second, false, ""},
		{"never heard of", client.ModelFetch{}, client.ModelList{}, time.Minute, false, "was it restarted?"},
		{"on its way", client.ModelFetch{}, on(client.ModelFetch{Done: 1, Total: 5}), time.Minute, false, ""},
		{"failed", client.ModelFetch{}, on(client.ModelFetch{Error: "gone", Started: now}), 0, false, "box2 did not get it: gone"},
		{"failed before, and about to begin", old, on(old), time.Second, false, ""},
		{"failed before, and did not begin", old, on(old), time.Minute, false, "does not begin anew"},
		{"failed again", old, on(client.ModelFetch{Error: old.Error, Started: now}), 0, false, "the disk is full"},
	} {
		c.before.Model, c.before.Agent, c.before.Name = "vae/x.pt", "a", "box2"
		w := modelWatch{before: c.before, heard: now}
		got, err := w.look(c.list, now.Add(c.after))
		if (got != nil) != c.done || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

func TestModelCells(t *testing.T) {
	t.Parallel()
	digest, other := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	copies := func(all ...client.ModelCopy) client.Model { return client.Model{Copies: all} }
	for _, c := range []struct {
		m    client.Model
		want string
	}{
		{copies(client.ModelCopy{Name: "box2", Size: 2048}), "2 KiB|-|box2"},
		{copies(client.ModelCopy{Name: "box2", Size: 2048, Digest: digest}, client.ModelCopy{Name: "box3", Size: 2048, Offline: true}), "2 KiB|111111111111|box2, box3 (offline)"},
		{copies(client.ModelCopy{Name: "box2", Size: 1, Digest: digest}, client.ModelCopy{Name: "box3", Size: 2, Digest: other}), "differs|differs|box2, box3"},
		{client.Model{Source: &client.ModelSource{URL: "https://x.example/y", Digest: digest}}, "-|111111111111|https://x.example/y"},
	} {
		if got := sizeOfModel(c.m) + "|" + digestOfModel(c.m) + "|" + whereIs(c.m); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
