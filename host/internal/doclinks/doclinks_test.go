package doclinks_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/myspinbot/spinbot/host/internal/doclinks"
)

// TestRepository: every link of the repository's pages leads somewhere.
func TestRepository(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../../..")
	var pages []string
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "node_modules" || name == "dist" || name == "demo" || name == "testdata" || len(name) > 1 && name[0] == '.'):
			return fs.SkipDir
		case strings.HasSuffix(name, ".md") && !strings.Contains(path, "/starters/"):
			pages = append(pages, path)
		}
		return nil
	})
	if err != nil || len(pages) < 30 {
		t.Fatalf("there are %d pages, %v", len(pages), err)
	}
	broken, err := doclinks.Broken(root, pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range broken {
		t.Error(line)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	text := "# One & two\n[a](b.md#one--two) [c](#one--two) ![d](pic.png) [e](https://x.invalid/y#z) `[f](none.md)`\n```\n[g](none.md)\n```\n" +
		"[h](none.md) [i](b.md#none) [j](../../up.md) [k](#none \"title\")\n[l]: none.png\n<img alt=\"x\" src=\"none.webp\">\n"
	got, err := doclinks.Broken(fstest.MapFS{
		"docs/a.md": {Data: []byte(text)}, "docs/b.md": {Data: []byte("## One & two\n## One & two\n```sh\n# none\n```\n")}, "docs/pic.png": {},
	}, []string{"docs/a.md"})
	want := []string{
		"docs/a.md:6: (none.md): there is no docs/none.md", "docs/a.md:6: (b.md#none): docs/b.md has no such heading",
		"docs/a.md:6: (../../up.md): it leads out of the repository", "docs/a.md:6: (#none): docs/a.md has no such heading",
		"docs/a.md:7: (none.png): there is no docs/none.png", "docs/a.md:8: (none.webp): there is no docs/none.webp",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%s", err, strings.Join(got, "\n"))
	}
}

func TestAnchor(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]string{
		"A `plugin \"x\"` block": "a-plugin-x-block", "What's [there](x.md), now?": "whats-there-now", "ollama.chat": "ollamachat", "Ünï_code 2": "ünï_code-2",
	} {
		if got := doclinks.Anchor(heading); got != want {
			t.Errorf("%s is %s, want %s", heading, got, want)
		}
	}
}
