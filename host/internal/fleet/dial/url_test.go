package dial

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]target{
		"redis://h":               {kind: single, hosts: []string{"h:6379"}},
		"redis://h:1/2":           {kind: single, hosts: []string{"h:1"}, db: 2},
		"redis://h?db=3":          {kind: single, hosts: []string{"h:6379"}, db: 3},
		"redis://[::1]:7":         {kind: single, hosts: []string{"[::1]:7"}},
		"redis://[::1]":           {kind: single, hosts: []string{"[::1]:6379"}},
		"redis://u:p%40%2F@h":     {kind: single, hosts: []string{"h:6379"}, user: "u", password: "p@/"},
		"redis://:p@h":            {kind: single, hosts: []string{"h:6379"}, password: "p"},
		"redis://u:a@b@h":         {kind: single, hosts: []string{"h:6379"}, user: "u", password: "a@b"},
		"REDISS://h":              {kind: single, hosts: []string{"h:6379"}, tls: tlsTarget{on: true}},
		"rediss://h?ca=a&pin=b":   {kind: single, hosts: []string{"h:6379"}, tls: tlsTarget{on: true, ca: "a", pin: "b"}},
		"unix:///run/r.sock?db=1": {kind: socket, hosts: []string{"/run/r.sock"}, db: 1},
		"redis+sentinel://u:p@a:1,b/m?db=4&sentinel_user=s": {kind: sentinel, hosts: []string{"a:1", "b:26379"}, user: "u", password: "p",
			master: "m", db: 4, sentinelUser: "s"},
		"rediss+cluster://a,b:2?servername=n": {kind: cluster, hosts: []string{"a:6379", "b:2"}, tls: tlsTarget{on: true, serverName: "n"}},
	} {
		got, err := parse(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", raw, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                            "it is empty",
		"h:6379":                      "no scheme",
		"http://h":                    `"http" is no scheme`,
		"redis://h:0":                 `behind "h" and the colon is no port`,
		"redis://h:x":                 `behind "h" and the colon is no port`,
		"redis://":                    `"" is not a host`,
		"redis://a,":                  `"" is not a host`,
		"redis://h/x":                 `"x" is no number`,
		"redis://h/-1":                `"-1" is no number`,
		"redis://h?pin=1":             "write rediss instead of redis",
		"rediss://h?pins=1":           `no option "pins"`,
		"redis+sentinel://h":          "the name of the master is missing",
		"redis+cluster://h/1":         "database 0 only",
		"unix://h/path":               "begins with a slash",
		"redis://u:hunter2/x@h":       "write a / in a password as %2F",
		"redis://u:hunter2%zz@h":      "write a % in it as %25",
		"redis://u:hunter2@h?db=%zz":  "cannot be read",
		"redis://u:hunter2@h:x":       `behind "h" and the colon is no port`,
		"redis://u:hunter2@h?x=1&y=2": "no option",
	} {
		_, err := parse(raw)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		config         Config
		user, password string
		problem        string
	}{
		{Config{URL: "redis://u:p@h", User: "v"}, "v", "p", ""},
		{Config{URL: "redis://u:p@h", Password: "q"}, "u", "q", ""},
		{Config{URL: "redis://u:p@h", Password: "q", PasswordFile: file("a", "f\n", 0o600)}, "u", "f", ""},
		{Config{URL: "redis://u@h"}, "", "", `the user "u" has no password`},
		{Config{URL: "redis://u@h", PasswordFile: file("b", "f\n", 0o644)}, "", "", "chmod 600"},
		{Config{URL: "redis://u@h", PasswordFile: file("c", "\n", 0o600)}, "", "", "is empty"},
		{Config{URL: "redis://u@h", PasswordFile: filepath.Join(dir, "none")}, "", "", "no such file"},
		{Config{URL: "redis://u:p@h", Pin: "a"}, "", "", "write rediss"},
	} {
		got, err := parse(c.config.URL)
		if err != nil {
			t.Fatal(err)
		}
		err = got.fill(c.config)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: got %v, want %s", c.config, err, c.problem)
			}
		} else if err != nil || got.user != c.user || got.password != c.password {
			t.Errorf("%s: got %q %q, %v", c.config, got.user, got.password, err)
		}
	}
}

func TestConfigHidesPasswords(t *testing.T) {
	t.Parallel()
	c := Config{URL: "redis://u:hunter2@h:1/2", Password: "hunter2"}
	for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
		if got := fmt.Sprintf(format, c); got != "redis://h:1/2" {
			t.Errorf("%s: %s", format, got)
		}
	}
	if got := c.LogValue().String(); got != "redis://h:1/2" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"redis://u:p@h:1/2?db=3", "redis+sentinel://a,b/m", "unix:///a", "rediss://[::1]:1?pin=00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parse(raw)
		if err == nil && len(got.hosts) == 0 {
			t.Errorf("%q has no host", raw)
		}
		_ = Address(raw)
	})
}
