package storyboard

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

var update = flag.Bool("update", false, "write the golden files again")

func task(path string, more sdk.Values) *sdk.Task {
	in := sdk.Values{"article": sdk.Artifact{Name: filepath.Base(path), Path: path, MediaType: "text/markdown"}}
	for k, v := range more {
		in[k] = v
	}
	return &sdk.Task{Inputs: in}
}

// TestGolden plans each article of testdata, and the one that ships.
func TestGolden(t *testing.T) {
	t.Parallel()
	articles, err := filepath.Glob("testdata/*.md")
	if err != nil || len(articles) == 0 {
		t.Fatal("no articles", err)
	}
	articles = append(articles, "../../../pipelines/explainer/article.md")
	node := Node()
	for _, path := range articles {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := node.Run(t.Context(), task(path, nil))
			if err != nil {
				t.Fatal(err)
			}
			if bad := node.Type().Outputs.Check(r.Outputs); len(bad) > 0 {
				t.Errorf("the outputs do not fit their schema: %v", bad)
			}
			raw, err := r.Outputs.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, raw, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden := "testdata/" + name + ".json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}

func TestShippedArticle(t *testing.T) {
	t.Parallel()
	path := "../../../pipelines/explainer/article.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := words(string(text)); n < 300 || n > 500 {
		t.Errorf("the article has %d words, not 300 to 500", n)
	}
	scenes := plan(parse(string(text)), 8, 40, 165)
	if scenes[0].Layout != "hook" || scenes[0].Seconds > 3 {
		t.Errorf("no hook within three seconds: %+v", scenes[0])
	}
	layouts := map[string]bool{}
	for _, s := range scenes {
		layouts[s.Layout] = true
	}
	if len(layouts) < 6 {
		t.Errorf("only the layouts %v", layouts)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty.md", "", []string{`"empty.md" is empty`, "write something"}},
		{"blank.md", " \n\t\n", []string{"is empty"}},
		{"long.md", strings.Repeat("Many words. ", 5<<20/12), []string{`"long.md" is too long`, "5 MiB", "256 KiB"}},
		{"photo.md", "\x89PNG\r\n\x1a\n\xff\xd8", []string{"is not text", "UTF-8"}},
		{"nul.md", "text\x00text", []string{"is not text"}},
		{"marks.md", "---\n***\n> \n- \n", []string{"has no sentence"}},
		{"headings.md", "# One\n\n## Two\n", []string{"has no sentence"}},
		{"code.md", "```\nonly code\n```\n<!-- and\na comment -->\n", []string{"has no sentence"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, c.name)
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Node().Run(t.Context(), task(path, nil))
			e := sdk.AsError(err)
			if e == nil || !e.Permanent || e.Hint == "" {
				t.Fatalf("got %v, want a permanent error with a hint", err)
			}
			for _, w := range c.want {
				if !strings.Contains(e.Error(), w) {
					t.Errorf("%q does not say %q", e.Error(), w)
				}
			}
		})
	}
	if _, err := Node().Run(t.Context(), task(filepath.Join(dir, "gone.md"), nil)); err == nil || !strings.Contains(err.Error(), `"gone.md" cannot be read`) {
		t.Errorf("missing file: %v", err)
	}
}

func TestFitsTime(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../pipelines/explainer/article.md")
	if err != nil {
		t.Fatal(err)
	}
	a := parse(string(text))
	before := 0
	for _, seconds := range []float64{20, 40, 80, 160} {
		scenes := plan(a, 8, seconds, 165)
		total, said := overlap, 0
		for _, s := range scenes {
			total += s.Seconds + gap
			said += words(s.Caption)
		}
		if total > seconds {
			t.Errorf("%v s became %.1f s", seconds, total)
		}
		if said <= before {
			t.Errorf("%v s say %d words, fewer seconds said %d", seconds, said, before)
		}
		before = said
	}
	for _, most := range []int{3, 4, 8} {
		if n := len(plan(a, most, 900, 165)); n > most {
			t.Errorf("%d scenes, at most %d allowed", n, most)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("# T\n\n*tag*\n\nOne. Two.\n\n## A\n\n- x\n- y\n\n> q\n\nSee `code` and **bold** [a](b).", 8, 40.0)
	f.Add("a\n===\n\nb **c", 3, 10.0)
	f.Add("![x](y) [z", 40, 900.0)
	f.Fuzz(func(t *testing.T, text string, most int, seconds float64) {
		if most < 3 || most > 40 || !(seconds >= 10 && seconds <= 900) || len(text) > 1<<12 {
			return
		}
		a := parse(text)
		if !a.speaks() {
			return
		}
		scenes := plan(a, most, seconds, 165)
		if len(scenes) == 0 || len(scenes) > most {
			t.Fatalf("%d scenes of at most %d", len(scenes), most)
		}
		for i, s := range scenes {
			if s.Index != i || !spoken(s.Caption) || s.Points == nil || s.Layout == "" {
				t.Errorf("scene %d: %+v", i, s)
			}
		}
	})
}
