package validate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	const title = `"schema": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "minLength": 3}, "n": {"type": "integer", "maximum": 9}}}`
	for _, c := range []struct{ name, in, want string }{
		{"fits", `{` + title + `, "value": {"title": "Rain", "n": 9}}`, ""},
		{"text that fits", `{` + title + `, "text": "{\"title\": \"Rain\"}"}`, ""},
		{"schema as text", `{"schema": "{\"type\": \"array\"}", "value": []}`, ""},
		{"nothing is refused by {}", `{"schema": {}, "value": 1}`, ""},
		{"missing", `{` + title + `, "value": {}}`, "title"},
		{"too short", `{` + title + `, "value": {"title": "a"}}`, "minLength"},
		{"no integer", `{` + title + `, "value": {"title": "Rain", "n": 1.5}}`, "integer"},
		{"too large", `{` + title + `, "value": {"title": "Rain", "n": 9007199254740993}}`, "maximum"},
		{"no JSON", `{` + title + `, "text": "Sorry, I cannot"}`, "it is no JSON"},
		{"two values", `{` + title + `, "text": "{\"title\": \"Rain\"}, \"w\": 1"}`, "it is no JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := call(t, c.in)
			if err != nil {
				t.Fatal(err)
			}
			list, _ := out["errors"].([]any)
			if valid := out["valid"] == true; valid != (c.want == "") || valid != (len(list) == 0) {
				t.Fatalf("got %v", out)
			}
			if len(list) > 0 && !strings.Contains(list[0].(string), c.want) {
				t.Errorf("got %v, want %q", list, c.want)
			}
			if _, err := call(t, strings.TrimSuffix(c.in, "}")+`, "mode": "fail"}`); (err != nil) != (c.want != "") {
				t.Errorf("with mode fail: %v", err)
			}
		})
	}
	for _, bad := range []string{
		`{"schema": {"type": 7}, "value": 1}`, `{"schema": "no", "value": 1}`, `{"schema": {"$$ref": "https://example.com/s.json"}, "value": 1}`,
		`{"schema": {}, "value": 1, "text": "1"}`,
	} {
		if out, err := call(t, bad); err == nil || !sdk.AsError(err).Permanent {
			t.Errorf("%s: got %v, %v", bad, out, err)
		}
	}
}

func call(t *testing.T, inputs string) (sdk.Values, error) {
	t.Helper()
	var in sdk.Values
	if err := json.Unmarshal([]byte(inputs), &in); err != nil {
		t.Fatal(err)
	}
	r, err := Node().Run(t.Context(), &sdk.Task{Inputs: in})
	return r.Outputs, err
}
