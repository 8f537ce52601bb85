package check

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v4"
)

// TestPrometheus asks promtool for the configuration and the rules, and runs the rules' own tests.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: scripts/setup develop installs it (Debian's package prometheus)")
		}
		t.Skip("SKIPPING: promtool is missing; scripts/setup develop installs it (Debian's package prometheus)")
	}
	for _, args := range [][]string{{"check", "config", "--syntax-only", "prometheus.yaml"}, {"check", "rules", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		c := exec.CommandContext(t.Context(), promtool, args...)
		c.Dir = filepath.Join(top, "deploy/prometheus")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestTargets: what Prometheus reads is a service that it reaches.
func TestTargets(t *testing.T) {
	t.Parallel()
	var config struct {
		Scrape []struct {
			Job    string                       `yaml:"job_name"`
			Static []struct{ Targets []string } `yaml:"static_configs"`
			DNS    []struct{ Names []string }   `yaml:"dns_sd_configs"`
			Auth   struct {
				File string `yaml:"credentials_file"`
			} `yaml:"authorization"`
		} `yaml:"scrape_configs"`
	}
	read(t, "deploy/prometheus/prometheus.yaml", func(raw []byte) error { return yaml.Unmarshal(raw, &config) })
	p, err := load(t, true, []string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	jobs := 0
	for _, s := range config.Scrape {
		var names []string
		for _, x := range s.Static {
			names = append(names, x.Targets...)
		}
		for _, x := range s.DNS {
			names = append(names, x.Names...)
		}
		for _, name := range names {
			name, _, _ = strings.Cut(name, ":")
			jobs++
			_, reached := p.Services[name].Networks["data"]
			_, front := p.Services[name].Networks["front"]
			if !reached && !front {
				t.Errorf("%s: Prometheus does not reach %s", s.Job, name)
			}
		}
		if ours := s.Job == "spinbot" || s.Job == "agents"; ours != (s.Auth.File == "/token/token") {
			t.Errorf("%s: credentials %q", s.Job, s.Auth.File)
		}
	}
	if jobs < 7 {
		t.Errorf("%d targets", jobs)
	}
}

func read(t *testing.T, path string, parse func([]byte) error) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(top, path))
	if err == nil {
		err = parse(raw)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// dashboard is what we use of Grafana's.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID          int
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		Datasource  struct{ Type, UID string }
		FieldConfig struct{ Defaults struct{ Unit string } }
		Targets     []struct{ RefID, Expr, LegendFormat string }
	}
}

// TestDashboards parses the query of each panel and of each alert, and knows each metric.
func TestDashboards(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	read(t, "deploy/check/testdata/exporters.txt", func(raw []byte) error {
		for line := range strings.Lines(string(raw)) {
			known[strings.TrimSpace(line)] = true
		}
		return nil
	})
	var documented string
	read(t, "docs/metrics.md", func(raw []byte) error { documented = string(raw); return nil })
	part := regexp.MustCompile(`_(bucket|sum|count)$`)
	promql := parser.NewParser(parser.Options{})
	used := map[string]bool{}
	query := func(where, text string) {
		text = strings.ReplaceAll(text, "$__rate_interval", "1m")
		e, err := promql.ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %s: %v", where, text, err)
			return
		}
		parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok {
				used[v.Name] = true
				if ours := strings.HasPrefix(v.Name, "spinbot_"); ours && !strings.Contains(documented, "`"+part.ReplaceAllString(v.Name, "")+"`") || !ours && !known[v.Name] {
					t.Errorf("%s: nobody knows the metric %s", where, v.Name)
				}
			}
			return nil
		})
	}
	files, err := filepath.Glob(filepath.Join(top, "deploy/grafana/dashboards/*.json"))
	if err != nil || len(files) != 7 {
		t.Fatal(files, err)
	}
	uids := map[string]bool{}
	for _, file := range files {
		var d dashboard
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID != "spinbot-"+strings.TrimSuffix(filepath.Base(file), ".json") || uids[d.UID] || !strings.HasPrefix(d.Title, "MySpinBot: ") || len(d.Panels) == 0 {
			t.Errorf("%s: uid %q, title %q, %d panels", file, d.UID, d.Title, len(d.Panels))
		}
		uids[d.UID] = true
		taken := map[[2]int]int{}
		for k, p := range d.Panels {
			where := d.UID + " / " + p.Title
			if p.ID != k+1 || p.Title == "" || p.Datasource.UID != "prometheus" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || !slices.Contains([]string{"timeseries", "stat"}, p.Type) {
				t.Errorf("%s: %+v", where, p)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if taken[at] > 0 || at[0] >= 24 {
						t.Fatalf("%s lies on panel %d, or outside: %v", where, taken[at], at)
					}
					taken[at] = p.ID
				}
			}
			for _, x := range p.Targets {
				if x.RefID == "" || x.LegendFormat == "" {
					t.Errorf("%s: %+v", where, x)
				}
				query(where, x.Expr)
			}
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	read(t, "deploy/prometheus/rules.yaml", func(raw []byte) error { return yaml.Unmarshal(raw, &rules) })
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			query(r.Alert, r.Expr)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["fix"] == "" {
				t.Errorf("%s does not say how bad it is, what is wrong and what to do: %+v", r.Alert, r)
			}
		}
	}
	for name := range known {
		if !strings.HasPrefix(name, "#") && !used[name] {
			t.Errorf("nothing uses %s of testdata/exporters.txt", name)
		}
	}
}
