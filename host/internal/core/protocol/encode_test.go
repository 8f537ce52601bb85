package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// FuzzEncode: what is written by hand is read as what encoding/json writes is, and is one line.
func FuzzEncode(f *testing.F) {
	f.Add("run_1/upscale/2", "host", `{"a":"b"}`, "", "sha256:1")
	f.Add("run/ä\u2028\"\\", "\x00\n", "[1,\n 2]", "it broke\n<b>", "")
	f.Add("", "", "", "\xff", "")
	f.Fuzz(func(t *testing.T, id, host, body, why, digest string) {
		var raw json.RawMessage
		if json.Valid([]byte(body)) {
			raw = json.RawMessage(body)
		}
		r := Result{ID: id, Agent: host, Body: raw}
		if why != "" {
			r.Error = &sdk.Error{Message: why, Cause: sdk.CauseLost}
		}
		if digest != "" {
			r.Artifacts = []string{digest}
		}
		for _, x := range []any{id, Task{ID: id, Host: host, Body: raw}, r} {
			got := Append([]byte("before"), x)
			got, ok := bytes.CutPrefix(got, []byte("before"))
			want, err := json.Marshal(x)
			if err != nil || !ok || bytes.ContainsRune(got, '\n') {
				t.Fatalf("%q, %v", got, err)
			}
			var a, b any
			if err := json.Unmarshal(got, &a); err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			if err := json.Unmarshal(want, &b); err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%q, not %q, %v", got, want, err)
			}
		}
	})
}
