package answer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
	"github.com/myspinbot/spinbot/host/internal/lsp/outline"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

// pieces are what the edits of the fuzz test put in.
var pieces = []string{
	"", "\n", "\"", "{", "}", "[", "]", "(", ")", ".", "=", " ", "${", "#", "<<E\n", "E\n", "node.", "each.value", "var.topic", "[*]", "for x in ", ": x.", "é",
	"node \"render.clip\" \"a\" {\n", "module \"m\" {\n  source = \"./film.hcl\"\n}\n", "locals {\n  a = local.a\n}\n", "repeat {\n", "file(\"", "self.", "form \"f\" {\n",
}

// FuzzAnswers: whatever is typed, every question at every place has an answer, and it stays within the text.
func FuzzAnswers(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marker.ReplaceAllString(string(archive.Files[0].Data), ""), []byte("\x00\x10\x07\x30\x90\x02\x11\x40\x0a\x60\x20\x14"))
	}
	known := types(f)
	f.Fuzz(func(t *testing.T, src string, edits []byte) {
		if len(src) > 4<<10 || len(edits) > 60 {
			return
		}
		x := text.New(src)
		for i := 0; i+2 < len(edits); i += 3 {
			at := int(edits[i]) * (len(x.String()) + 1) / 256
			x = x.Edit(at, at+int(edits[i+1])%8, pieces[int(edits[i+2])%len(pieces)])
			w := &world{known, map[string]string{"film.hcl": x.String(), "part.hcl": src}, map[string]*outline.File{}}
			w.open["film.hcl"] = outline.New("film.hcl", x, w)
			askAll(t, &answer.Answerer{File: w.open["film.hcl"], Workspace: w, Encoding: text.UTF16, Snippets: true}, at)
		}
	})
}

func askAll(t *testing.T, a *answer.Answerer, near int) {
	size := len(a.File.Text.String())
	for _, at := range []int{near, max(0, near-1), min(size, near+5), near * 7 % (size + 1)} {
		list := a.Completion(at)
		for _, item := range list.Items {
			from, to := a.File.Text.Offset(text.Position(item.TextEdit.Range.Start), a.Encoding), a.File.Text.Offset(text.Position(item.TextEdit.Range.End), a.Encoding)
			if from > at || to < at || strings.Contains(a.File.Text.String()[from:at], "\n") {
				t.Fatalf("%q at %d: %q is put in from %d to %d", a.File.Text, at, item.Label, from, to)
			}
		}
		_, _, _ = a.Hover(at), a.Definition(at), a.Signature(at)
		if a.PrepareRename(at) != nil {
			if _, err := a.Rename(at, "zzq"); err != nil {
				t.Fatal(err)
			}
		}
		_ = a.References(at, true)
	}
	_ = a.Symbols()
}
