package text

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty/function"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var base64decodeFunction = builtin.New(
	"base64decode", "text out of base64",
	`base64decode("aGVsbG8=")`, `"hello"`,
	builtin.Simple(fromBase64),
)

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
