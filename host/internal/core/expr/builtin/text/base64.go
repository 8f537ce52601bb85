package text

import (
	"encoding/base64"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var base64Function = builtin.New(
	"base64", "text in base64",
	`base64("hello")`, `"aGVsbG8="`,
	builtin.Simple(toBase64),
)

func toBase64(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }
