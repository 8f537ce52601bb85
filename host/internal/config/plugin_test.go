package config_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/sdk"
)

func TestValues(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	for name, c := range map[string]struct {
		block, secret string
		err           error
		want, wrong   string
	}{
		"whole":         {`url = "http://${env("PORT")}", slots = "3", models = ["a"], token = "Bearer ${secret("t")}"`, canary, nil, `map[models:[a] slots:3 timeout:60s token:Bearer canary-4711 url:http://9090]`, ""},
		"wrong":         {`url = 1, slots = 0, models = [], token = "x"`, "", nil, "", "spinbot.hcl:3:9: slots: want at least 1"},
		"no secret":     {`url = "x", models = [], token = secret("t")`, "", errors.New("it is not there"), "", "spinbot.hcl:4:9: it is not there"},
		"secret of use": {`url = "x", models = [], slots = secret("t")`, "7", nil, `map[models:[] slots:7 timeout:60s url:x]`, ""},
		"secret of no use": {`url = "x", models = [], slots = secret("t")`, canary, nil, "",
			"slots: what it holds, which is not shown, does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, found := config.Parse("spinbot.hcl", []byte("plugin \"ollama\" {\n"+strings.ReplaceAll(c.block, ", ", "\n")+"\n}\n"), options())
			if len(found) > 0 {
				t.Fatal(found)
			}
			p, ok := conf.Plugin("ollama")
			if _, other := conf.Plugin("other"); !ok || other {
				t.Fatal("it is found by another name, or not by its own")
			}
			got, err := p.Values(schema(), func(string) (string, error) { return c.secret, c.err })
			if c.wrong != "" {
				var told *sdk.Error
				if err == nil || !errors.As(err, &told) || !told.Permanent || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), canary) {
					t.Errorf("%v, want %s", err, c.wrong)
				}
				return
			}
			if err != nil || fmt.Sprint(map[string]any(got)) != c.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestNothingShown: what is secret is in nothing that is said of a configuration.
func TestNothingShown(t *testing.T) {
	t.Parallel()
	src := []byte("plugin \"ollama\" {\n  token = [\"hunter2-x\"]\n  slots = env(\"TOKEN\")\n}\n")
	c, found := read(src)
	p, _ := c.Plugin("ollama")
	_, err := p.Values(schema(), func(string) (string, error) { return "", nil })
	said := shown(found, src) + fmt.Sprint(err, found)
	for _, s := range []*sdk.Schema{nil, schema()} {
		for _, e := range p.Entries(s) {
			said += value.Show(e.Value)
		}
	}
	if strings.Contains(said, "hunter2") {
		t.Error(said)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	absent := filepath.Join(dir, "none.hcl")
	if c, found, err := config.Load(absent, false, config.Options{}); err != nil || len(found) > 0 || c.File != "" || c.Placement.Preempt != 100 {
		t.Error(c, found, err)
	}
	if _, _, err := config.Load(absent, true, config.Options{}); err == nil {
		t.Error("a file that was named may be absent")
	}
	if _, _, err := config.Load(dir, true, config.Options{}); err == nil {
		t.Error("a folder is a file")
	}
}

func TestQuotaOf(t *testing.T) {
	t.Parallel()
	quotas := []config.Quota{{User: "*", Devices: 1}, {User: "eve", Devices: 3}}
	if q, ok := config.QuotaOf(quotas, "eve"); !ok || q.Devices != 3 {
		t.Error(q, ok)
	}
	if q, ok := config.QuotaOf(quotas, "bob"); !ok || q.Devices != 1 {
		t.Error(q, ok)
	}
	if _, ok := config.QuotaOf(quotas[1:], "bob"); ok {
		t.Error("eve's quota is everybody's")
	}
}

// FuzzParse: whatever the bytes, reading and showing do not panic, and what is found points into the file.
func FuzzParse(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Add([]byte("limit = { (env(\"HOME\")) = 1 }\nplugin \"ollama\" {\n slots = [for x in [1,2] : x]...\n}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			return
		}
		c, found := read(src)
		found.Write(io.Discard, func(string) []byte { return src }, true)
		for _, d := range found {
			if d.Range.End.Byte > len(src) || d.Summary == "" {
				t.Fatalf("%+v", d)
			}
		}
		_ = dump(c)
		for _, p := range c.Plugins {
			_, _ = p.Values(schema(), func(string) (string, error) { return "x", nil })
		}
	})
}

func TestChanged(t *testing.T) {
	t.Parallel()
	parse := func(src string) *config.Config {
		c, found := config.Parse("spinbot.hcl", []byte(src), options())
		if len(found) > 0 {
			t.Fatal(found)
		}
		return c
	}
	before := parse("plugin \"same\" {\n  a = 1\n}\nplugin \"other\" {\n  a = 1\n}\nplugin \"gone\" {}\nplugin \"secret\" {\n  a = [secret(\"x\")]\n}\n")
	now := parse("# moved\n\nplugin \"secret\" {\n  a = [secret(\"x\")]\n}\nplugin \"other\" {\n  a = 2\n}\nplugin \"new\" {}\nplugin \"same\" {\n  a = 1\n}\n")
	if got := fmt.Sprint(config.Changed(before, now)); got != "[secret other new gone]" {
		t.Error(got)
	}
}
