package check

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v4"
)

// dynamic is what we use of Traefik's dynamic configuration; whatever else is written is a mistake.
type dynamic struct {
	HTTP struct {
		Routers map[string]struct {
			Rule        string    `yaml:"rule"`
			Service     string    `yaml:"service"`
			Middlewares []string  `yaml:"middlewares"`
			EntryPoints []string  `yaml:"entryPoints"`
			TLS         *struct{} `yaml:"tls"`
		} `yaml:"routers"`
		Services map[string]struct {
			LoadBalancer struct {
				Servers []struct {
					URL string `yaml:"url"`
				} `yaml:"servers"`
			} `yaml:"loadBalancer"`
		} `yaml:"services"`
		Middlewares map[string]struct {
			Headers *struct {
				STSSeconds         int64  `yaml:"stsSeconds"`
				STSSubdomains      bool   `yaml:"stsIncludeSubdomains"`
				ContentTypeNosniff bool   `yaml:"contentTypeNosniff"`
				ReferrerPolicy     string `yaml:"referrerPolicy"`
				Frame              string `yaml:"customFrameOptionsValue"`
			} `yaml:"headers"`
			ForwardAuth *struct {
				Address  string   `yaml:"address"`
				Request  []string `yaml:"authRequestHeaders"`
				Response []string `yaml:"authResponseHeaders"`
			} `yaml:"forwardAuth"`
		} `yaml:"middlewares"`
	} `yaml:"http"`
	TLS struct {
		Certificates []struct {
			Cert string `yaml:"certFile"`
			Key  string `yaml:"keyFile"`
		} `yaml:"certificates"`
		Options map[string]struct {
			MinVersion string `yaml:"minVersion"`
			SNIStrict  bool   `yaml:"sniStrict"`
		} `yaml:"options"`
	} `yaml:"tls"`
}

// TestTraefik fills in the template as Traefik does, and follows each name to its service.
func TestTraefik(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DOMAIN": "gpu.example", "PORT": ":8443"}
	page, err := template.New("dynamic.yaml").Funcs(template.FuncMap{"env": func(name string) string {
		if env[name] == "" {
			t.Errorf("compose.yaml gives traefik no %s", name)
		}
		return env[name]
	}}).ParseFiles(filepath.Join(top, "deploy/traefik/dynamic.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, nil); err != nil {
		t.Fatal(err)
	}
	var d dynamic
	decoder := yaml.NewDecoder(&b)
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	p, err := load(t, false, []string{"*"}, "DOMAIN=gpu.example", "HTTPS_PORT=8443")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		if got := p.Services["traefik"].Environment[name]; got == nil || *got != value {
			t.Errorf("compose.yaml gives traefik %s=%v", name, got)
		}
	}
	docs, err := os.ReadFile(filepath.Join(top, "docs/deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("Host\\(`([a-z0-9.]+)`\\)")
	open, seen := []string{"app", "s3"}, map[string]bool{}
	for name, r := range d.HTTP.Routers {
		hosts := names.FindAllStringSubmatch(r.Rule, -1)
		if len(hosts) == 0 || strings.Join(names.Split(r.Rule, -1), "") != strings.Repeat(" || ", len(hosts)-1) {
			t.Errorf("%s: rule %s", name, r.Rule)
		}
		for _, h := range hosts {
			sub, ours := strings.CutSuffix(h[1], "gpu.example")
			if seen[h[1]] || !ours {
				t.Errorf("%s: the name %s", name, h[1])
			}
			seen[h[1]] = true
			if !strings.Contains(string(docs), "`"+sub+"DOMAIN`") {
				t.Errorf("docs/deploy.md does not list %sDOMAIN", sub)
			}
		}
		want := []string{"headers", "admins"}
		if slices.Contains(open, name) {
			want = want[:1]
		}
		if !slices.Equal(r.Middlewares, want) || !slices.Equal(r.EntryPoints, []string{"secure"}) || r.TLS == nil {
			t.Errorf("%s: middlewares %v, entry points %v, tls %v", name, r.Middlewares, r.EntryPoints, r.TLS)
		}
		if r.Service == "api@internal" {
			continue
		}
		servers := d.HTTP.Services[r.Service].LoadBalancer.Servers
		if len(servers) != 1 {
			t.Errorf("%s leads to %v", name, servers)
			continue
		}
		service, _, _ := strings.Cut(strings.TrimPrefix(servers[0].URL, "http://"), ":")
		if _, front := p.Services[service].Networks["front"]; !front {
			t.Errorf("%s leads to %s, which traefik does not reach", name, servers[0].URL)
		}
	}
	if len(d.HTTP.Services) != len(d.HTTP.Routers)-1 {
		t.Errorf("%d services for %d routers", len(d.HTTP.Services), len(d.HTTP.Routers))
	}
	if a := d.HTTP.Middlewares["admins"].ForwardAuth; a == nil || a.Address != "http://host:8080/api/v1/session/check?sign_in=https%3A%2F%2Fapp.gpu.example%3A8443%2F" &&
		a.Address != "http://host:8080/api/v1/session/check?sign_in=https%3A%2F%2Fapp.gpu.example:8443%2F" {
		t.Errorf("%+v", a)
	}
	if h := d.HTTP.Middlewares["headers"].Headers; h == nil || h.STSSeconds < 1<<24 || !h.ContentTypeNosniff || h.Frame == "" || h.ReferrerPolicy == "" {
		t.Errorf("%+v", h)
	}
	for _, c := range d.TLS.Certificates {
		for _, file := range []string{c.Cert, c.Key} {
			if p.Secrets[strings.TrimPrefix(file, "/run/secrets/")].File == "" {
				t.Errorf("there is no secret for %s", file)
			}
		}
	}
	if o := d.TLS.Options["default"]; len(d.TLS.Certificates) != 1 || o.MinVersion != "VersionTLS12" || !o.SNIStrict {
		t.Errorf("%+v", d.TLS)
	}
}
