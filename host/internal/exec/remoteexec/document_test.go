package remoteexec

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var example = regexp.MustCompile("(?s)<!-- message: (parcel|outcome|secrets) -->\n```json\n(.*?)```\n")

// TestDocumentHasParcelsAsTheyAre decodes what docs/protocol.md shows of a task's body and of a result's.
func TestDocumentHasParcelsAsTheyAre(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range example.FindAllStringSubmatch(string(raw), -1) {
		var into any
		switch seen[m[1]] = true; m[1] {
		case "parcel":
			into = new(parcel)
		case "outcome":
			into = new(outcome)
		default:
			into = new([]secret)
		}
		d := json.NewDecoder(strings.NewReader(m[2]))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("there are examples of %v", seen)
	}
}
