package grant_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/grant"
)

func TestReaches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, scheme, host, port string
		want                        grant.Reach
	}{
		{"api.example.com", "https", "api.example.com", "", grant.Named},
		{"api.example.com", "https", "api.example.com", "443", grant.Named},
		{"api.example.com", "http", "api.example.com", "", grant.Named},
		{"api.example.com", "https", "api.example.com", "8443", grant.Denied},
		{"api.example.com", "http", "api.example.com", "443", grant.Denied},
		{"API.Example.com.", "https", "api.example.com", "", grant.Named},
		{"api.example.com:8443", "https", "api.example.com", "8443", grant.Named},
		{"api.example.com:8443", "https", "api.example.com", "", grant.Denied},
		{"api.example.com:443", "https", "api.example.com", "", grant.Named},
		{"*.example.com", "https", "a.b.example.com", "", grant.Named},
		{"*.example.com", "https", "example.com", "", grant.Denied},
		{"*.example.com", "https", "badexample.com", "", grant.Denied},
		{"*.example.com", "https", "example.com.evil.org", "", grant.Denied},
		{"[::1]:8080", "http", "::1", "8080", grant.Named},
		{"[0:0:0:0:0:0:0:1]:8080", "http", "::1", "8080", grant.Named},
		{"127.0.0.1:80", "http", "127.0.0.1", "", grant.Named},
		{"127.0.0.1", "http", "127.0.0.2", "", grant.Denied},
		{"*", "https", "anything.example", "", grant.Any},
		{"*", "https", "anything.example", "22", grant.Denied},
	} {
		w := grant.Web{Hosts: []string{c.pattern}}
		if got := w.Reaches(c.scheme, c.host, c.port); got != c.want {
			t.Errorf("%s covers %s://%s:%s: %d, want %d", c.pattern, c.scheme, c.host, c.port, got, c.want)
		}
	}
	both := grant.Web{Hosts: []string{"*", "a.example"}}
	if both.Reaches("https", "a.example", "") != grant.Named {
		t.Error("a host that is named besides * counts as unnamed")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := grant.Set{HTTP: &grant.Web{Hosts: []string{"a.example"}}, Secret: &grant.Secrets{Names: []string{"openai"}}, KV: &grant.Store{}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, s := range map[string]grant.Set{
		"names no host":        {HTTP: &grant.Web{}},
		"without brackets":     {HTTP: &grant.Web{Hosts: []string{"::1"}}},
		"port":                 {HTTP: &grant.Web{Hosts: []string{"a.example:0"}}},
		"is a URL":             {HTTP: &grant.Web{Hosts: []string{"http://a.example/x"}}},
		"is no host":           {HTTP: &grant.Web{Hosts: []string{"a example"}}},
		"no names below":       {HTTP: &grant.Web{Hosts: []string{"*.127.0.0.1"}}},
		"is no method":         {HTTP: &grant.Web{Hosts: []string{"a"}, Methods: []string{"CONNECT"}}},
		"at most 16 MiB cross": {HTTP: &grant.Web{Hosts: []string{"a"}, MaxResponse: 1 << 30}},
		"timeout":              {HTTP: &grant.Web{Hosts: []string{"a"}, Timeout: time.Hour}},
		"names no secret":      {Secret: &grant.Secrets{}},
		"no secret's name":     {Secret: &grant.Secrets{Names: []string{"../x"}}},
		"can be kept":          {KV: &grant.Store{Max: 1 << 40}},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}

func TestAskedAndGiven(t *testing.T) {
	t.Parallel()
	s := grant.Set{HTTP: &grant.Web{Hosts: []string{"a"}}, KV: &grant.Store{}}
	if got := s.Only([]string{"http", "secret"}); got.KV != nil || got.HTTP == nil || got.Secret != nil {
		t.Errorf("got %+v", got)
	}
	if got := s.Missing([]string{"kv", "secret", "random"}); !reflect.DeepEqual(got, []string{"secret"}) {
		t.Errorf("got %v", got)
	}
	if got := grant.Command("control.http", "http", "--host a", "--method POST"); got != "spinbot plugins grant control.http http --host a --method POST" {
		t.Error(got)
	}
}

func FuzzReaches(f *testing.F) {
	f.Add("*.a.example:80", "b.a.example")
	f.Add("[::1]", "::1")
	f.Fuzz(func(t *testing.T, pattern, host string) {
		w := grant.Web{Hosts: []string{pattern}}
		bad := grant.Set{HTTP: &w}.Check() != nil
		if w.Reaches("https", grant.CanonicalHost(host), "") != grant.Denied && bad {
			t.Errorf("%q is refused, and covers %q", pattern, host)
		}
	})
}
