package http

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

func TestType(t *testing.T) {
	t.Parallel()
	plugin := sdk.Plugin{Name: "control", Version: "1.0.0", Nodes: []sdk.Node{Node()}}
	if err := plugin.Manifest().Validate(); err != nil {
		t.Error(err)
	}
	if n := Node().Type(); n.Revision != "" || n.Idempotent {
		t.Error("what a request gives is never used again")
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	jsonHeader := []guest.Field{{Name: "Content-Type", Value: "application/json; charset=utf-8"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
	for name, c := range map[string]struct {
		inputs    sdk.Values
		sends     guest.Request
		gets      guest.Response
		err       error
		want      sdk.Values
		says      string
		permanent bool
	}{
		"text": {
			inputs: sdk.Values{"url": "https://a.example"},
			sends:  guest.Request{Method: "GET", URL: "https://a.example", Body: []byte{}},
			gets:   guest.Response{Status: 204, Header: []guest.Field{{Name: "X", Value: "\xff"}}},
			want:   sdk.Values{"status": json.Number("204"), "headers": map[string]any{"x": "\uFFFD"}, "text": ""},
		},
		"json": {
			inputs: sdk.Values{"url": "u", "method": "post", "json": map[string]any{"n": json.Number("18446744073709551615")}, "headers": map[string]any{"X-B": "b"}, "bearer": "openai", "secrets": map[string]any{"X-Key": "key"}},
			sends: guest.Request{Method: "POST", URL: "u", Header: []guest.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "X-B", Value: "b"}},
				Secrets: []guest.Secret{guest.Bearer("openai"), {Header: "X-Key", Name: "key"}}, Body: []byte(`{"n":18446744073709551615}`)},
			gets: guest.Response{Status: 200, Header: jsonHeader, Body: []byte(`[18446744073709551615]`)},
			want: sdk.Values{"status": json.Number("200"), "headers": map[string]any{"content-type": "application/json; charset=utf-8", "x-a": "1, 2"},
				"text": "[18446744073709551615]", "json": []any{json.Number("18446744073709551615")}},
		},
		"its own type": {
			inputs: sdk.Values{"url": "u", "json": []any{}, "headers": map[string]any{"content-type": "application/x+json"}, "expect": []any{json.Number("404")}},
			sends:  guest.Request{Method: "GET", URL: "u", Header: []guest.Field{{Name: "content-type", Value: "application/x+json"}}, Body: []byte("[]")},
			gets:   guest.Response{Status: 404},
			want:   sdk.Values{"status": json.Number("404"), "headers": map[string]any{}, "text": ""},
		},
		"server":         {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 503, Body: []byte("come\nback")}, says: "u answered with status 503: come back"},
		"too many":       {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 429, Header: []guest.Field{{Name: "Retry-After", Value: "7"}}}, says: "wait for 7"},
		"not found":      {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 404}, says: "list it in expect", permanent: true},
		"not expected":   {inputs: sdk.Values{"url": "u", "expect": []any{json.Number("201")}}, gets: guest.Response{Status: 200}, says: "status 200", permanent: true},
		"refused":        {inputs: sdk.Values{"url": "u"}, err: &guest.Error{Status: guest.StatusRefused, Message: "not granted", Hint: "spinbot plugins grant"}, says: "spinbot plugins grant", permanent: true},
		"timeout":        {inputs: sdk.Values{"url": "u"}, err: &guest.Error{Status: guest.StatusTimeout, Message: "late"}, says: "late"},
		"two bodies":     {inputs: sdk.Values{"url": "u", "body": "x", "json": true}, says: "both body and json", permanent: true},
		"no text":        {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 200, Body: []byte{0xff}}, says: "not text", permanent: true},
		"bad JSON":       {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 200, Header: jsonHeader, Body: []byte("<html>")}, says: "says that it answers with JSON"},
		"more than JSON": {inputs: sdk.Values{"url": "u"}, gets: guest.Response{Status: 200, Header: jsonHeader, Body: []byte("1 2")}, says: "something follows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := nodeOf(func(q guest.Request) (guest.Response, error) {
				if c.want != nil && !reflect.DeepEqual(q, c.sends) {
					t.Errorf("it sends %+v, want %+v", q, c.sends)
				}
				return c.gets, c.err
			})
			in := sdk.Values{"method": "GET"}
			for k, v := range c.inputs {
				in[k] = v
			}
			r, err := n.Run(t.Context(), &sdk.Task{Inputs: in})
			if c.want != nil {
				if err != nil || !reflect.DeepEqual(r.Outputs, c.want) {
					t.Errorf("got %v, %v, want %v", r.Outputs, err, c.want)
				}
				if bad := n.Type().Outputs.Check(r.Outputs); len(bad) > 0 {
					t.Errorf("the outputs do not fit their schema: %v", bad)
				}
				return
			}
			var e *sdk.Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), c.says) || e.Permanent != c.permanent {
				t.Errorf("got %#v, want %q, permanent %v", err, c.says, c.permanent)
			}
		})
	}
}
