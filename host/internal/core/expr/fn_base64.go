package expr

import "encoding/base64"

var base64Function = Function{
	"base64", "text in base64",
	`base64("hello")`, `"aGVsbG8="`,
	simple(toBase64),
}

func toBase64(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }
