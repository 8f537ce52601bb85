package lineage

import (
	"context"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

const telling = `
pipeline "telling" {}
variable "topic" { type = string }
variable "pin" {
  type      = string
  sensitive = true
}
node "test.say" "write" { text = "a scene about ${var.topic}" }
node "test.say" "aside" { text = "nobody uses this line" }
node "test.make" "draw" {
  for_each = { sea = "waves and a lighthouse", hill = "sheep on a meadow" }
  text     = "${each.value} like ${node.write.text}"
}
node "test.make" "finish" {
  for_each = { sea = 1, hill = 2 }
  text     = "the end"
  from     = node.draw[each.key].file
}
node "test.make" "secret" { text = "the pin is ${var.pin} and more" }
output "sea" { value = node.finish["sea"].file }
`

// TestDescribe: an artifact is about what made it and what went into that, of a for_each of its own instance; nothing sensitive is said.
func TestDescribe(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.run(telling, sdk.Values{"topic": "the north", "pin": "canary-4711"})
	files, err := r.journal.Files(t.Context(), store.FileQuery{})
	if err != nil {
		t.Fatal(err)
	}
	d := Describer{Lineage: r.Lineage, Mask: func(s string) string { return strings.ReplaceAll(s, "north", "***") },
		Called: func(_ context.Context, digest string) ([]string, error) { return []string{"style ink"}, nil }}
	texts, err := d.Describe(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for k, f := range files {
		text := texts[k]
		if strings.Contains(text, "canary") || strings.Contains(text, "nobody uses") || strings.Contains(text, "north") {
			t.Errorf("%s: %s", f.At, text)
		}
		if !strings.HasPrefix(text, "style ink\n") || !strings.Contains(text, "telling") {
			t.Errorf("%s: %s", f.At, text)
		}
		at, err := sdk.ParseAddress(f.At)
		if err != nil {
			t.Fatal(err)
		}
		if at.Node.Name == "finish" || at.Node.Name == "draw" {
			seen++
			sea := at.Node.Key.Text() == "sea"
			if strings.Contains(text, "lighthouse") != sea || strings.Contains(text, "sheep") == sea || !strings.Contains(text, "a scene about the ***") {
				t.Errorf("%s: %s", f.At, text)
			}
			if at.Node.Name == "finish" && !strings.Contains(text, "the end of sha256:") { // its own bytes
				t.Errorf("%s: %s", f.At, text)
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d of the files were looked at: %+v", seen, files)
	}
	reads := r.journal.reads.Load()
	if _, err := d.Describe(t.Context(), files); err != nil || r.journal.reads.Load() != reads {
		t.Errorf("the run was read again, %v", err)
	}
}
