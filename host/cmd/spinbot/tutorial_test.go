package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTutorials follows each page of docs/tutorials as a stranger does: it saves the files, types the commands, and compares what they
// print with what the page shows. docs/tutorials/README.md says what stands for what.
func TestTutorials(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("tutorials are followed without -short only")
	}
	pages, err := filepath.Glob(filepath.Join(repository, "docs/tutorials/*.md"))
	if err != nil || len(pages) < 7 {
		t.Fatalf("there are %d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		if filepath.Base(page) == "README.md" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			steps := lesson(string(raw))
			if len(steps) < 4 {
				t.Errorf("the page has %d steps", len(steps))
			}
			s := newStudent(t, string(raw))
			for _, step := range steps {
				t.Logf("line %d: %s %s", step.line, step.language, step.title)
				s.do(t, step)
			}
		})
	}
}

// lessonBlock is a fenced block, with the mark before it and the title behind its language; or a window that is left with Ctrl-C.
var lessonBlock = regexp.MustCompile("(?ms)^(?:<!-- (\\w+)(?:: ([^\n]+?))? -->\n)?```(\\w+)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$|^<!-- close: ([^\n]+) -->$")

// lessonStep is a block of a page, in the order of reading.
type lessonStep struct {
	line                  int
	mark, arg             string // fails: CODE, until, shown: WHY, close
	language, title, text string
	wants                 string // of sh: the text block that follows
	shows                 bool
}

// lesson gives the blocks of a page; what a command prints belongs to it.
func lesson(page string) (steps []lessonStep) {
	for _, at := range lessonBlock.FindAllStringSubmatchIndex(page, -1) {
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return page[at[2*n]:at[2*n+1]]
		}
		if name := group(6); name != "" {
			steps = append(steps, lessonStep{line: 1 + strings.Count(page[:at[0]], "\n"), mark: "close", title: name})
			continue
		}
		step := lessonStep{line: 1 + strings.Count(page[:at[6]], "\n"), mark: group(1), arg: group(2), language: group(3), title: group(4), text: group(5)}
		if last := len(steps) - 1; step.language == "text" && step.title == "" && step.mark == "" && last >= 0 && steps[last].language == "sh" && !steps[last].shows {
			steps[last].wants, steps[last].shows = step.text, true
			continue
		}
		steps = append(steps, step)
	}
	return steps
}

// printed is what a program must print for a text of a page: … is anything within a line, a line of its own any number of lines.
func printed(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*?") + ` *\n`)
	}
	return regexp.MustCompile(b.String())
}

// whole says that nothing more may follow.
func whole(pattern *regexp.Regexp) *regexp.Regexp { return regexp.MustCompile(pattern.String() + `\z`) }

// blank is a word of a command that the reader copies from what was printed, such as sbj_….
var blank = regexp.MustCompile(`[A-Za-z0-9_-]+…`)

// student is a reader who follows a page from its beginning.
type student struct {
	dir, home string
	env       []string
	addresses *strings.Replacer // those of the page: where servers of this test are
	own       *strings.Replacer // and back
	seen      string            // all that was printed
	windows   map[string]*window
}

// servers of a page are named in its mark <!-- needs: … -->: they are doubles, at another address than the page says.
var servers = map[string]struct {
	address     string
	command     []string
	model, tiny string // the one of the page, and the double's
}{
	"comfyui": {"127.0.0.1:8188", []string{"fakecomfyui", "-size", "17179869184"}, "sd_xl_base.safetensors", "model.safetensors"},
	"ollama":  {"127.0.0.1:11434", []string{"fakeollama", "-size", "15032385536"}, "qwen2.5:14b", "tiny"},
}

var needs = regexp.MustCompile(`(?m)^<!-- needs: ([a-z ]+) -->$`)

func newStudent(t *testing.T, page string) *student {
	t.Helper()
	s := &student{home: t.TempDir(), windows: map[string]*window{}}
	s.dir = s.home
	for _, name := range []string{"redis-server", "bash"} {
		if _, err := exec.LookPath(name); err != nil && strings.Contains(page, name) {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing; install it: apt-get install %[1]s", name)
			}
			t.Skipf("SKIPPING: %s is missing; install it: apt-get install %[1]s", name)
		}
	}
	port := freePort(t)
	there, back := []string{"127.0.0.1:8080", "127.0.0.1:" + port}, []string{"127.0.0.1:" + port, "127.0.0.1:8080"}
	s.environment(t, port)
	for _, m := range needs.FindAllStringSubmatch(page, -1) {
		for _, name := range strings.Fields(m[1]) {
			double := servers[name]
			address := s.serve(t, double.command)
			there = append(there, double.address, address, double.model, double.tiny)
			back = append(back, address, double.address, double.tiny, double.model)
		}
	}
	s.addresses, s.own = strings.NewReplacer(there...), strings.NewReplacer(append(back, s.home, "~")...)
	t.Cleanup(func() { s.leave(t) })
	return s
}

// environment is that of a person who has installed spinbot and cloned the repository into ~/spinbot, and nothing else.
func (s *student) environment(t *testing.T, port string) {
	t.Helper()
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "SPINBOT_") && !strings.HasPrefix(name, "XDG_") && name != "HOME" && name != "PATH" {
			s.env = append(s.env, v)
		}
	}
	s.env = append(s.env, "HOME="+s.home, "GOWORK=off", "PATH="+filepath.Join(built, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"SPINBOT_LISTEN=127.0.0.1:"+port, "SPINBOT_FLEET_LISTEN=127.0.0.1:"+freePort(t), "SPINBOT_ADVERTISE=127.0.0.1", "SPINBOT_ARTIFACTS_LISTEN=127.0.0.1:0")
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB"} { // what Go keeps in the real HOME
		if out, err := exec.CommandContext(t.Context(), "go", "env", name).Output(); err == nil {
			s.env = append(s.env, name+"="+strings.TrimSpace(string(out)))
		}
	}
	root, err := filepath.Abs(repository)
	if err == nil {
		err = os.Symlink(root, filepath.Join(s.home, "spinbot"))
	}
	if err = errors.Join(err, knowing(filepath.Join(s.home, ".local/state/spinbot")), os.MkdirAll(filepath.Join(s.home, ".config/spinbot"), 0o700)); err != nil {
		t.Fatal(err)
	}
}

func (s *student) do(t *testing.T, step lessonStep) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("line %d: %s", step.line, fmt.Sprintf(format, args...))
	}
	switch {
	case step.mark == "shown":
		if len(step.arg) < 10 {
			fail("why is this shown and not tried?")
		}
	case step.mark == "close":
		s.close(t, step.title)
	case step.language == "sh" && step.title != "":
		s.open(t, step)
	case step.language == "sh":
		s.run(t, step)
	case step.title != "":
		file := s.path(step.title)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = os.WriteFile(file, []byte(s.addresses.Replace(step.text)), 0o600)
		}
		if err != nil {
			fail("%v", err)
		}
	default:
		fail("nobody tries this:\n%s", step.text)
	}
}

// path is where the reader saves a file.
func (s *student) path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		return filepath.Join(s.home, rest)
	}
	return filepath.Join(s.dir, name)
}

// filled puts into a command what the reader copies there.
func (s *student) filled(t *testing.T, text string) string {
	t.Helper()
	return blank.ReplaceAllStringFunc(s.addresses.Replace(text), func(word string) string {
		found := regexp.MustCompile(strings.TrimSuffix(word, "…")+`[A-Za-z0-9_-]+`).FindAllString(s.seen, -1)
		if found == nil {
			t.Fatalf("%s: nothing like it was printed:\n%s", word, s.seen)
		}
		return found[len(found)-1]
	})
}

// run types the commands of a block into the terminal, where the folder stays as they leave it.
func (s *student) run(t *testing.T, step lessonStep) {
	t.Helper()
	text, code := s.filled(t, step.text), "0"
	if step.mark == "fails" {
		code = step.arg
	}
	where := filepath.Join(t.TempDir(), "folder")
	want := printed(step.wants)
	if step.shows {
		want = whole(want)
	}
	var out string
	ok := patiently(func() bool {
		cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", "trap 'pwd >"+where+"' EXIT\n"+text)
		cmd.Dir, cmd.Env = s.dir, s.env
		raw, err := cmd.CombinedOutput()
		out = s.own.Replace(string(raw))
		s.seen += out
		if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != code {
			t.Fatalf("line %d: it exits with %s, want %s (%v)\n%s\nprints\n%s", step.line, got, code, err, text, out)
		}
		return want.MatchString(out) || step.mark != "until"
	})
	t.Logf("it prints\n%s", out)
	if !ok || !want.MatchString(out) {
		t.Errorf("line %d: %s\nprints\n%s\nand not\n%s", step.line, step.text, out, step.wants)
	}
	if dir, err := os.ReadFile(where); err == nil {
		s.dir = strings.TrimSuffix(string(dir), "\n")
	}
}
