package sdk

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

var anArtifact = Artifact{Digest: "sha256:" + strings.Repeat("0", 64), MediaType: "image/png", Size: 1 << 40, Name: "a.png", Path: "/in/a.png"}

// samples are values of every kind, nested.
var samples = []Values{
	nil,
	{},
	{"": nil, "t": true, "f": false, "text": "ünï\x00\n<&>\u2028", "long": strings.Repeat("x", 300)},
	{"seed": json.Number("18446744073709551615"), "tenth": json.Number("0.1"), "huge": json.Number("-1E+400"), "zero": json.Number("-0")},
	{"list": []any{nil, []any{}, map[string]any{}, "x", json.Number("1")}},
	{"$": "a", "$artifact": "b", "$$": "c", "deep": map[string]any{"$artifact": map[string]any{"$x": json.Number("1")}}},
	{"a": anArtifact, "more": []any{map[string]any{"$a": anArtifact}}, "empty": Artifact{}},
}

func TestValuesJSON(t *testing.T) {
	t.Parallel()
	for _, v := range samples {
		b, err := v.EncodeJSON(true)
		var back Values
		if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("%#v is written %s, which reads as %#v, %v", v, b, back, err)
		}
		if b, err = json.Marshal(v); err != nil || strings.Contains(string(b), anArtifact.Path) {
			t.Errorf("without paths: %s, %v", b, err)
		}
	}
	for _, bad := range []string{`1`, `[]`, `"x"`, `{"a": {"$artifact": 1}}`, `{"a": [{"$artifact": "x", "size": "y"}]}`, `{`} {
		var v Values
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s reads as %v", bad, v)
		}
	}
}

func TestEachArtifact(t *testing.T) {
	t.Parallel()
	v := Values{
		"a": anArtifact, "list": []any{anArtifact, "x"}, "map": map[string]any{"b": anArtifact}, "values": Values{"c": anArtifact}, "n": json.Number("1"),
	}
	count := 0
	err := v.EachArtifact(func(a Artifact) (Artifact, error) { count++; a.Path = "new"; return a, nil })
	if b, _ := v.EncodeJSON(true); err != nil || count != 4 || strings.Contains(string(b), anArtifact.Path) {
		t.Errorf("%d artifacts, %v: %s", count, err, b)
	}
	stop := errors.New("stop")
	for name := range v {
		one := Values{name: v[name]}
		if err := one.EachArtifact(func(a Artifact) (Artifact, error) { return a, stop }); name != "n" && !errors.Is(err, stop) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBinary(t *testing.T) {
	t.Parallel()
	for _, v := range samples {
		b, err := v.AppendBinary([]byte("before"), true)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
			continue
		}
		back, err := DecodeBinary(b[len("before"):])
		if err != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("%#v became %#v, %v", v, back, err)
		}
	}
	b, err := Values{"a": anArtifact}.AppendBinary(nil, false)
	if err != nil || strings.Contains(string(b), anArtifact.Path) {
		t.Errorf("without paths: %q, %v", b, err)
	}
	loose := Values{"i": 1, "j": int64(-2), "u": uint64(math.MaxUint64), "f": 0.5, "l": []string{"a"}, "v": Values{"x": nil}}
	exact := Values{
		"i": json.Number("1"), "j": json.Number("-2"), "u": json.Number("18446744073709551615"), "f": json.Number("0.5"),
		"l": []any{"a"}, "v": map[string]any{"x": nil},
	}
	b, err = loose.AppendBinary(nil, true)
	if back, derr := DecodeBinary(b); err != nil || derr != nil || !reflect.DeepEqual(back, exact) {
		t.Errorf("got %#v, %v, %v", back, err, derr)
	}
	big := Values{"text": strings.Repeat("x", keepWhole), "k": "v"}
	if b, err = big.AppendBinary(nil, true); err != nil {
		t.Fatal(err)
	}
	if back, err := DecodeBinary(b); err != nil || !reflect.DeepEqual(back, big) {
		t.Errorf("a large value came back different: %v", err)
	}
}

func nested(depth int) any {
	var x any = "end"
	for range depth {
		x = []any{x}
	}
	return x
}

func TestBinaryRefused(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]Values{
		`a[1].b: text is not UTF-8`:       {"a": []any{nil, map[string]any{"b": "\xff"}}},
		`"\xff": text is not UTF-8`:       {"\xff": 1},
		`n: "x" is not a number`:          {"n": json.Number("x")},
		`n: "" is not a number`:           {"n": json.Number("")},
		`NaN is not a number`:             {"n": math.NaN()},
		`a value must be nil, bool`:       {"n": struct{}{}},
		`nested deeper than 128`:          {"deep": nested(MaxDepth)},
		`file: text is not UTF-8`:         {"file": Artifact{Name: "\xff"}},
		`list[0].x: a value must be nil,`: {"list": []any{Values{"x": int8(1)}}},
	} {
		if b, err := v.AppendBinary(nil, true); err == nil || !strings.Contains(err.Error(), want) || b != nil {
			t.Errorf("got %q, %v; want an error that says %q", b, err, want)
		}
	}
	if _, err := (Values{"deep": nested(MaxDepth - 1)}).AppendBinary(nil, true); err != nil {
		t.Errorf("the greatest depth: %v", err)
	}
	for data, want := range map[string]string{
		"": "unknown version", "\x02\x00": "unknown version", "\x01": "cut off", "\x01\x01": "want a map", "\x01\x09": "unknown tag",
		"\x01\x00\x00": "bytes after the end", "\x01\x06\x01": "length beyond the end", "\x01\x06\x01\x01a": "cut off",
		"\x01\x06\x01\x01\xff\x00":                             "not UTF-8",
		"\x01\x06\x02\x01a\x00\x01a\x00":                       "keys out of order",
		"\x01\x06\x01\x01a\x04\x01x":                           "not a number",
		"\x01\x06\x81\x00\x01a\x00":                            "bad length",
		"\x01\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01": "bad length",
		"\x01\x06\x01\x01a\x05\xff\xff\xff\xff\x0f":            "length beyond the end",
		"\x01\x06\x01\x00" + strings.Repeat("\x05\x01", 200):   "nested too deep",
	} {
		if v, err := DecodeBinary([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %v, %v; want an error that says %q", data, v, err, want)
		}
	}
}

func FuzzBinary(f *testing.F) {
	for _, v := range samples {
		b, err := v.AppendBinary(nil, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeBinary(data)
		if err != nil {
			return
		}
		b, err := v.AppendBinary(nil, true)
		if err != nil || string(b) != string(data) {
			t.Errorf("%q reads as %v and is written %q, %v", data, v, b, err)
		}
	})
}

func FuzzValuesJSON(f *testing.F) {
	for _, v := range samples {
		b, err := v.EncodeJSON(true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, back Values
		if json.Unmarshal(data, &v) != nil {
			return
		}
		b, err := v.EncodeJSON(true)
		if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(v, back) {
			t.Errorf("%s reads as %#v, is written %s and reads as %#v, %v", data, v, b, back, err)
		}
	})
}

func TestArtifactJSON(t *testing.T) {
	t.Parallel()
	give := Artifact{Digest: "sha256:1", MediaType: "a/b", Size: 2, Name: "n", Path: "/secret"}
	b, err := json.Marshal(&give)
	if err != nil || strings.Contains(string(b), "secret") {
		t.Fatalf("got %s, %v", b, err)
	}
	var got Artifact
	want := give
	want.Path = ""
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("%s became %+v, %v", b, got, err)
	}
	if err := json.Unmarshal([]byte(`{"$artifact": 1}`), &got); err == nil {
		t.Errorf("a number is taken for a digest: %+v", got)
	}
}
