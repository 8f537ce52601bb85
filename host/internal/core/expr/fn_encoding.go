package expr

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var encodingFunctions = []Function{
	{"jsonencode", "a value as JSON", `jsonencode({ a = [1, true] })`, `"{\"a\":[1,true]}"`, stdlib.JSONEncodeFunc},
	{"jsondecode", "the value that a JSON text holds", `jsondecode("{\"a\":1}")`, `{ a = 1 }`, jsonDecodeFunc},
	{"yamlencode", "a value as YAML", `yamlencode({ a = 1 })`, `"\"a\": 1\n"`, yaml.YAMLEncodeFunc},
	{"yamldecode", "the value that a YAML text holds (no aliases)", `yamldecode("a: 1")`, `{ a = 1 }`, yamlDecodeFunc},
	{"csvdecode", "the rows of a CSV text with a header line, as objects", `csvdecode("a,b\n1,2")`, `[{ a = "1", b = "2" }]`, stdlib.CSVDecodeFunc},
	{"base64", "text in base64", `base64("hello")`, `"aGVsbG8="`, simple(toBase64)},
	{"base64decode", "text out of base64", `base64decode("aGVsbG8=")`, `"hello"`, simple(fromBase64)},
	{"sha256", "the SHA-256 of a text in hexadecimal", `substr(sha256("a"), 0, 8)`, `"ca978112"`, simple(sha256Hex)},
	{"urlencode", "text for use in a URL, all but letters, digits and -_.~ encoded", `urlencode("a b&c")`, `"a%20b%26c"`, simple(urlEncode)},
}

func toBase64(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }

func fromBase64(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", function.NewArgErrorf(0, "not base64: %s", err)
	}
	if !utf8.Valid(b) {
		return "", function.NewArgErrorf(0, "it does not hold text in UTF-8")
	}
	return string(b), nil
}

func sha256Hex(s string) (string, error) {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:]), nil
}

func urlEncode(s string) (string, error) {
	const plain, hexadecimal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", "0123456789ABCDEF"
	if len(s) > maxText/3 {
		return "", tooLong("urlencode")
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	return b.String(), nil
}

// jsonDecodeFunc refuses numbers out of range before they are read.
var jsonDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if v := args[0]; v.IsKnown() && !v.IsNull() {
			d := json.NewDecoder(strings.NewReader(v.AsString()))
			d.UseNumber()
			for t, err := d.Token(); err == nil; t, err = d.Token() {
				if n, ok := t.(json.Number); ok {
					if _, err := numberIn(string(n)); err != nil {
						return cty.NilType, function.NewArgError(0, err)
					}
				}
			}
		}
		return stdlib.JSONDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.JSONDecodeFunc.Call(args) },
})

var yamlAlias = regexp.MustCompile(`(^|[\s\[{,:-])\*[^\s*]`)

// yamlDecodeFunc refuses aliases, with which a kilobyte of YAML can stand for a gigabyte.
var yamlDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if v := args[0]; v.IsKnown() && !v.IsNull() && yamlAlias.MatchString(v.AsString()) {
			return cty.NilType, function.NewArgError(0, errors.New("aliases (*name) are not taken"))
		}
		return yaml.YAMLDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return yaml.YAMLDecodeFunc.Call(args) },
})
