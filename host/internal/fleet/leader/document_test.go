package leader

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/lead"
)

var example = regexp.MustCompile("(?s)<!-- message: (placing_ask|placing_answer) -->\n```json\n(.*?)```\n")

// TestDocument decodes what docs/protocol.md shows of what hosts say to each other: it has every field, and none that there is not.
func TestDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, m := range example.FindAllStringSubmatch(string(raw), -1) {
		text += m[2]
		var into any = &lead.Ask{}
		if m[1] == kindAnswer {
			into = &lead.Answer{}
		}
		d := json.NewDecoder(strings.NewReader(m[2]))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v\n%s", m[1], err, m[2])
		}
	}
	for _, name := range append(fields(reflect.TypeOf(lead.Ask{})), fields(reflect.TypeOf(lead.Answer{}))...) {
		if !strings.Contains(text, `"`+name+`"`) {
			t.Errorf("no example has %s", name)
		}
	}
	for _, want := range []string{"| `" + strings.TrimPrefix(Key("x", "ID"), "spinbot:{x}:") + "` |", fmt.Sprintf("[what hosts say to each other](#from-host-to-host). Kept at about %d entries", kept),
		fmt.Sprintf("the first %d of it", lead.Shown)} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// fields lists the JSON names of a type, and of those of core/lead within it.
func fields(of reflect.Type) (out []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || !strings.HasSuffix(of.PkgPath(), "/lead") {
		return nil
	}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		out = append(append(out, name), fields(of.Field(i).Type)...)
	}
	return out
}
