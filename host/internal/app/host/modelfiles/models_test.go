package modelfiles

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/app/host/agents"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestSourceOfAModel: where a file comes from.
func TestSourceOfAModel(t *testing.T) {
	t.Parallel()
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	has := func(digest string) *protocol.Models {
		return &protocol.Models{Files: []protocol.ModelFile{{Name: "vae/x.pt", Size: 5, Digest: digest}}}
	}
	m := &Files{Sources: []config.Source{{Name: "vae/x.pt", URL: "https://models.example/x", Digest: one}}}
	free := &Files{}
	for _, c := range []struct {
		what string
		m    *Files
		all  []stock // beside this machine, which it goes to
		ask  client.ModelRequest
		want protocol.Fetch
		err  string
	}{
		{"from who has it, hashed or not", free, []stock{{id: "a", name: "box2", models: has("")}}, client.ModelRequest{}, protocol.Fetch{Agent: "a", From: "box2"}, ""},
		{"rather one that need not hash it", free, []stock{{id: "a", name: "box2", models: has("")}, {id: "b", name: "box3", models: has(one)}, {id: "c", name: "box4", models: has("")}},
			client.ModelRequest{}, protocol.Fetch{Agent: "b", From: "box3"}, ""},
		{"not from who is offline", free, []stock{{id: "a", name: "box2", offline: true, models: has("")}}, client.ModelRequest{}, protocol.Fetch{}, "nobody who is there has vae/x.pt"},
		{"not from who does not say", free, []stock{{id: "a", name: "box2"}}, client.ModelRequest{}, protocol.Fetch{}, "nobody who is there"},
		{"not from who has another", free, []stock{{id: "a", name: "box2", models: has(two)}, {id: "b", name: "box3", models: has(one)}}, client.ModelRequest{Digest: one}, protocol.Fetch{Digest: one, Agent: "b", From: "box3"}, ""},
		{"rather from a machine than from the web", m, []stock{{id: "a", name: "box2", models: has("")}}, client.ModelRequest{}, protocol.Fetch{Digest: one, Agent: "a", From: "box2"}, ""},
		{"from the web, as the configuration says", m, []stock{{id: "a", name: "box2", models: has(two)}}, client.ModelRequest{}, protocol.Fetch{Digest: one, URL: "https://models.example/x", From: "models.example"}, ""},
		{"from another URL", m, nil, client.ModelRequest{From: "https://other.example/y"}, protocol.Fetch{Digest: one, URL: "https://other.example/y", From: "other.example"}, ""},
		{"a URL without a digest", free, nil, client.ModelRequest{From: "https://other.example/y"}, protocol.Fetch{}, "nobody has said what vae/x.pt has to be"},
		{"no URL of the web", free, nil, client.ModelRequest{From: "file:///etc/passwd", Digest: one}, protocol.Fetch{}, "no http or https URL"},
		{"from who does not have it", free, nil, client.ModelRequest{From: "local"}, protocol.Fetch{}, "this machine does not have vae/x.pt"},
		{"from nobody", free, nil, client.ModelRequest{From: "box9"}, protocol.Fetch{}, `no agent "box9"`},
	} {
		all := append([]stock{{id: agents.Local, name: "this machine", models: &protocol.Models{}}}, c.all...)
		c.ask.Model = "vae/x.pt"
		got, err := c.m.source(all, all[0], c.ask)
		if c.err != "" {
			var p *client.Problem
			if !errors.As(err, &p) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		c.want.Name = "vae/x.pt"
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
}

func TestIsDigest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"sha256:" + strings.Repeat("0a", 32): true, "sha256:" + strings.Repeat("0A", 32): false, strings.Repeat("0a", 32): false,
		"sha256:0a": false, "md5:" + strings.Repeat("0a", 32): false, "": false} {
		if isDigest(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
